// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusNodeCore
import BusWire

/// What a node was handed, gave out and gave back, written down by who sees every message.
struct NodeBooks {
    /// Copies received since the last RELEASE, by reference.
    var received: [Reference: UInt64] = [:]
    /// Copies let go of while a HELLO was under way that still counted them.
    var late: [Reference: UInt64] = [:]
    /// Own objects put into transmissions, less what came home.
    var exported: [ObjectNumber: UInt64] = [:]
    /// Objects that the shell was asked to keep alive.
    var retained: Set<ObjectNumber> = []
    /// Calls without an outcome, by the number of their waiter.
    var waiting: [Int: (callee: IncarnationID, number: CallNumber)] = [:]
    var waiters = 0
    /// Calls that were delivered: ever, and those whose handlers run.
    var ran: Set<CallIdentity> = []
    var running: [CallIdentity] = []
    /// References of messages that the shell has not decoded yet.
    var pinned: [[Reference]] = []
    var tokens: [(reference: Reference, token: TokenGeneration)] = []

    // MARK: What happens

    /// The next message of the link came in.
    mutating func arrived(_ message: Message, at node: IncarnationID?) {
        switch message.header.kind {
        case .call, .reply, .failure:
            for entry in message.references where entry.reference.owner != node {
                self.received[entry.reference, default: 0] += 1
            }
        case .unref:
            let (object, count) = (message.header.object, message.header.call.rawValue)
            // More than there is ends the link, and nothing comes home.
            if let exported = self.exported[object], exported >= count {
                self.exported[object] = exported - count
            }
        default:
            break
        }
    }

    /// Returns what is wrong with a message of the node; nil if nothing is.
    mutating func transmitted(_ message: Message, by node: IncarnationID?) -> String? {
        for entry in message.references where entry.reference.owner == node {
            self.exported[entry.reference.object, default: 0] += 1
        }
        guard message.header.kind == .release else { return nil }
        let reference = Reference(owner: message.header.peer, object: message.header.object)
        let count = message.header.call.rawValue
        if self.late[reference] == count {
            self.late[reference] = nil
            return nil
        }
        guard self.received[reference] == count, count > 0 else {
            return "\(count) copies of \(reference) are released, but "
                + "\(self.received[reference] ?? 0) came"
        }
        self.received[reference] = nil
        return nil
    }

    /// Nobody hears of an ended incarnation again, so nothing need be remembered of it.
    mutating func peerEnded(_ peer: IncarnationID) {
        self.received = self.received.filter { $0.key.owner != peer }
        self.ran = self.ran.filter { $0.caller != peer }
    }

    mutating func closed() {
        self.received = [:]
        self.exported = [:]
    }

    /// The node is another one now: only what it has published is given out.
    mutating func incarnationEnded(_ published: [HelloBody.Name]) {
        self.received = [:]
        self.late = [:]
        self.exported = [:]
        for name in published { self.exported[name.object, default: 0] += 1 }
    }

    // MARK: What must be so

    /// What is wrong with a HELLO; nil if nothing is.
    func problem(_ hello: HelloBody) -> String? {
        for holding in hello.holdings
        where self.received[holding.entry.reference] != holding.count {
            return "HELLO holds \(holding.count) of \(holding.entry.reference), but "
                + "\(self.received[holding.entry.reference] ?? 0) came"
        }
        for export in hello.exports
        where self.exported[export.object] ?? 0 != export.count {
            return "HELLO exports \(export.count) of \(export.object), but "
                + "\(self.exported[export.object] ?? 0) went out"
        }
        return nil
    }

    /// What the tables must say after each step; nil if they do.
    mutating func problem(_ core: NodeStateMachine, isOpening: Bool) -> String? {
        for (reference, count) in self.received.sorted(by: { $0.key < $1.key }) {
            guard let held = core.imports[reference] else {
                // Without a link nobody is told; the next HELLO leaves it out.
                guard !core.isLinked else { return "\(reference) is dropped without a RELEASE" }
                if isOpening { self.late[reference, default: 0] += count }
                self.received[reference] = nil
                continue
            }
            if held.received != count {
                return "rcv of \(reference) is \(held.received), but \(count) came"
            }
        }
        for object in Set(core.exports.objects).union(self.exported.keys).sorted() {
            let counted = core.exports[object]?.count ?? 0
            let expected = self.exported[object] ?? 0
            if counted != expected {
                return "exp of \(object) is \(counted), but \(expected) went out"
            }
        }
        if core.questionCount - core.fenceCount > NodeDoor.limits.questions {
            return "there are too many calls"
        }
        return nil
    }
}
