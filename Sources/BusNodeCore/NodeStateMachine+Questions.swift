// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/calls.md §3-§4. Pure: no I/O, no clock, no randomness.

package import BusKernel
package import BusValue
package import BusWire

/// What a caller wants: everything of a call but its number.
package struct CallRequest: Sendable {
    package var target: Reference
    /// Holds the payload.
    package var builder: MessageBuilder
    package var extensions: Extensions
    package var references: [Reference]
    /// References that are not held yet, with the seals that give the right to them; they follow
    /// the others in the table.
    package var entries: [ReferenceEntry] = []
    package var buffers: [Bytes]
    /// `[]` would take an array, as generic code of another module is not specialised.
    package var flags = MessageFlags(rawValue: 0)
    package var deadline = Tick.distantFuture
    /// Gets the outcome; nil for a one-way call.
    package var waiter: CallWaiter?

    package init(
        target: Reference, builder: consuming MessageBuilder,
        extensions: consuming Extensions = Extensions(), references: [Reference] = [],
        buffers: [Bytes] = []
    ) {
        self.target = target
        self.builder = builder
        self.extensions = extensions
        self.references = references
        self.buffers = buffers
    }
}

/// Calls made from here (rules R10, R13-R16, R19, R20).
extension NodeStateMachine {
    /// Issues a call. Its outcome comes by `resume`; nil means that there will be none because it
    /// is one-way. The request, whose frame becomes the message's, may be issued again.
    package mutating func callIssued(
        _ request: inout CallRequest, at now: Tick, into effects: inout [NodeEffect]
    ) throws(BusError) -> CallNumber? {
        if case .closed = self.phase { throw BusError(.disconnected, "the bus is closed") }
        guard !self.imports.isRevoked(request.target) else {
            self.count(.issuedRevoked)
            throw BusError(.denied, "\(request.target) was revoked")
        }
        guard request.deadline > now else {
            self.count(.issuedExpired)
            throw BusError(.expired, "the deadline passed before the call was made")
        }
        guard request.references.count + request.entries.count <= WireLimits.referencesPerMessage,
            request.buffers.count <= WireLimits.buffersPerMessage
        else {
            self.count(.issuedTooLarge)
            throw BusError(.invalid, "too many references or buffers in one call")
        }
        let entries =
            request.references.isEmpty
            ? request.entries
            : request.references.map { self.entry(for: $0) } + request.entries
        guard !request.flags.contains(.oneWay) else {
            return try self.oneWayIssued(&request, entries, at: now, &effects)
        }
        guard self.questions.count < self.limits.questions else {
            self.count(.issuedCrowd)
            throw BusError(.overloaded, "\(self.limits.questions) calls wait for their answers")
        }
        self.numbersIssued += 1
        let number = self.numbersIssued
        let header = FrameHeader(
            kind: .call, flags: request.flags, peer: request.target.owner,
            object: request.target.object, call: CallNumber(rawValue: number))
        let message = request.builder.finish(
            header, extensions: request.extensions, references: entries,
            buffers: request.buffers)
        let (callee, byteCount) = (request.target.owner, message.byteCount)
        self.questions.insert(
            Question(
                callee: callee, message: consume message, byteCount: byteCount,
                pinnedCount: request.references.count, deadline: request.deadline,
                waiter: request.waiter),
            at: number)
        self.pin(request.target, &effects)
        for reference in request.references { self.pin(reference, &effects) }
        self.earliestDeadline = min(self.earliestDeadline, request.deadline)
        self.awaits(request.extensions.chain)
        self.peers.add(callee)
        self.sendInTurn(number, byteCount, to: callee, at: now, &effects)
        return CallNumber(rawValue: number)
    }

    /// Sends a new call, behind those that wait.
    private mutating func sendInTurn(
        _ number: UInt64, _ byteCount: Int, to callee: IncarnationID, at now: Tick,
        _ effects: inout [NodeEffect]
    ) {
        guard self.peers.read(callee, { $0.waiting.isEmpty }) == true, self.isLinked,
            self.makesRoom(at: callee, for: byteCount, &effects)
        else {
            self.peers.update(callee) { $0.waiting.append(number) }
            return self.sendWaiting(to: callee, at: now, &effects)
        }
        // As nearly always: it would be the first to wait, and need not.
        self.peers.update(callee) { $0.admit(number, byteCount: byteCount) }
        self.transmitCall(number, isResent: false, at: now, &effects)
    }

    private mutating func oneWayIssued(
        _ request: inout CallRequest, _ entries: [ReferenceEntry], at now: Tick,
        _ effects: inout [NodeEffect]
    ) throws(BusError) -> CallNumber? {
        guard case .linked(let link) = self.phase else {
            self.count(.oneWayUnlinked)
            throw BusError(.disconnected, "a one-way call needs the broker, which is not there")
        }
        // Nobody would answer that the name means another object by now.
        guard request.extensions.name == nil || self.endedPeers[request.target.owner] == nil else {
            throw BusError(.moved, "the owner of \(request.target) has ended")
        }
        let credit = self.grant?.credit ?? .max
        guard link.oneWaySent &- link.oneWayTaken < credit else {
            self.count(.oneWayOverCredit)
            throw BusError(
                .overloaded, "\(credit) bytes of one-way calls are on their way to the broker")
        }
        // It has no place of its own to wait in, and must not overtake what was called before.
        self.sendWaiting(to: request.target.owner, at: now, &effects)
        guard self.peers[request.target.owner]?.waiting.isEmpty ?? true else {
            self.count(.oneWayBehind)
            throw BusError(.overloaded, "calls to the same node still wait for their turn")
        }
        let header = FrameHeader(
            kind: .call, flags: request.flags, peer: request.target.owner,
            object: request.target.object, call: CallNumber(rawValue: self.numbersIssued))
        let message = request.builder.finish(
            header, extensions: request.extensions, references: entries,
            buffers: request.buffers)
        self.oneWaySent(message)
        var outgoing = Outgoing(message, epoch: self.epoch)
        outgoing.peerEpoch = self.peers[request.target.owner]?.epoch ?? .none
        outgoing.remaining = remaining(until: request.deadline, at: now)
        self.transmit(outgoing, &effects)
        return nil
    }

    private mutating func oneWaySent(_ message: Message) {
        guard case .linked(var link) = self.phase else { return }
        link.oneWaySent &+= UInt64(message.byteCount)
        self.phase = .linked(link)
    }

    /// The broker tells how many bytes of one-way calls it has taken in on this link.
    mutating func oneWayTaken(_ byteCount: UInt64) {
        guard case .linked(var link) = self.phase,
            (link.oneWayTaken...link.oneWaySent).contains(byteCount)
        else { return }
        link.oneWayTaken = byteCount
        self.phase = .linked(link)
    }

    /// The caller does not want the answer any more: its waiter is told at once.
    package mutating func callCancelled(
        _ number: CallNumber, at now: Tick, into effects: inout [NodeEffect]
    ) {
        self.abandon(
            number.rawValue, .cancelled, "the calling task was cancelled", at: now, &effects)
    }

    /// Sends what the callee's window admits, in order (rules R14, R22).
    mutating func sendWaiting(
        to callee: IncarnationID, at now: Tick, _ effects: inout [NodeEffect]
    ) {
        guard self.isLinked else { return }
        while let number = self.peers.read(callee, { $0.waiting.first }) ?? nil {
            guard let byteCount = self.questions.read(number, { $0.byteCount }) else {
                self.peers.update(callee) { _ = $0.waiting.removeFirst() }
                continue
            }
            guard self.makesRoom(at: callee, for: byteCount, &effects) else { return }
            self.peers.update(callee) {
                $0.waiting.removeFirst()
                $0.admit(number, byteCount: byteCount)
            }
            self.transmitCall(number, isResent: false, at: now, &effects)
        }
    }

    /// Settled calls between unsettled ones take up places until the callee is told of them.
    private mutating func makesRoom(
        at callee: IncarnationID, for byteCount: Int, _ effects: inout [NodeEffect]
    ) -> Bool {
        if self.admits(callee, byteCount) { return true }
        guard let peer = self.peers[callee], peer.span >= self.limits.callsPerPeer,
            peer.span > peer.outstanding
        else { return false }
        self.acknowledge(callee, &effects)
        return self.admits(callee, byteCount)
    }

    private func admits(_ callee: IncarnationID, _ byteCount: Int) -> Bool {
        guard callee != .broker else { return true }
        return self.peers.read(callee) { peer in
            peer.span < self.limits.callsPerPeer
                && (peer.outstanding == 0
                    || peer.outstandingBytes + byteCount <= self.limits.callBytesPerPeer)
        } ?? true
    }

    mutating func transmitCall(
        _ number: UInt64, isResent: Bool, at now: Tick, _ effects: inout [NodeEffect]
    ) {
        let epoch = self.epoch
        let made = self.questions.update(number) { question in
            var outgoing = Outgoing(question.message, epoch: epoch)
            outgoing.remaining = remaining(until: question.deadline, at: now)
            question.state = .sent
            question.wasSent = true
            if isResent {
                outgoing.flags.insert(.resent)
                question.isResent = true
            }
            return outgoing
        }
        guard var outgoing = consume made else { return }
        outgoing.behind = UInt32(clamping: number)
        self.peers.update(outgoing.message.header.peer) { peer in
            let watermark = peer.watermark(issued: number)
            outgoing.behind = UInt32(clamping: number - min(number, watermark))
            outgoing.peerEpoch = peer.epoch
            // A call repeats its watermark, so a number that is too far off to tell is no harm.
            if outgoing.behind < .max { peer.told(watermark) }
        }
        self.transmit(consume outgoing, &effects)
    }

    /// Sends unsettled calls again after a link was lost, in their order; of those that nobody
    /// waits for only the cancellation (rules R15, R19).
    mutating func resend(
        _ numbers: [UInt64], at now: Tick, _ effects: inout [NodeEffect]
    ) {
        var behind: [IncarnationID] = []
        for number in numbers {
            guard let question = self.questions[number] else { continue }
            switch question.state {
            case .sent:
                self.transmitCall(number, isResent: true, at: now, &effects)
            case .abandoned where question.callee == .broker:
                // The broker keeps no answers: what was lost with the link never comes.
                self.settle(number, &effects)
            case .abandoned:
                self.transmitCancel(number, question, &effects)
            case .waiting:
                if !behind.contains(question.callee) { behind.append(question.callee) }
            }
        }
        for callee in behind { self.sendWaiting(to: callee, at: now, &effects) }
    }

    private mutating func transmitCancel(
        _ number: UInt64, _ question: Question, _ effects: inout [NodeEffect]
    ) {
        guard question.callee != .broker else { return }
        let header = FrameHeader(
            kind: .cancel, peer: question.callee, object: question.message.header.object,
            call: CallNumber(rawValue: number))
        self.transmit(Message(header), &effects)
    }

    /// REPLY or FAILURE: settles the question, and counts what it carries even if nobody asked.
    mutating func answerReceived(
        _ message: consuming Message, at now: Tick, _ effects: inout [NodeEffect]
    ) {
        let header = message.header
        let number = header.call.rawValue
        let references = self.countReceipts(of: message, &effects)
        let isExpected = self.questions.read(number) { $0.callee == header.peer }
        guard isExpected == true else {
            self.count(.answerUnexpected)
            self.unpin(references, &effects)
            return
        }
        // The broker refused the first transmission, but has not judged the second one yet.
        let flags = header.flags
        if flags.contains(.byBroker), !flags.contains(.resent),
            self.questions.read(number, { $0.isResent }) == true
        {
            self.count(.answerOutdated)
            self.unpin(references, &effects)
            return
        }
        guard let question = self.settle(number, &effects) else { return }
        if header.peer == .broker { self.fenceAnswered(number) }
        if let waiter = question.waiter {
            effects.append(.resume(waiter, .answered(consume message)))
        } else {
            self.unpin(references, &effects)
        }
        self.sendWaiting(to: header.peer, at: now, &effects)
        self.planAcknowledgement(of: header.peer, at: now, &effects)
    }

    /// Takes the question out and gives back what it held (rules R10).
    @discardableResult
    mutating func settle(_ number: UInt64, _ effects: inout [NodeEffect]) -> Question? {
        guard let question = self.questions.remove(at: number) else { return nil }
        if question.state != .waiting {
            let questions = self.questions
            self.peers.update(question.callee) {
                $0.settle(byteCount: question.byteCount) { questions.contains($0) }
            }
        }
        let header = question.message.header
        self.unpin(Reference(owner: header.peer, object: header.object), &effects)
        if question.pinnedCount > 0 {
            let pinned = question.message.references.prefix(question.pinnedCount)
            self.unpin(pinned.map(\.reference), &effects)
        }
        return question
    }

    /// There will be no answer: settles the question and tells its waiter.
    ///
    /// - Parameter isUnreached: whether it is known that the call never reached its callee.
    mutating func failQuestion(
        _ number: UInt64, _ error: BusError, _ effects: inout [NodeEffect],
        isUnreached: Bool = false
    ) {
        guard let question = self.settle(number, &effects), let waiter = question.waiter else {
            return
        }
        var error = error
        let mayHaveRun = question.wasSent && question.callee != .broker && !isUnreached
        error.executed = mayHaveRun ? .maybe : .no
        effects.append(.resume(waiter, .failed(error)))
    }

    private mutating func abandon(
        _ number: UInt64, _ kind: BusError.Kind, _ reason: String, at now: Tick,
        _ effects: inout [NodeEffect]
    ) {
        guard let question = self.questions[number], let waiter = question.waiter else { return }
        self.count(kind == .expired ? .waitExpired : .waitCancelled)
        let executed: BusError.Executed = question.wasSent ? .maybe : .no
        effects.append(.resume(waiter, .failed(BusError(kind, executed: executed, reason))))
        guard question.state == .sent else {
            self.settle(number, &effects)
            return
        }
        _ = self.questions.update(number) {
            $0.waiter = nil
            $0.state = .abandoned
        }
        self.transmitCancel(number, question, &effects)
    }

    mutating func expireQuestions(at now: Tick, _ effects: inout [NodeEffect]) {
        var earliest = Tick.distantFuture
        for number in self.questions.keys {
            guard let question = self.questions[number], question.state != .abandoned else {
                continue
            }
            if question.deadline <= now {
                self.abandon(number, .expired, "the deadline passed", at: now, &effects)
            } else {
                earliest = min(earliest, question.deadline)
            }
        }
        self.earliestDeadline = earliest
    }

    private mutating func planAcknowledgement(
        of callee: IncarnationID, at now: Tick, _ effects: inout [NodeEffect]
    ) {
        guard callee != .broker else { return }
        if self.peers.read(callee, { $0.isSparse }) == true { self.acknowledge(callee, &effects) }
        let begins = self.peers.update(callee) { peer in
            guard peer.hasUntoldAnswers, !peer.isAcknowledgeTimed else { return false }
            peer.isAcknowledgeTimed = true
            return true
        }
        guard begins == true else { return }
        self.timers.add(
            .acknowledge(callee), due: now.advanced(by: self.limits.acknowledgeAfter))
    }

    mutating func acknowledgeDue(_ callee: IncarnationID, _ effects: inout [NodeEffect]) {
        self.peers.update(callee) { $0.isAcknowledgeTimed = false }
        guard let peer = self.peers[callee], peer.hasUntoldAnswers else { return }
        self.acknowledge(callee, &effects)
    }

    /// Tells the callee which answers it need not keep: a watermark, and ranges above it.
    ///
    /// - Parameter asks: whether the other one shall do the same. Its last word may have been
    ///   lost with a link, and nothing else would make it repeat that.
    mutating func acknowledge(
        _ callee: IncarnationID, asks: Bool = false, _ effects: inout [NodeEffect]
    ) {
        guard self.isLinked, self.peers.contains(callee) else { return }
        let questions = self.questions
        var extensions = Extensions()
        extensions.ranges =
            self.peers.update(callee) { $0.compact { questions.contains($0) } } ?? []
        let watermark = self.peers[callee]?.watermark(issued: self.numbersIssued) ?? 0
        let header = FrameHeader(
            kind: .acknowledge, flags: asks ? .resent : [], peer: callee,
            call: CallNumber(rawValue: watermark))
        self.transmit(Message(header, extensions: extensions), &effects)
        self.peers.update(callee) { $0.told(watermark) }
    }
}

private func remaining(until deadline: Tick, at now: Tick) -> UInt64 {
    deadline == .distantFuture ? 0 : max(1, deadline.since(now).nanoseconds)
}
