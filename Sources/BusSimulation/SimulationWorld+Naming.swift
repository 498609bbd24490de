// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock; all randomness comes from the seed.

import BusBrokerCore
import BusKernel
import BusNodeCore
import BusValue
import BusWire

/// What a node was told of a name when it found it.
struct SimulatedBinding: Sendable {
    /// The head, or the members of a group.
    let meant: [Reference]
    /// Of the group; 0 if the name is none.
    let members: UInt64
}

/// What a call says of the name by which its caller found the target.
struct SimulatedAim: Hashable, Sendable {
    let name: String
    /// The number of the group of which the target was chosen; 0 if it was not.
    let members: UInt64
}

/// Calls by name (docs/protocol/names.md §3, §7).
extension SimulationWorld {
    /// The broker has told what `name` means.
    mutating func found(
        _ name: String, _ message: Message, _ references: [Reference], at index: Int
    ) {
        let parts = (try? Value(cbor: Array(message.payload)))?.arrayValue ?? []
        guard parts.count == 3 || parts.count == 5, let number = parts[2].intValue else {
            self.fail("the answer to find(\(name)) can't be read")
            return
        }
        self.nodes[index].bindings[name] = SimulatedBinding(
            meant: references, members: parts.count == 5 ? UInt64(number) : 0)
    }

    /// A target that the application holds, and what its call says of its name.
    mutating func aimByName(_ index: Int) -> (Reference, SimulatedAim)? {
        let node = self.nodes[index]
        let held = Set(node.tokens.filter { $0.uses > 0 }.map(\.reference))
        let names = node.bindings.keys.sorted().filter { name in
            node.bindings[name]?.meant.contains { held.contains($0) } ?? false
        }
        guard let name = self.pick(names), let binding = node.bindings[name],
            let target = self.pick(binding.meant.filter { held.contains($0) })
        else { return nil }
        // Who was told that it had moved makes the call again without a number.
        let isAgain = binding.members > 0 && self.chance(1, of: 4)
        return (target, SimulatedAim(name: name, members: isAgain ? 0 : binding.members))
    }

    /// The name of a call does not lead to its target any more: its caller finds it again.
    mutating func hasMoved(_ call: SimulatedCall, _ error: BusError) {
        self.statistics.moved += 1
        guard let aim = call.aim else {
            self.fail("call \(call.id) has no name, but failed with: \(error)")
            return
        }
        if error.executed != .no { self.fail("call \(call.id) has moved, and: \(error)") }
        if self.phase == .busy { self.callBroker(call.node, .find(aim.name)) }
    }

    /// What the broker forwards by a name leads where the name does, and who has chosen a member
    /// has chosen of those that there are. Only a call that was sent before stays where it was.
    func checkAim(of packet: Packet, on id: Int) {
        let link = self.links[id]
        guard packet.header.kind == .call, packet.header.flags.contains(.name), let broker,
            self.isRunning(link.node, link.run),
            let owner = self.nodes[link.node].core?.incarnation,
            let extensions = try? Extensions(
                reading: packet.frame.span.bytes, header: packet.header),
            let name = extensions.name
        else { return }
        let isAgain = packet.header.flags.contains(.resent)
        let queue = broker.names.queue(of: name)
        let meant = queue.first?.replicas == nil ? queue.prefix(1) : queue[...]
        let target = Reference(owner: owner, object: packet.header.object)
        let isMeant = meant.contains { $0.reference == target }
        if !isAgain, !isMeant {
            self.fail("\(packet.header.call) goes to \(target), which \(name) does not mean")
        }
        if !isAgain, extensions.members > 0, extensions.members != queue.first?.fence {
            self.fail("\(packet.header.call) was given to one of members that have changed")
        }
    }
}
