// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/calls.md §11. Pure: no I/O, no clock, no randomness.

import BusKernel
import BusWire

/// Bounds by bytes what waits for a node that is slow or stands still (rules R22).
extension BrokerStateMachine {
    /// Whether a call may go to `destination`, as far as its credit goes.
    ///
    /// It is refused when what waits has reached the credit, whatever its own size, so that a large
    /// call is not outrun for ever by small ones: one message may go beyond. A call that was sent
    /// before is not refused: nobody could say whether it was executed.
    mutating func hasCredit(_ destination: NodeSlot, for header: FrameHeader) -> Bool {
        self.nodes.waitingCallBytes(of: destination) < UInt64(self.limits.waitingBytesPerNode)
            || header.flags.contains(.resent)
    }

    /// Whether so much waits for the caller itself that it is to take that in before it asks for
    /// more: answers are never refused, so calls are.
    mutating func isBehind(_ header: FrameHeader, from slot: NodeSlot) -> Bool {
        self.nodes.waitingAnswerBytes(of: slot) >= UInt64(self.limits.waitingBytesPerNode)
            && !header.flags.contains(.resent)
    }

    mutating func refuseBehind(
        _ header: FrameHeader, _ frame: RawSpan, from slot: NodeSlot, _ now: Tick,
        _ effects: inout [BrokerEffect]
    ) {
        let text =
            "this node has \(self.limits.waitingBytesPerNode) bytes of answers to take in first"
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
        guard
            self.nodes.takeInOneWay(
                byteCount, from: slot, tellAfter: self.limits.waitingBytesPerNode / 4)
        else { return }
        self.send(self.nodes.heartbeat(of: slot), to: slot, &effects)
    }

    /// HEARTBEAT: the node tells how many bytes it has taken in.
    mutating func takenIn(
        _ header: FrameHeader, by slot: NodeSlot, _ now: Tick, _ effects: inout [BrokerEffect]
    ) {
        let (calls, others) = (header.call.rawValue, header.object.rawValue)
        guard !self.nodes.told(slot, calls: calls, others: others) else { return }
        self.endLink(
            slot, .violation("it has taken in more bytes than it was sent, or fewer than before"),
            now, &effects)
    }
}
