// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/calls.md and references.md. Pure: no I/O, no clock, no randomness.

package import BusKernel
package import BusWire

/// Forwarding, with the hold check and the counting of references (rules R9-R12, R16, R21, R24).
extension BrokerStateMachine {
    mutating func routeCall(
        _ header: FrameHeader, _ frame: inout MutableRawSpan, _ byteCount: Int,
        from slot: NodeSlot, _ now: Tick, _ effects: inout [BrokerEffect]
    ) {
        guard let sender = self.nodes[slot] else { return }
        let target = Reference(owner: header.peer, object: header.object)
        if let problem = self.objection(to: target, header, frame.bytes, from: sender, slot) {
            self.fail(header, frame.bytes, problem, from: slot, now, &effects)
            return
        }
        guard let destination = self.nodes.slot(of: header.peer),
            let callee = self.nodes[destination], let link = callee.link
        else {
            self.countUndelivered(header, frame.bytes, from: slot, now)
            self.undeliverable(header, frame.bytes, from: slot, now, &effects)
            if header.flags.contains(.oneWay) { return }
            self.waiters[header.peer, default: []].insert(sender.incarnation)
            return
        }
        // A caller that has not heard yet of the callee's new link will send this call again,
        // behind earlier ones that were lost with the old link (docs/protocol/calls.md §4). Who
        // calls itself has sent them again on this very link.
        guard
            destination == slot || callee.deliverableSince < (sender.link?.order ?? 0)
                || header.peerEpoch == link.epoch || !self.nodes.hasTold(slot, of: destination)
        else {
            self.countUndelivered(header, frame.bytes, from: slot, now, .callBeforeNews)
            self.undeliverable(header, frame.bytes, from: slot, now, &effects)
            return
        }
        if self.objectQuotas.hasAny(of: destination),
            self.isRefused(target, header, frame.bytes, from: slot, now, &effects)
        {
            return
        }
        guard self.hasCredit(destination, header, byteCount, from: slot) else {
            self.refuseCall(header, frame.bytes, from: slot, to: destination, now, &effects)
            return
        }
        if !header.flags.contains(.oneWay) {
            self.nodes.setCorrespondent(destination, of: slot)
            self.nodes.callBegan(by: slot)
            if self.objectQuotas.hasAny(of: destination) {
                self.objectQuotas.began(
                    sender.incarnation, header.call, target, byteCount: byteCount)
            }
        }
        self.forward(
            header, &frame, byteCount, from: slot, sender.incarnation, to: destination, now,
            &effects)
        self.counters.callsForwarded += 1
        if self.isObserved { self.observeCall(header, frame.bytes, from: slot, now) }
    }

    /// Why a call may not be made at all; nil if it may.
    ///
    /// Here and below `mutating` changes nothing: on an `inout` machine the compiler makes a copy
    /// of all of it for a call of a method that only reads (Swift 6.3.1, 50 ns).
    private mutating func objection(
        to target: Reference, _ header: FrameHeader, _ frame: RawSpan, from sender: NodeRecord,
        _ slot: NodeSlot
    ) -> BusError? {
        guard self.nodes.slot(of: target.owner) != nil || self.mayExist(target.owner) else {
            self.count(.callOwnerEnded)
            return BusError(.disconnected, "the owner of \(target) has ended")
        }
        if header.flags.contains(.name), !self.isMeant(target, by: header, frame) {
            self.count(.callMoved)
            return BusError(.moved, "the name no longer means \(target)")
        }
        // A root object tells what the broker tells too, and needs no right (names.md §4).
        if target.owner != sender.incarnation, target.object != .root {
            guard let problem = self.holdProblem(target, by: slot, .callNotHeld, .callRevoked)
            else { return self.objection(toReferencesOf: header, frame, from: sender, slot) }
            return BusError(.denied, problem)
        }
        return self.objection(toReferencesOf: header, frame, from: sender, slot)
    }

    private mutating func holdProblem(
        _ reference: Reference, by slot: NodeSlot, _ notHeld: BrokerDrop, _ revoked: BrokerDrop
    ) -> String? {
        guard let right = self.holders.right(to: reference, of: slot) else {
            self.count(notHeld)
            return "\(reference) is not held by the caller"
        }
        guard right.holding.generation >= right.current else {
            self.count(revoked)
            return "\(reference) was revoked"
        }
        return nil
    }

    private mutating func objection(
        toReferencesOf header: FrameHeader, _ frame: RawSpan, from sender: NodeRecord,
        _ slot: NodeSlot
    ) -> BusError? {
        guard header.referenceCount > 0 else { return nil }
        for entry in header.references(in: frame) where entry.reference.owner != sender.incarnation
        {
            guard self.mayExist(entry.reference.owner) else {
                self.count(.passedOwnerEnded)
                return BusError(
                    .disconnected, "passing on \(entry.reference), whose owner has ended")
            }
            if let problem = self.holdProblem(
                entry.reference, by: slot, .passedNotHeld, .passedRevoked)
            {
                return BusError(.denied, "passing on what is not held: \(problem)")
            }
        }
        if let destination = self.nodes.slot(of: header.peer),
            self.holders.holdingCount(of: destination) + Int(header.referenceCount)
                > self.nodes.quota(of: destination).references
        {
            self.count(.receiverFull)
            return BusError(.overloaded, "the receiver holds too many references")
        }
        return nil
    }

    mutating func routeReply(
        _ header: FrameHeader, _ frame: inout MutableRawSpan, _ byteCount: Int,
        from slot: NodeSlot, _ now: Tick, _ effects: inout [BrokerEffect]
    ) {
        guard let sender = self.nodes[slot] else { return }
        if self.objectQuotas.hasAny(of: slot) {
            self.objectQuotas.ended(header.peer, header.call, by: sender.incarnation)
        }
        guard let destination = self.nodes.slot(of: header.peer),
            self.nodes[destination]?.link != nil
        else {
            self.countUndelivered(header, frame.bytes, from: slot, now)
            self.undeliverable(header, frame.bytes, from: slot, now, &effects)
            return
        }
        if let problem = self.objection(toReferencesOf: header, frame.bytes, from: sender, slot) {
            // The caller must not wait for ever because the callee's reply was not allowed.
            self.count(.replyRefused)
            if self.isObserved {
                let reason = problem.kind.rawValue
                self.observeAnswer(header, frame.bytes, from: slot, now, reason: reason)
            }
            self.undeliverable(header, frame.bytes, from: slot, now, &effects)
            var failure = FrameHeader(
                kind: .failure, peer: sender.incarnation, object: header.object, call: header.call)
            failure.peerEpoch = .none
            let body = FailureBody(
                BusError(problem.kind, executed: .yes, "the result: \(problem.message)"))
            self.nodes.callEnded(by: destination)
            self.send(Message(failure, payload: body.encoded()), to: destination, &effects)
            return
        }
        self.nodes.callEnded(by: destination)
        self.forward(
            header, &frame, byteCount, from: slot, sender.incarnation, to: destination, now,
            &effects)
        self.counters.repliesForwarded += 1
        if self.isObserved { self.observeAnswer(header, frame.bytes, from: slot, now) }
    }

    /// CANCEL and ACKNOWLEDGE: carry no references and want no answer.
    mutating func routeNotice(
        _ header: FrameHeader, _ frame: inout MutableRawSpan, _ byteCount: Int,
        from slot: NodeSlot, _ now: Tick, _ effects: inout [BrokerEffect]
    ) {
        guard header.referenceCount == 0, header.peer != .broker, let sender = self.nodes[slot]
        else { return self.count(.noticeMalformed) }
        guard let destination = self.nodes.slot(of: header.peer),
            self.nodes[destination]?.link != nil
        else {
            self.countUndelivered(header, frame.bytes, from: slot, now)
            self.noticeUndeliverable(header, from: sender.incarnation, slot, &effects)
            return
        }
        // A cancelled call leaves an answer behind; a question about answers may be lost.
        self.nodes.setCorrespondent(destination, of: slot)
        self.nodes.setCorrespondent(slot, of: destination)
        self.forward(
            header, &frame, byteCount, from: slot, sender.incarnation, to: destination, now,
            &effects)
        if self.isObserved { self.observeNotice(header, frame.bytes, from: slot, now) }
    }

    /// Whoever sends a notice has something open with its receiver, and must learn its fate.
    private mutating func noticeUndeliverable(
        _ header: FrameHeader, from sender: IncarnationID, _ slot: NodeSlot,
        _ effects: inout [BrokerEffect]
    ) {
        if !self.mayExist(header.peer) {
            self.tellEnded(header.peer, .lost, to: [slot], &effects)
        } else if self.waiters.count < 2 * self.limits.nodes {
            self.waiters[header.peer, default: []].insert(sender)
        }
    }

    /// Counts every reference for its new holder, then patches the frame for the next link.
    private mutating func forward(
        _ header: FrameHeader, _ frame: inout MutableRawSpan, _ byteCount: Int,
        from slot: NodeSlot, _ sender: IncarnationID, to destination: NodeSlot, _ now: Tick,
        _ effects: inout [BrokerEffect]
    ) {
        guard let receiver = self.nodes[destination]?.incarnation,
            let (transmission, rx) = self.nodes.nextTransmission(
                to: destination, isCall: header.kind == .call, byteCount: byteCount)
        else { return }
        if header.referenceCount > 0 {
            let start = header.referencesStart(byteCount: frame.byteCount)
            let receipt = HolderTable.Receipt(
                at: now, way: header.kind == .call ? .call : .answer, sender: sender,
                call: header.call)
            for index in 0..<Int(header.referenceCount) {
                let offset = start + index * ReferenceEntry.size
                let entry = ReferenceEntry(reading: frame.bytes, at: offset)
                let copy = self.countCopy(
                    entry, from: slot, sender, to: destination, receiver, receipt)
                copy.write(to: &frame, at: offset)
            }
        }
        frame.put(sender.rawValue, at: FrameOffset.peer)
        transmission.patch(&frame)
        effects.append(.forward(to: rx))
        guard receiver == sender else { return }
        // A node that calls itself has exported without anybody becoming a holder.
        for entry in header.references(in: frame.bytes) {
            self.zeroCheck(entry.reference, &effects)
        }
    }

    /// Counts one copy and returns the entry that its receiver gets: in the owner's present
    /// generation if it comes from the owner, else in the one that the sender holds.
    private mutating func countCopy(
        _ entry: ReferenceEntry, from slot: NodeSlot, _ sender: IncarnationID,
        to destination: NodeSlot, _ receiver: IncarnationID, _ receipt: HolderTable.Receipt
    ) -> ReferenceEntry {
        let reference = entry.reference
        var copy = ReferenceEntry(reference: reference)
        if reference.owner == sender {
            self.holders.countExport(reference, generation: entry.generation)
            copy.generation = entry.generation
        } else if let holding = self.holders.holding(reference, by: slot) {
            copy.generation = holding.generation
        }
        guard reference.owner != receiver else { return copy }
        _ = self.holders.countCopy(
            reference, to: destination, generation: copy.generation, receipt)
        // With every copy: the receiver may have let go of the earlier ones, and of their seal,
        // in a Release that is still on its way.
        copy.seal = self.holders.seal(reference, copy.generation, by: self.authority)
        return copy
    }

    /// The connection did not take the frame at hand, which stands as the core patched it: takes
    /// the counting back and answers the sender (rules R11).
    ///
    /// - Parameters:
    ///   - bufferBytes: the bytes of the frames that follow it.
    ///   - connection: the one that the frame came from.
    package mutating func forwardFailed(
        _ failure: SendFailure, _ frame: RawSpan, bufferBytes: Int,
        from connection: ConnectionID, to rx: ConnectionID, at now: Tick,
        into effects: inout [BrokerEffect]
    ) {
        guard var header = try? FrameHeader(reading: frame),
            let slot = self.nodes.slot(on: connection),
            let destination = self.nodes.slot(on: rx),
            let receiver = self.nodes[destination]
        else { return }
        header.peer = receiver.incarnation
        self.nodes.takeBackTransmission(
            to: destination, isCall: header.kind == .call,
            byteCount: frame.byteCount + bufferBytes)
        for entry in header.references(in: frame) {
            if entry.reference.owner != receiver.incarnation {
                _ = self.holders.release(entry.reference, count: 1, by: destination)
            }
            self.zeroCheck(entry.reference, &effects)
        }
        self.counters.undelivered += 1
        if header.kind == .call, !header.flags.contains(.oneWay) {
            self.nodes.callEnded(by: slot)
        }
        if failure == .unreachable {
            self.countUndelivered(header, frame, from: slot, now)
            self.endLink(destination, .connectionClosed, now, &effects)
        } else if header.kind != .call || destination == slot || header.flags.contains(.resent) {
            // What follows the call of a node to itself is numbered already; and nobody could say
            // whether a call that was sent before was executed.
            self.countUndelivered(header, frame, from: slot, now, .callPipeFull)
            self.endLink(destination, .pipeFull, now, &effects)
        } else {
            self.count(header.flags.contains(.oneWay) ? .oneWayDropped : .callPipeFull)
            let name = self.nodes.facts(of: destination).name
            let error = BusError(.overloaded, "the queue to node \(name) is full")
            if self.isObserved { self.observe(error, header, frame, from: slot, now) }
            self.answer(header, error, to: slot, &effects)
        }
    }

    /// Not deliverable: no `H` changes, but what the owner counted is counted here too (R11).
    private mutating func undeliverable(
        _ header: FrameHeader, _ frame: RawSpan, from slot: NodeSlot, _ now: Tick,
        _ effects: inout [BrokerEffect]
    ) {
        self.counters.undelivered += 1
        guard let sender = self.nodes[slot]?.incarnation else { return }
        for entry in header.references(in: frame) where entry.reference.owner == sender {
            self.holders.countExport(entry.reference, generation: entry.generation)
        }
        for entry in header.references(in: frame) where entry.reference.owner == sender {
            self.zeroCheck(entry.reference, &effects)
        }
    }

    /// Answers a call that can't be delivered with an error, after counting what it carries.
    mutating func fail(
        _ header: FrameHeader, _ frame: RawSpan, _ error: BusError, from slot: NodeSlot,
        _ now: Tick, _ effects: inout [BrokerEffect]
    ) {
        self.undeliverable(header, frame, from: slot, now, &effects)
        if self.isObserved { self.observe(error, header, frame, from: slot, now) }
        self.answer(header, error, to: slot, &effects)
    }

    /// Sends FAILURE for the call of `header`, in the name of its callee.
    mutating func answer(
        _ header: FrameHeader, _ error: BusError, to slot: NodeSlot,
        _ effects: inout [BrokerEffect]
    ) {
        guard !header.flags.contains(.oneWay) else { return }
        if let caller = self.nodes[slot]?.incarnation {
            self.objectQuotas.ended(caller, header.call, by: header.peer)
        }
        var error = error
        // An earlier copy may have been delivered.
        if header.flags.contains(.resent), error.executed == .no { error.executed = .maybe }
        let failure = FrameHeader(
            kind: .failure, flags: header.flags.intersection(.resent).union(.byBroker),
            peer: header.peer, object: header.object, call: header.call)
        self.send(Message(failure, payload: FailureBody(error).encoded()), to: slot, &effects)
    }

    mutating func release(
        _ header: FrameHeader, from slot: NodeSlot, _ now: Tick, _ effects: inout [BrokerEffect]
    ) {
        let reference = Reference(owner: header.peer, object: header.object)
        // The owner may have ended while the Release was on its way.
        guard self.mayExist(reference.owner) else { return }
        guard self.holders.release(reference, count: header.call.rawValue, by: slot) else {
            if self.holders.holding(reference, by: slot) != nil {
                self.count(.releaseTooMany)
                self.endLink(slot, .violation("released more than was held"), now, &effects)
            }
            return
        }
        self.zeroCheck(reference, &effects)
    }

    /// Tells the owner how many exports are no longer held by anybody, unless a restart's
    /// recovery window is open (rules R8).
    mutating func zeroCheck(_ reference: Reference, _ effects: inout [BrokerEffect]) {
        guard self.recoveryDeadline == nil, self.holders.isUnreferenced(reference),
            let slot = self.nodes.slot(of: reference.owner), self.nodes[slot]?.link != nil,
            let count = self.holders.takeUnreferenced(reference)
        else { return }
        let header = FrameHeader(
            kind: .unref, peer: reference.owner, object: reference.object,
            call: CallNumber(rawValue: count))
        self.send(Message(header), to: slot, &effects)
    }
}

extension FrameHeader {
    /// The rows of the reference table of the frame that this is the header of.
    package func references(in frame: RawSpan) -> [ReferenceEntry] {
        guard self.referenceCount > 0 else { return [] }
        let start = self.referencesStart(byteCount: frame.byteCount)
        return (0..<Int(self.referenceCount)).map { index in
            ReferenceEntry(reading: frame, at: start + index * ReferenceEntry.size)
        }
    }
}
