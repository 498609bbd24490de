// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock; all randomness comes from the seed.

import BusKernel
import BusNodeCore
import BusWire

/// Planted bugs: between core and transport, where they look like bugs of the cores.
extension SimulationWorld {
    /// What is really sent instead of `outgoing`.
    mutating func sabotaged(_ outgoing: Outgoing, on id: Int) -> [Outgoing] {
        guard let canary = self.plan.canary else { return [outgoing] }
        let header = outgoing.message.header
        let isObjectCall = header.kind == .call && header.peer != .broker
        switch canary {
        case .uncountedCopy:
            guard self.chance(1, of: 40), let held = self.heldSomewhere(id) else { break }
            let release = FrameHeader(
                kind: .release, peer: held.owner, object: held.object,
                call: CallNumber(rawValue: 1))
            return [outgoing, Outgoing(Message(release), epoch: outgoing.epoch)]
        case .helloSaysOne:
            guard header.kind == .hello else { break }
            return [self.counted(outgoing) { min($0, 1) }]
        case .forgottenRelease:
            if header.kind == .release, self.chance(1, of: 4) { return [] }
        case .overtaking:
            guard isObjectCall else { break }
            let waiting = self.heldBack.removeValue(forKey: id)
            guard waiting == nil, self.chance(1, of: 3) else {
                return [outgoing] + (waiting.map { [$0] } ?? [])
            }
            self.heldBack[id] = outgoing
            return []
        case .swallowedAnswer:
            if header.kind == .reply, self.chance(1, of: 20) { return [] }
        case .repeatedCall:
            guard isObjectCall, !header.flags.contains(.oneWay), self.chance(1, of: 20) else {
                break
            }
            return [outgoing, self.renumbered(outgoing)]
        case .lyingFailure:
            guard header.kind == .reply, header.referenceCount == 0, self.chance(1, of: 20) else {
                break
            }
            let lie = FailureBody(BusError(.overloaded, executed: .no, "as if it had never begun"))
            let failure = FrameHeader(kind: .failure, peer: header.peer, call: header.call)
            return [Outgoing(Message(failure, payload: lie.encoded()), epoch: outgoing.epoch)]
        case .hastyGoodbye:
            guard header.kind == .goodbye else { break }
            let idle = CallNumber(rawValue: IncarnationEnd.leftIdle.rawValue)
            let lie = FrameHeader(kind: .goodbye, call: idle)
            return [Outgoing(Message(lie), epoch: outgoing.epoch)]
        case .overtakingRelease, .swallowedUnref, .leakedSecret, .deafDrain, .wordAfterStopping:
            break
        }
        return [outgoing]
    }

    /// What has been queued last goes ahead of all that waits.
    mutating func sabotageOrder(on id: Int) {
        guard self.plan.canary == .overtakingRelease, self.links[id].up.count > 1,
            self.links[id].up.last?.header.kind == .release
        else { return }
        self.links[id].up.insert(self.links[id].up.removeLast(), at: 0)
        let first = self.links[id].sent - UInt64(self.links[id].up.count - 1)
        for index in self.links[id].up.indices {
            self.links[id].up[index].renumber(
                first + UInt64(index), epoch: self.links[id].epoch)
        }
    }

    /// What the broker really sends instead of `packet`.
    mutating func sabotaged(_ packet: Packet) -> [Packet] {
        guard let canary = self.plan.canary,
            var other = Packet(frame: Message(FrameHeader(kind: .heartbeat)).frame, buffers: [])
        else { return [packet] }
        switch (canary, packet.header.kind) {
        case (.swallowedUnref, .unref) where self.chance(1, of: 4):
            other.renumber(packet.header.sequence, epoch: packet.header.epoch)
            return [other]
        case (.wordAfterStopping, .stopping):
            other.renumber(packet.header.sequence + 1, epoch: packet.header.epoch)
            return [packet, other]
        default:
            return [packet]
        }
    }

    /// Whom the hostile peer says that it is, with that one's secret.
    mutating func stolenIdentity() -> IncarnationID? {
        guard self.plan.canary == .leakedSecret else { return nil }
        return self.pick(self.nodes.compactMap { $0.core?.incarnation })
    }

    private func heldSomewhere(_ id: Int) -> Reference? {
        self.nodes[self.links[id].node].tokens.first { $0.uses > 0 }?.reference
    }

    private func counted(_ hello: Outgoing, _ change: (UInt64) -> UInt64) -> Outgoing {
        let message = hello.message
        guard
            var body = try? HelloBody(payloadOf: message.frame.span.bytes, message.header)
        else { return hello }
        for index in body.holdings.indices {
            body.holdings[index].count = change(body.holdings[index].count)
        }
        return Outgoing(Message(message.header, payload: body.encoded()), epoch: hello.epoch)
    }

    private func renumbered(_ call: Outgoing) -> Outgoing {
        var frame = call.message.frame
        var span = frame.mutableSpan
        var bytes = span.mutableBytes
        bytes.put(call.message.header.call.rawValue + 1_000_000, at: FrameOffset.call)
        guard let message = try? Message(frame: frame, buffers: call.message.buffers) else {
            return call
        }
        var copy = Outgoing(message, epoch: call.epoch)
        copy.flags = call.flags
        copy.peerEpoch = call.peerEpoch
        copy.remaining = call.remaining
        return copy
    }
}
