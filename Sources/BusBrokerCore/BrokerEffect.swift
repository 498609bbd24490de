// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

package import BusWire

/// One ZeroMQ connection as the broker's socket numbers it.
package struct ConnectionID: Hashable, Comparable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static func < (left: ConnectionID, right: ConnectionID) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// What the shell does for the core, in this order, skipping none.
package enum BrokerEffect: Sendable {
    /// Send the frame at hand, as patched, with all its buffer frames. If the connection can't
    /// take it, tell the core by `forwardFailed` before anything else.
    case forward(to: ConnectionID)
    /// Send a message of the broker's own, patched with `transmission`. If the connection can't
    /// take it, tell the core by `sendFailed`.
    case send(Message, Transmission, to: ConnectionID)
    /// Tell the core by `connectionClosed` when this connection, whose message is at hand, ends.
    case watch(ConnectionID)
    /// Write down that this incarnation lives, before it is told so: the next run of the broker
    /// must take it back.
    case remember(IncarnationID)
    /// Write down that this incarnation has ended, before anybody is told: the next run must not
    /// take it back.
    case forget(IncarnationID)
    /// Write down that numbers of heads up to this one may be in use, before anybody is told one:
    /// the next run must give larger ones.
    case reserveFences(UInt64)
    /// Write one line to the log.
    case log(BrokerNotice)
}

/// What the log, metrics and tools may want to know.
package enum BrokerNotice: Hashable, Sendable {
    case nodeAttached(IncarnationID, name: String, epoch: Epoch)
    case linkLost(IncarnationID, LinkEnd)
    case incarnationEnded(IncarnationID, IncarnationEnd)
    case refused(ConnectionID, reason: String)
    case published(String, Reference)
    case withdrawn(String, Reference)
    case recovered
}

/// Why a link ended.
package enum LinkEnd: Hashable, Sendable {
    case sequenceGap(expected: UInt64, received: UInt64)
    case silence
    case connectionClosed
    case pipeFull
    case replaced
    case violation(String)
    case goodbye

    /// Whether the node can't know that its link has ended, and would wait for its silence.
    var needsTelling: Bool {
        switch self {
        case .sequenceGap, .silence, .violation: true
        case .connectionClosed, .pipeFull, .replaced, .goodbye: false
        }
    }
}

extension LinkEnd: CustomStringConvertible {
    /// What logs and the node are told.
    package var description: String {
        switch self {
        case .sequenceGap(let expected, let received):
            "sequence \(received) came where \(expected) was due"
        case .silence: "nothing was heard for too long"
        case .connectionClosed: "a connection closed"
        case .pipeFull: "the queue to the node is full"
        case .replaced: "the node made a new link"
        case .violation(let what): what
        case .goodbye: "the node said goodbye"
        }
    }
}

/// Why a message could not be handed to a connection.
package enum SendFailure: Hashable, Sendable {
    case pipeFull
    case unreachable
}
