// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusNodeCore
import BusSimulation
import BusWire

/// A node's core, and a script of what happens to it: what the broker sends, what the application
/// does, what becomes of links.
///
/// The door is the shell, the application and the broker. It does what a shell must do, counts
/// along, and compares after each step.
struct NodeDoor: ScriptedDoor {
    /// Whoever waits for an outcome; told apart by its number.
    final class Waiter: OutcomeReceiver {
        let number: Int

        init(_ number: Int) {
            self.number = number
        }

        func resume(_ outcome: CallOutcome) {}
    }

    static let limits: NodeLimits = {
        var limits = NodeLimits()
        limits.questions = 12
        limits.callsPerPeer = 4
        limits.callBytesPerPeer = 1_024
        return limits
    }()
    let isCanary: Bool
    var script: ScriptReader
    var core: NodeStateMachine
    var now = Tick.zero.advanced(by: .seconds(1))
    var books = NodeBooks()
    var epoch = Epoch.none
    /// The last message of the broker on the present link.
    var sequence: UInt64 = 0
    /// A HELLO is under way.
    var isOpening = false
    /// How many incarnations the broker has given out.
    var incarnations: UInt64 = 0
    var digest = TraceDigest()
    var violation: String?

    let trace: ((String) -> Void)?

    init(_ script: ScriptReader, isCanary: Bool, trace: ((String) -> Void)?) {
        self.script = script
        self.trace = trace
        self.isCanary = isCanary
        self.core = NodeStateMachine(
            name: "n", program: "fuzz", processID: 1, limits: Self.limits, seed: 1)
    }

    mutating func with(_ body: (inout NodeStateMachine, inout [NodeEffect], Tick) -> Void) {
        var effects: [NodeEffect] = []
        body(&self.core, &effects, self.now)
        self.perform(effects)
    }

    mutating func perform(_ effects: [NodeEffect]) {
        for effect in effects { self.perform(effect) }
        guard self.violation == nil else { return }
        // What is let go of between HELLO and WELCOME is told after it.
        if let problem = self.books.problem(self.core, isOpening: self.isOpening) {
            self.fail(problem)
        }
    }

    mutating func pass(_ span: Span) {
        let end = self.now.advanced(by: span)
        // A broker may ask for heartbeats as often as it likes.
        for _ in 0..<64 where self.core.nextDeadline <= end && self.violation == nil {
            self.now = max(self.now, self.core.nextDeadline)
            self.with { core, effects, now in core.timePassed(at: now, into: &effects) }
            if self.core.nextDeadline <= self.now { self.fail("time passed, and is due again") }
        }
        self.now = end
    }

    /// A message of the broker arrives on the present link.
    mutating func receive(_ frame: [UInt8]) {
        guard let message = try? Message(frame: frame) else { return }
        let wasLinked = self.core.isLinked
        let isNext = message.header.sequence == self.sequence &+ 1
        let isCounted = wasLinked && message.header.epoch == self.epoch && isNext
        if isCounted { self.books.arrived(message, at: self.core.incarnation) }
        let epoch = self.epoch
        self.trace?("> \(MessageDump.line(frame: frame.span.bytes))")
        self.with { core, effects, now in
            core.received(message, on: epoch, at: now, into: &effects)
        }
        if isCounted || self.core.isLinked && !wasLinked {
            self.sequence = message.header.sequence
        }
    }

    mutating func close() {
        self.books.closed()
        self.with { core, effects, now in core.closed(at: now, into: &effects) }
    }

    mutating func leave() {
        self.close()
        self.giveBackEverything()
        if self.core.questionCount > 0 { self.fail("calls are left over") }
        if self.core.answerCount > 0 { self.fail("answers are left over") }
        if self.core.imports.count > 0 { self.fail("imports are left over") }
        if self.core.exports.count > 0 { self.fail("exports are left over") }
        if !self.books.retained.isEmpty { self.fail("objects are retained for ever") }
        if !self.books.waiting.isEmpty { self.fail("a call was never told its outcome") }
    }

    // MARK: What the core wants

    private mutating func perform(_ effect: NodeEffect) {
        guard self.violation == nil else { return }
        self.trace?("node: \(self.line(effect))")
        switch effect {
        case .openLink(let epoch, let attach, let hello): self.open(epoch, attach, hello)
        case .closeLink(let epoch):
            self.isOpening = false
            self.digest.add(UInt64(epoch.rawValue))
        case .transmit(let outgoing): self.transmit(outgoing)
        case .deliver(let call): self.deliver(call)
        case .cancelHandler(let identity): self.digest.add(text: identity.description)
        case .resume(let waiter, let outcome): self.resume(waiter, outcome)
        case .retain(let object):
            self.digest.add(object.rawValue)
            if !self.books.retained.insert(object).inserted, !self.isCanary {
                self.fail("object \(object) is retained twice")
            }
        case .release(let object):
            self.digest.add(~object.rawValue)
            if self.books.retained.remove(object) == nil {
                self.fail("object \(object) is released, and was not retained")
            }
        case .died(let reference, let reason):
            self.digest.add(text: "\(reference) \(reason)")
        case .unheld(let object): self.digest.add(object.rawValue)
        case .report(let notice): self.noticed(notice)
        case .done: self.fail("an effect was taken out")
        }
    }

    private func line(_ effect: NodeEffect) -> String {
        switch effect {
        case .transmit(let outgoing):
            "transmit \(MessageDump.line(frame: outgoing.message.frame.span.bytes))"
        case .openLink(let epoch, _, let hello):
            "open \(epoch.rawValue), \(MessageDump.line(frame: hello.message.frame.span.bytes))"
        default: "\(effect)"
        }
    }

    private mutating func open(_ epoch: Epoch, _ attach: Message, _ hello: Outgoing) {
        guard epoch > self.epoch else { return self.fail("epoch \(epoch.rawValue) is not new") }
        self.epoch = epoch
        self.isOpening = true
        self.sequence = 0
        self.digest.add(bytes: hello.message.frame)
        let header = hello.message.header
        guard attach.header.object == header.object, attach.header.call == header.call else {
            return self.fail("HELLO and ATTACH have other tokens")
        }
        guard let body = try? HelloBody(payloadOf: hello.message.frame.span.bytes, header) else {
            return self.fail("a HELLO can't be read")
        }
        // This HELLO does not count what was let go of before it.
        self.books.late = [:]
        if let problem = self.books.problem(body) { self.fail(problem) }
    }

    private mutating func transmit(_ outgoing: Outgoing) {
        guard outgoing.epoch == self.epoch else {
            return self.fail("a message is sent on an old link")
        }
        var frame = outgoing.message.frame
        var span = frame.mutableSpan
        var bytes = span.mutableBytes
        outgoing.patch(&bytes, sequence: 1)
        self.digest.add(bytes: frame)
        guard let message = try? Message(frame: frame, buffers: outgoing.message.buffers) else {
            return self.fail("the node sends what can't be read")
        }
        guard (try? message.extensions()) != nil else {
            return self.fail("the node sends extensions that can't be read")
        }
        if self.isCanary, message.header.referenceCount > 0 { return }
        if let problem = self.books.transmitted(message, by: self.core.incarnation) {
            self.fail(problem)
        }
    }

    private mutating func deliver(_ call: DeliveredCall) {
        self.digest.add(bytes: call.message.frame)
        if let identity = call.identity {
            guard self.books.ran.insert(identity).inserted else {
                return self.fail("\(identity) runs twice")
            }
            self.books.running.append(identity)
        }
        self.books.pinned.append(call.message.references.map(\.reference))
    }

    private mutating func resume(_ waiter: CallWaiter, _ outcome: CallOutcome) {
        guard case .receiver(let waiter as Waiter) = waiter,
            self.books.waiting.removeValue(forKey: waiter.number) != nil
        else { return self.fail("a call gets a second outcome") }
        self.digest.add(UInt64(waiter.number))
        switch outcome {
        case .answered(let message):
            self.books.pinned.append(message.references.map(\.reference))
        case .failed(let error):
            self.digest.add(text: error.description)
        }
    }

    private mutating func noticed(_ notice: NodeNotice) {
        switch notice {
        case .linked(let incarnation, let epoch, _):
            self.digest.add(incarnation.rawValue ^ UInt64(epoch.rawValue) << 32)
            self.isOpening = false
        case .linkLost(let reason): self.digest.add(text: reason)
        case .brokerStops: self.digest.add(text: "stops")
        case .refused(let error, let isFinal):
            self.digest.add(text: error.description)
            if isFinal { self.books.closed() }
        case .incarnationEnded(let incarnation):
            self.digest.add(incarnation.rawValue)
            self.books.incarnationEnded(self.core.published)
        case .peerEnded(let peer, _):
            self.digest.add(peer.rawValue)
            self.books.peerEnded(peer)
        }
    }
}
