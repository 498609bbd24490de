// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock; all randomness comes from the seed.

import BusKernel
import BusNodeCore
import BusValue
import BusWire

/// Calls that are delivered, run, answered and ended, and the promises made about them.
extension SimulationWorld {
    mutating func delivered(_ delivered: DeliveredCall, at index: Int) {
        let references = delivered.message.references.map(\.reference)
        defer { self.unpin(references, at: index) }
        guard !self.hostile.incarnations.contains(delivered.caller) else {
            self.deliveredFromHostile(delivered, at: index)
            return
        }
        guard let id = self.content(of: delivered.message, references.count),
            self.calls.indices.contains(id)
        else {
            self.fail("node \(index) got a call whose payload is not what was sent")
            return
        }
        let call = self.calls[id]
        guard call.caller == delivered.caller, call.target.object == delivered.object,
            call.target.owner == self.nodes[index].core?.incarnation,
            delivered.identity?.number == call.number
        else {
            self.fail("call \(id) came to the wrong place or from the wrong one")
            return
        }
        guard let object = self.nodes[index][delivered.object], !object.isFreed else {
            guard self.mayBeStolen(call.target) else {
                self.fail("call \(id) came to \(call.target) after that was freed")
                return
            }
            guard let identity = delivered.identity else { return }
            let body = FailureBody(BusError(.notFound, "no such object"))
            self.reply(to: identity, ReplyRequest(body), at: index)
            return
        }
        if let identity = delivered.identity, delivered.deadline <= self.now {
            let body = FailureBody(BusError(.expired, "too late to start"))
            self.reply(to: identity, ReplyRequest(body), at: index)
            return
        }
        self.start(id, delivered.identity, references, at: index)
    }

    private mutating func start(
        _ id: Int, _ identity: CallIdentity?, _ references: [Reference], at index: Int
    ) {
        self.calls[id].starts += 1
        let call = self.calls[id]
        self.trace("n\(index): starts call \(id)")
        self.digest.add(UInt64(id))
        if call.starts > 1 { self.fail("call \(id) was started twice") }
        self.checkRight(of: call, at: index)
        self.checkDrain(of: call, at: index)
        if call.mustNotStart { self.fail("call \(id) was started after 'executed: no'") }
        if let later = self.history.started(id, call) {
            self.fail("call \(id) was started after call \(later) to the same object")
        }
        for reference in references where reference.owner != self.nodes[index].core?.incarnation {
            if call.script?.keeps ?? self.chance(3, of: 4) { self.use(index, reference) }
        }
        self.handlersMade += 1
        var handler = SimulatedHandler(id: self.handlersMade, call: id, identity: identity)
        if let script = call.script {
            handler.awaits = self.callInner(of: script, handler: handler.id)
        } else if self.phase == .busy, self.chance(1, of: 4), let other = self.pick(references),
            self.nodes[index].position(of: other) != nil
        {
            // Back to the caller, or on to somebody else.
            handler.awaits = self.call(
                index, other, self.someReferences(index), isOneWay: false, parent: handler.id,
                chain: call.chain)
        }
        self.nodes[index].handlers.append(handler)
        guard handler.awaits == nil, !(call.script?.runsUntilCancelled ?? false) else { return }
        self.finishLater(handler.id, at: index)
    }

    private mutating func finishLater(_ handler: Int, at index: Int) {
        let due = self.chance(1, of: 4) ? self.now : self.later(.milliseconds(4))
        self.events.add(
            .finishes(index, run: self.nodes[index].run, handler: handler), due: due)
    }

    mutating func finish(_ index: Int, _ id: Int) {
        guard let position = self.nodes[index].handlers.firstIndex(where: { $0.id == id }) else {
            return
        }
        let handler = self.nodes[index].handlers.remove(at: position)
        self.calls[handler.call].isFinished = true
        let script = self.calls[handler.call].script
        defer {
            if let script { self.hasReplied(script, at: index) }
            if self.nodes[index].handlers.isEmpty { self.drainGoesOn(index, from: .finishing) }
        }
        guard let identity = handler.identity else { return }
        if handler.isCancelled || (script == nil && self.chance(1, of: 8)) {
            let error = BusError(
                handler.isCancelled ? .cancelled : .failed, executed: .yes, "as it happens")
            self.reply(to: identity, ReplyRequest(FailureBody(error)), at: index)
            return
        }
        let references =
            script.map { self.returned(by: $0, at: index) }
            ?? (self.phase == .busy ? self.someReferences(index) : [])
        var request = ReplyRequest(builder: payload(handler.call, references.count))
        request.references = references
        self.reply(to: identity, request, at: index)
    }

    private mutating func reply(
        to identity: CallIdentity, _ request: ReplyRequest, at index: Int
    ) {
        self.withCore(index) { core, effects, _ in
            core.replied(to: identity, request, into: &effects)
        }
    }

    mutating func handlerCancelled(_ identity: CallIdentity, at index: Int) {
        let handlers = self.nodes[index].handlers
        for position in handlers.indices where handlers[position].identity == identity {
            self.nodes[index].handlers[position].isCancelled = true
            let handler = handlers[position]
            guard self.calls[handler.call].script?.runsUntilCancelled ?? false else { continue }
            self.finishLater(handler.id, at: index)
        }
    }

    /// The outcome of a call reaches the one who made it.
    mutating func callEnded(_ id: Int, _ outcome: CallOutcome, at index: Int) {
        guard !self.calls[id].isEnded else {
            self.fail("call \(id) ended twice")
            return
        }
        self.calls[id].isEnded = true
        switch outcome {
        case .failed(let error):
            self.judge(id, error)
        case .answered(let message):
            let references = message.references.map(\.reference)
            if message.header.kind == .reply {
                self.answered(id, message, references, at: index)
            } else {
                self.judge(id, FailureBody(payloadOf: message).error)
            }
            self.unpin(references, at: index)
        }
        if let parent = self.calls[id].parent { self.finishLater(parent, at: index) }
        self.drainGoesOn(index, after: id)
    }

    private mutating func answered(
        _ id: Int, _ message: Message, _ references: [Reference], at index: Int
    ) {
        self.statistics.answers += 1
        self.trace("n\(index): call \(id) is answered")
        let call = self.calls[id]
        switch call.purpose {
        case .object where self.hostile.incarnations.contains(call.target.owner):
            break
        case .object:
            guard self.content(of: message, references.count) == id else {
                self.fail("call \(id) got the answer of another one")
                return
            }
            if call.starts != 1 || !call.isFinished {
                self.fail("call \(id) was answered before it was done")
            }
        case .publish(let name, let object):
            self.nodes[index].core?.published(
                name, object, interface: "Thing", replicas: Self.policy(of: name))
        case .find(let name):
            self.found(name, message, references, at: index)
        case .ping, .withdraw, .withdrawAll:
            break
        }
        for reference in references where reference.owner != self.nodes[index].core?.incarnation {
            if self.takes(call) { self.use(index, reference) }
        }
    }

    private mutating func takes(_ call: SimulatedCall) -> Bool {
        guard self.plan.script == nil else { return call.script?.takes ?? true }
        return self.phase == .busy && self.chance(3, of: 4)
    }

    /// Whether an error tells the truth about what was executed.
    private mutating func judge(_ id: Int, _ error: BusError) {
        self.statistics.failures += 1
        self.calls[id].error = error
        let call = self.calls[id]
        self.trace("n\(call.node): call \(id) fails: \(error)")
        self.digest.add(text: error.kind.rawValue)
        self.findAgain(after: error, call)
        // Who lets everything go asks until it is done.
        if self.phase == .draining, error.kind == .overloaded, case .withdraw = call.purpose {
            self.callBroker(call.node, call.purpose)
        }
        if error.kind == .disconnected {
            self.statistics.disconnected += 1
            if error.executed == .maybe, !self.ended.contains(call.caller) {
                self.statistics.disconnectedMaybe += 1
            }
        }
        if error.kind == .moved { self.hasMoved(call, error) }
        self.judgeKind(of: error, call)
        guard call.purpose == .object,
            !self.hostile.incarnations.contains(call.target.owner)
        else { return }
        switch error.executed {
        case .no:
            self.calls[id].mustNotStart = true
            if call.starts > 0 { self.fail("call \(id) was executed, but failed with: \(error)") }
        case .yes:
            if call.starts == 0 {
                self.fail("call \(id) was not executed, but failed with: \(error)")
            }
        case .maybe:
            // A right that was revoked between two transmissions leaves no other answer.
            let kinds: [BusError.Kind] = [.cancelled, .expired, .denied]
            let hasEnded = !self.ended.isDisjoint(with: call.concerned)
            if !kinds.contains(error.kind) && !hasEnded {
                self.fail("call \(id): nothing ended, but it failed with: \(error)")
            }
        }
    }

    /// Whether an error of the bus has the reason that it names.
    private func judgeKind(of error: BusError, _ call: SimulatedCall) {
        let concerned = [call.target] + call.references
        switch error.kind {
        case .denied where error.executed != .yes:
            // A reference that came with an answer may have been revoked too.
            guard self.revoked.isDisjoint(with: concerned),
                !concerned.contains(where: { self.mayBeStolen($0) }),
                self.ended.isDisjoint(with: call.concerned)
            else { return }
            self.fail("call \(call.id): nothing was revoked, but it failed with: \(error)")
        case .disconnected where call.target.owner == .broker:
            guard !self.ended.contains(call.caller) else { return }
            self.fail("call \(call.id) to the broker failed with: \(error)")
        case .disconnected where error.executed == .no:
            guard self.ended.isDisjoint(with: call.concerned),
                !self.isRefusing(call.target.owner),
                !self.hostile.incarnations.contains(call.target.owner)
            else { return }
            self.fail("call \(call.id): nobody ends, but it failed with: \(error)")
        default:
            break
        }
    }

    /// What a payload of the simulation says, if it has that many references.
    private func content(of message: Message, _ references: Int) -> Int? {
        guard let parts = (try? Value(cbor: Array(message.payload)))?.arrayValue,
            parts.count == references + 1
        else { return nil }
        for index in 0..<references
        where parts[index + 1].referenceValue != ReferenceSlot(UInt32(index)) { return nil }
        return parts[0].intValue
    }

    /// Gives back the pins of a message: at once, or when a slow decoder is done.
    private mutating func unpin(_ references: [Reference], at index: Int) {
        guard !references.isEmpty else { return }
        if self.chance(1, of: 8) {
            self.events.add(
                .unpins(index, run: self.nodes[index].run, references),
                due: self.later(.milliseconds(1)))
        } else {
            self.withCore(index) { core, effects, _ in core.unpin(references, into: &effects) }
        }
    }
}

/// Remembers which call to an object was started last, by caller.
struct CallHistory: Sendable {
    private struct Pair: Hashable {
        let caller: IncarnationID
        let target: Reference
    }

    private var lastStarted: [Pair: Int] = [:]

    /// Notes a start; returns the call that should have come after it, if one was started before.
    mutating func started(_ id: Int, _ call: SimulatedCall) -> Int? {
        let pair = Pair(caller: call.caller, target: call.target)
        let last = self.lastStarted.updateValue(id, forKey: pair)
        return last.flatMap { $0 > id ? $0 : nil }
    }
}
