// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/calls.md §5. Pure: no I/O, no clock, no randomness.

import BusKernel
package import BusValue
package import BusWire

/// What a callee answers: everything of a REPLY or FAILURE but its header.
package struct ReplyRequest: Sendable {
    package var isFailure = false
    /// Holds the payload.
    package var builder: MessageBuilder
    package var references: [Reference] = []
    package var buffers: [Bytes] = []

    package init(builder: MessageBuilder) {
        self.builder = builder
    }

    package init(_ body: FailureBody) {
        self.isFailure = true
        self.builder = MessageBuilder()
        self.builder.frame.append(contentsOf: body.encoded())
    }
}

/// Calls delivered here (rules R10, R13, R14, R19).
extension NodeStateMachine {
    mutating func callReceived(
        _ message: consuming Message, at now: Tick, _ effects: inout [NodeEffect]
    ) {
        let header = message.header
        let references = self.countReceipts(of: message, &effects)
        let deadline =
            header.remaining == 0
            ? Tick.distantFuture : now.advanced(by: Span(nanoseconds: header.remaining))
        let generation = self.exports.generation(of: header.object)
        guard !header.flags.contains(.oneWay), let incarnation else {
            let delivered = DeliveredCall(
                identity: nil, caller: header.peer, object: header.object,
                message: consume message, deadline: deadline, generation: generation)
            return self.oneWayReceived(delivered, references, &effects)
        }
        let number = header.call.rawValue
        guard number <= WireLimits.callNumberMax else {
            self.count(.numberInvalid)
            self.unpin(references, &effects)
            return
        }
        self.settledByCaller(header.peer, through: header.watermark, [], &effects)
        let refusal = self.refusal(of: message)
        let isRefused = refusal != nil
        switch self.peers.update(header.peer, { $0.receive(number, isRefused: isRefused) }) {
        case .settled, nil:
            self.count(.duplicateSettled)
            self.unpin(references, &effects)
        case .repeated(.running):
            self.count(.duplicateRunning)
            self.unpin(references, &effects)
        case .repeated(.kept(let answer)):
            self.count(.duplicateAnswered)
            self.unpin(references, &effects)
            self.transmit(answer, &effects)
        case .beyondWindow:
            self.count(.beyondWindow)
            self.unpin(references, &effects)
            let error = BusError(.overloaded, "the caller exceeds its window")
            self.transmit(self.failure(error, header), &effects)
        case .late:
            // The broker refused it at first, the refusal was lost, and what was called after it
            // has started since (rules R17).
            self.count(.late)
            self.unpin(references, &effects)
            let text = "refused on its way, and later calls have started since"
            self.refuse(header, BusError(.overloaded, text), &effects)
        case .refused:
            self.count(refusal?.kind == .denied ? .revoked : .draining)
            self.unpin(references, &effects)
            if let refusal { self.refuse(header, refusal, &effects) }
        case .begun:
            let delivered = DeliveredCall(
                identity: CallIdentity(
                    caller: header.peer, callee: incarnation, number: header.call),
                caller: header.peer, object: header.object, message: consume message,
                deadline: deadline, generation: generation)
            effects.append(.deliver(consume delivered))
        }
    }

    private mutating func oneWayReceived(
        _ call: DeliveredCall, _ references: [Reference], _ effects: inout [NodeEffect]
    ) {
        guard !self.isFenced(call.message.header) else {
            self.count(.oneWayRevoked)
            return self.unpin(references, &effects)
        }
        self.knowPeer(call.caller)
        self.started(call.message.header.call.rawValue &+ 1, by: call.caller)
        effects.append(.deliver(call))
    }

    private mutating func started(_ number: UInt64, by caller: IncarnationID) {
        self.peers.update(caller) { $0.firstInOrder = max($0.firstInOrder, number) }
    }

    /// Why `call` must not run if it is new; nil if it may.
    private func refusal(of call: Message) -> BusError? {
        if self.isFenced(call.header) { return BusError(.denied, "the reference was revoked") }
        guard self.isTooLate(call) else { return nil }
        return BusError(
            .disconnected, "the node of object \(call.header.object) is about to end")
    }

    /// Keeps and sends a FAILURE in place of running the call.
    private mutating func refuse(
        _ header: FrameHeader, _ error: BusError, _ effects: inout [NodeEffect]
    ) {
        let answer = self.failure(error, header)
        self.peers.update(header.peer) {
            $0.answers.insert(.kept(answer), at: header.call.rawValue)
        }
        self.transmit(answer, &effects)
    }

    /// Whether a call that was delivered has not been answered.
    package func isRunning(_ identity: CallIdentity) -> Bool {
        let isRunning = self.peers.read(identity.caller) { peer in
            peer.answers.read(identity.number.rawValue) {
                if case .running = $0 { true } else { false }
            } ?? false
        }
        return identity.callee == self.incarnation && isRunning == true
    }

    /// A handler is done. The answer is kept until the caller acknowledges it.
    package mutating func replied(
        to identity: CallIdentity, _ request: consuming ReplyRequest,
        into effects: inout [NodeEffect]
    ) {
        let number = identity.number.rawValue
        guard self.isRunning(identity) else { return }
        let entries = request.references.map { self.entry(for: $0) }
        for reference in request.references { self.pin(reference, &effects) }
        let header = FrameHeader(
            kind: request.isFailure ? .failure : .reply, peer: identity.caller,
            call: identity.number)
        let answer = request.builder.finish(
            header, references: entries, buffers: request.buffers)
        self.peers.update(identity.caller) {
            $0.answers.insert(.kept(answer), at: number)
        }
        self.transmit(answer, &effects)
    }

    /// The caller gave up. If the call itself was lost it must not run when it comes again.
    mutating func cancelReceived(_ header: FrameHeader, _ effects: inout [NodeEffect]) {
        let number = header.call.rawValue
        guard let incarnation, number <= WireLimits.callNumberMax else { return }
        let peer = self.peers[header.peer] ?? Peer()
        guard !peer.settled.contains(number) else { return }
        switch peer.answers[number] {
        case .running:
            effects.append(
                .cancelHandler(
                    CallIdentity(
                        caller: header.peer, callee: incarnation, number: header.call)))
        case .kept(let answer):
            self.transmit(answer, &effects)
        case nil:
            guard peer.answers.count < 2 * WireLimits.callsPerPair else { return }
            let answer = self.failure(
                BusError(.cancelled, "cancelled before it arrived"), header)
            self.peers.add(header.peer)
            self.peers.update(header.peer) { $0.answers.insert(.kept(answer), at: number) }
            self.transmit(answer, &effects)
        }
    }

    mutating func acknowledgeReceived(_ message: Message, _ effects: inout [NodeEffect]) {
        guard let extensions = try? message.extensions() else { return }
        self.settledByCaller(
            message.header.peer, through: message.header.watermark, extensions.ranges, &effects)
        if message.header.flags.contains(.resent) {
            self.acknowledge(message.header.peer, &effects)
        }
    }

    /// Asks a caller what it has settled, if answers to it are kept: what it said last may have
    /// been lost with its link or ours.
    mutating func askForAcknowledgement(
        _ caller: IncarnationID, _ effects: inout [NodeEffect]
    ) {
        guard let peer = self.peers[caller], !peer.answers.isEmpty else { return }
        self.acknowledge(caller, asks: true, &effects)
    }

    /// Drops kept answers that the caller has: they are never asked for again.
    private mutating func settledByCaller(
        _ caller: IncarnationID, through watermark: UInt64, _ ranges: [ClosedRange<UInt64>],
        _ effects: inout [NodeEffect]
    ) {
        self.knowPeer(caller)
        let unpinned = self.peers.update(caller) { peer in
            var unpinned: [Reference] = []
            peer.settled.insert(through: watermark)
            peer.answers.removeAll(in: 0...watermark) { unpinned += $0.references }
            for range in ranges where range.upperBound > watermark {
                // A caller that keeps its window has no more holes than calls.
                guard peer.settled.ranges.count < 2 * WireLimits.callsPerPair else { break }
                peer.settled.insert(range)
                peer.answers.removeAll(in: range) { unpinned += $0.references }
            }
            return unpinned
        }
        self.unpin(unpinned ?? [], &effects)
    }

    /// The caller is gone: handlers are cancelled, kept answers dropped.
    mutating func cancelAnswers(to caller: IncarnationID, _ effects: inout [NodeEffect]) {
        guard let incarnation, let answers = self.peers[caller]?.answers else { return }
        for number in answers.keys {
            switch answers[number] {
            case .running:
                effects.append(
                    .cancelHandler(
                        CallIdentity(
                            caller: caller, callee: incarnation,
                            number: CallNumber(rawValue: number))))
            case .kept(let answer):
                self.unpin(answer.references.map(\.reference), &effects)
            case nil:
                break
            }
        }
        self.peers.update(caller) { $0.answers = SlidingWindow() }
    }

    private mutating func knowPeer(_ caller: IncarnationID) {
        guard !self.peers.contains(caller) else { return }
        self.forgetIdlePeers()
        self.peers.add(caller)
    }

    /// Callers come and go, and not every end is told to those they once called.
    private mutating func forgetIdlePeers() {
        guard self.peers.count >= self.limits.idlePeers else { return }
        self.peers.removeIdle()
    }

    private func failure(_ error: BusError, _ header: FrameHeader) -> Message {
        Message(
            FrameHeader(kind: .failure, peer: header.peer, call: header.call),
            payload: FailureBody(error).encoded())
    }
}
