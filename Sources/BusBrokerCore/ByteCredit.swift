// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/handshake.md §4. Pure: no I/O, no clock, no randomness.

import BusWire

/// Bytes sent to a node on its present link, and how many of them it has told to have taken in:
/// what lies between waits in queues and sockets, here or there.
package struct ByteCredit: Hashable, Sendable {
    package private(set) var sent: UInt64 = 0
    package private(set) var taken: UInt64 = 0

    package init() {}

    /// Bytes under way.
    package var waiting: UInt64 { self.sent &- self.taken }

    package mutating func send(_ byteCount: UInt64) { self.sent &+= byteCount }

    /// The message that was counted last was not sent.
    package mutating func takeBack(_ byteCount: UInt64) { self.sent &-= byteCount }

    /// The node says how many bytes it has taken in, all in all; false if it can't have.
    package mutating func tell(_ taken: UInt64) -> Bool {
        guard taken >= self.taken, taken <= self.sent else { return false }
        self.taken = taken
        return true
    }
}

/// What is under way to one node on its present link: calls, which its credit bounds, and all else,
/// whose place was reserved when the node called (rules R22).
package struct NodeLoad: Hashable, Sendable {
    package var calls = ByteCredit()
    package var others = ByteCredit()
    /// The node is of a kind that does not tell what it has taken in.
    package var tellsNothing = false
    /// Bytes of one-way calls that came from the node, and how many of them it was told.
    package private(set) var oneWay: UInt64 = 0
    private var toldOneWay: UInt64 = 0
    /// Two-way calls of the node that were forwarded on this link, less the answers that came.
    package private(set) var callsUnderWay = 0

    package init() {}

    /// Takes in a one-way call of the node; whether there is so much to tell it by now.
    mutating func takeInOneWay(_ byteCount: Int, tellAfter: Int) -> Bool {
        self.oneWay &+= UInt64(byteCount)
        return self.oneWay &- self.toldOneWay >= UInt64(tellAfter)
    }

    mutating func callBegan() { self.callsUnderWay += 1 }

    mutating func callEnded() { self.callsUnderWay = max(0, self.callsUnderWay - 1) }

    /// Some of its calls may never be answered, or are sent again: counts from here.
    mutating func forgetCalls() { self.callsUnderWay = 0 }

    /// HEARTBEAT for the node.
    mutating func tell() -> Message {
        self.toldOneWay = self.oneWay
        return Message(FrameHeader(kind: .heartbeat, call: CallNumber(rawValue: self.oneWay)))
    }
}
