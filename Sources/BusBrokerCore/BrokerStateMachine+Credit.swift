// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/calls.md §11. Pure: no I/O, no clock, no randomness.

import BusKernel
import BusWire

/// Bounds by bytes what waits for a node that is slow or stands still (rules R22).
extension BrokerStateMachine {
    /// Whether a call may go to `destination`, as far as its credit and the caller's quota go.
    ///
    /// It is refused when what waits has reached the credit, whatever its own size, so that a large
    /// call is not outrun for ever by small ones: one message may go beyond. A call that was sent
    /// before is not refused: nobody could say whether it was executed.
    mutating func hasCredit(
        _ destination: NodeSlot, _ header: FrameHeader, _ byteCount: Int, from slot: NodeSlot
    ) -> Bool {
        if header.flags.contains(.resent) { return true }
        guard !self.nodes.isAtMostCalls(slot) || header.flags.contains(.oneWay) else {
            return false
        }
        let waiting = self.nodes.waitingCallBytes(of: destination)
        let limit = UInt64(self.nodes.quota(of: destination).waitingBytes)
        if waiting < limit / 2 || self.nodes.load(of: destination).tellsNothing { return true }
        guard waiting < limit else { return false }
        return self.shares[destination, default: CreditShares(room: limit - waiting)]
            .admit(slot, byteCount)
    }

    /// Answers a call for which `hasCredit` said no.
    mutating func refuseCall(
        _ header: FrameHeader, _ frame: RawSpan, from slot: NodeSlot, to destination: NodeSlot,
        _ now: Tick, _ effects: inout [BrokerEffect]
    ) {
        guard header.flags.contains(.oneWay) || !self.nodes.isAtMostCalls(slot) else {
            let text = "this node has \(self.nodes.quota(of: slot).calls) calls under way"
            self.failOverCredit(header, frame, .callOverQuota, text, from: slot, now, &effects)
            return
        }
        let limit = self.nodes.quota(of: destination).waitingBytes
        let name = self.nodes.facts(of: destination).name
        let text =
            "node \(name) is slow: its \(limit) bytes are used up, or this node's share of them"
        self.failOverCredit(header, frame, .callOverCredit, text, from: slot, now, &effects)
    }

    /// Answers a call of an object that has as many under way as its name allows; whether it did.
    ///
    /// A call that was sent before is not refused: nobody could say whether it was executed.
    mutating func isRefused(
        _ target: Reference, _ header: FrameHeader, _ frame: RawSpan, from slot: NodeSlot,
        _ now: Tick, _ effects: inout [BrokerEffect]
    ) -> Bool {
        guard header.flags.isDisjoint(with: [.resent, .oneWay]),
            let most = self.objectQuotas.exhausted(target)
        else { return false }
        let text = "\(target) has \(most) under way, as many as it may"
        self.failOverCredit(header, frame, .objectOverQuota, text, from: slot, now, &effects)
        return true
    }

    /// Whether so much waits for the caller itself that it is to take that in before it asks for
    /// more: answers are never refused, so calls are.
    mutating func isBehind(_ header: FrameHeader, from slot: NodeSlot) -> Bool {
        self.nodes.waitingAnswerBytes(of: slot) >= UInt64(self.nodes.quota(of: slot).waitingBytes)
            && !header.flags.contains(.resent) && !self.nodes.load(of: slot).tellsNothing
    }

    mutating func refuseBehind(
        _ header: FrameHeader, _ frame: RawSpan, from slot: NodeSlot, _ now: Tick,
        _ effects: inout [BrokerEffect]
    ) {
        let limit = self.nodes.quota(of: slot).waitingBytes
        let text = "this node has \(limit) bytes of answers to take in first"
        self.failOverCredit(header, frame, .callerBehind, text, from: slot, now, &effects)
    }

    mutating func failOverCredit(
        _ header: FrameHeader, _ frame: RawSpan, _ drop: BrokerDrop, _ text: String,
        from slot: NodeSlot, _ now: Tick, _ effects: inout [BrokerEffect]
    ) {
        self.count(header.flags.contains(.oneWay) ? .oneWayOverCredit : drop)
        self.fail(header, frame, BusError(.overloaded, text), from: slot, now, &effects)
    }

    /// Nobody answers a one-way call, so HEARTBEAT tells that it came.
    mutating func takeInOneWay(
        _ byteCount: Int, _ slot: NodeSlot, _ effects: inout [BrokerEffect]
    ) {
        guard self.nodes.takeInOneWay(byteCount, from: slot) else { return }
        self.send(self.nodes.heartbeat(of: slot), to: slot, &effects)
    }

    /// HEARTBEAT: the node tells how many bytes it has taken in.
    mutating func takenIn(
        _ header: FrameHeader, by slot: NodeSlot, _ now: Tick, _ effects: inout [BrokerEffect]
    ) {
        let (calls, others) = (header.call.rawValue, header.object.rawValue)
        // Whoever tells has taken in the WELCOME at least.
        guard others > 0 else { return self.nodes.tellsNothing(slot) }
        guard !self.nodes.told(slot, calls: calls, others: others) else {
            self.shareAnew(slot)
            return
        }
        self.endLink(
            slot, .violation("it has taken in more bytes than it was sent, or fewer than before"),
            now, &effects)
    }

    private mutating func shareAnew(_ slot: NodeSlot) {
        guard !self.shares.isEmpty else { return }
        let waiting = self.nodes.waitingCallBytes(of: slot)
        let limit = UInt64(self.nodes.quota(of: slot).waitingBytes)
        guard waiting >= limit / 2 else {
            self.shares[slot] = nil
            return
        }
        self.shares[slot]?.nextRound(room: limit - min(limit, waiting))
    }
}
