// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/references.md §6. Pure: no I/O, no clock, no randomness.

package import BusKernel
import BusValue
package import BusWire

/// Revoking what was given out, and hearing that what is held was revoked (rules R25, R26).
extension NodeStateMachine {
    /// Makes every copy of `object` given out so far worthless: no call of an earlier right starts
    /// from now on.
    package mutating func revoked(
        _ object: ObjectNumber, at now: Tick, into effects: inout [NodeEffect]
    ) {
        if case .closed = self.phase { return }
        _ = self.exports.revoke(object)
        switch self.phase {
        case .linked: self.sendRevoke(object, &effects)
        case .opening: self.lateRevocations.insert(object)
        // No call arrives before the next WELCOME, and HELLO will tell.
        case .idle, .pausing, .closed: return
        }
        let former = self.fences[object]
        self.fences[object] = self.raiseFence(at: now, &effects)
        if let former { self.forgetFence(former, &effects) }
    }

    mutating func sendRevoke(_ object: ObjectNumber, _ effects: inout [NodeEffect]) {
        let generation = self.exports.generation(of: object)
        let header = FrameHeader(
            kind: .revoke, object: object,
            call: CallNumber(rawValue: UInt64(generation.rawValue)))
        self.transmit(Message(header), &effects)
    }

    /// A message that was made before a revocation may be the first by which the broker hears of
    /// the object: then REVOKE found nothing to mark, and must follow it again. Whoever is handed
    /// the object may call between the two, so there is a fence as behind the first one.
    ///
    /// - Parameter objects: what `revokedObjects` said of the message.
    mutating func repeatRevocations(of objects: [ObjectNumber], _ effects: inout [NodeEffect]) {
        for object in objects {
            self.sendRevoke(object, &effects)
            let former = self.fences.removeValue(forKey: object)
            self.fences[object] = self.sendFence(&effects)
            if let former { self.forgetFence(former, &effects) }
        }
    }

    /// Own objects in a message that were revoked since it was made.
    func revokedObjects(in message: Message) -> [ObjectNumber] {
        guard message.header.referenceCount > 0, self.exports.hasRevocations else { return [] }
        return message.references.compactMap { entry in
            let object = entry.reference.object
            return entry.reference.owner == self.incarnation
                && entry.generation < self.exports.generation(of: object) ? object : nil
        }
    }

    /// Whether the owner revoked the right by which a call was delivered; then it must not start.
    package func isRevoked(_ call: DeliveredCall) -> Bool {
        call.caller != self.incarnation
            && self.exports.generation(of: call.object) > call.generation
    }

    /// Asks the broker something behind REVOKE: what it forwarded before is here when it answers.
    /// Returns the call's number. Those who ask before WELCOME share one call.
    private mutating func raiseFence(at now: Tick, _ effects: inout [NodeEffect]) -> UInt64 {
        // Order-free: the greatest.
        if let last = self.fences.values.max(), self.questions[last]?.state == .waiting {
            return last
        }
        let number = self.makeFence(&effects)
        self.peers.update(.broker) { $0.waiting.append(number) }
        self.sendWaiting(to: .broker, at: now, &effects)
        return number
    }

    /// The same behind a REVOKE that has just been sent, ahead of whatever waits for the broker.
    private mutating func sendFence(_ effects: inout [NodeEffect]) -> UInt64 {
        let number = self.makeFence(&effects)
        let byteCount = self.questions.read(number) { $0.byteCount } ?? 0
        self.peers.update(.broker) { $0.admit(number, byteCount: byteCount) }
        // It has no deadline, so no time is told.
        self.transmitCall(number, isResent: false, at: .zero, &effects)
        return number
    }

    private mutating func makeFence(_ effects: inout [NodeEffect]) -> UInt64 {
        self.numbersIssued += 1
        let number = self.numbersIssued
        var extensions = Extensions()
        extensions.method = "ping()"
        let message = Message(
            FrameHeader(kind: .call, call: CallNumber(rawValue: number)), payload: [0x80],
            extensions: extensions)
        self.questions.insert(
            Question(
                callee: .broker, message: message, byteCount: message.byteCount, pinnedCount: 0,
                deadline: .distantFuture, waiter: nil),
            at: number)
        self.pin(Reference(owner: .broker, object: .root), &effects)
        self.peers.add(.broker)
        return number
    }

    /// No object needs this answer any more, so that there are not more questions than objects.
    mutating func forgetFence(_ number: UInt64, _ effects: inout [NodeEffect]) {
        // Order-free: whether it is there.
        guard !self.fences.values.contains(number) else { return }
        self.settle(number, &effects)
    }

    /// The broker has answered a call.
    mutating func fenceAnswered(_ number: UInt64) {
        guard !self.fences.isEmpty else { return }
        self.fences = self.fences.filter { $0.value != number }
    }

    /// Whether a call arrives that may have passed the broker before REVOKE did. This node's own
    /// need no right.
    func isFenced(_ header: FrameHeader) -> Bool {
        self.fences[header.object] != nil && header.peer != self.incarnation
    }

    /// The owner of something held revoked it.
    mutating func revokedReceived(_ header: FrameHeader, _ effects: inout [NodeEffect]) {
        let reference = Reference(owner: header.peer, object: header.object)
        let generation = Generation(rawValue: UInt32(clamping: header.call.rawValue))
        guard self.imports.revoke(reference, before: generation) else { return }
        self.died(reference, .revoked, &effects)
    }
}
