// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/operating/counters.md. Pure: no I/O, no clock, no randomness.

package import BusKernel
import BusWire

/// Why the broker did not do what somebody wanted. Each is counted since its start; their names
/// are those of docs/operating/counters.md, which says what to do about them.
package enum BrokerDrop: Int, TallyReason {
    // Connections that became no link.
    case handshakeUnreadable, handshakeVersion, handshakeSecret, handshakeEpoch, handshakeEnded
    case handshakeNodes, handshakeCrowd, handshakeUnfinished
    case noLink, unreadable, ignored, foreignRoutingID
    // Links that ended without a GOODBYE.
    case linkGap, linkSilence, linkClosed, linkPipeFull, linkReplaced, linkViolation
    // What a HELLO claimed in vain.
    case holdingUnproven, holdingOwnerEnded, holdingsOverLimit, namesOverLimit
    case claimUnlike
    // Calls that were answered by a FAILURE of the broker.
    case callOwnerEnded, callMoved, callNotHeld, callRevoked, callPipeFull
    case callOverQuota, objectOverQuota, callOverCredit, callerBehind
    // What a call or a reply carries.
    case passedOwnerEnded, passedNotHeld, passedRevoked, receiverFull
    // Messages that went nowhere, and of which their sender hears otherwise or never.
    case callOwnerAway, callBeforeNews, oneWayDropped, oneWayOverCredit, replyCallerAway
    case replyRefused, noticePeerAway, noticeMalformed, releaseTooMany, kindUnknown
    // Calls of the broker's own object that failed.
    case serviceInvalid, serviceNotFound, serviceDenied, serviceOverloaded, serviceUnimplemented
    case serviceRecovering
    // What those who watch were too slow for.
    case recordLost

    /// A call of the broker's own object failed so.
    init(service kind: BusError.Kind) {
        switch kind {
        case .notFound: self = .serviceNotFound
        case .denied: self = .serviceDenied
        case .overloaded: self = .serviceOverloaded
        case .unimplemented: self = .serviceUnimplemented
        case .recovering: self = .serviceRecovering
        default: self = .serviceInvalid
        }
    }

    /// A link ended so; nil if nothing was wrong.
    init?(_ end: LinkEnd) {
        switch end {
        case .sequenceGap: self = .linkGap
        case .silence: self = .linkSilence
        case .connectionClosed: self = .linkClosed
        case .pipeFull: self = .linkPipeFull
        case .replaced: self = .linkReplaced
        case .violation: self = .linkViolation
        case .goodbye: return nil
        }
    }
}

/// What the broker has counted since its start.
package struct BrokerCounters: Hashable, Sendable {
    package var received: UInt64 = 0
    package var callsForwarded: UInt64 = 0
    package var repliesForwarded: UInt64 = 0
    /// Messages that were answered or dropped instead of being forwarded.
    package var undelivered: UInt64 = 0
    package var refused: UInt64 = 0
    package var garbage: UInt64 = 0
    package var linksLost: UInt64 = 0
    /// The same and more, by reason.
    package var drops = Tally<BrokerDrop>()

    package init() {}
}

extension BrokerStateMachine {
    /// Counts something that was refused, dropped or lost.
    mutating func count(_ drop: BrokerDrop, _ count: UInt64 = 1) {
        self.counters.drops.add(drop, count)
    }

    /// The shell dropped a message of a peer that chose its own routing id, which no node does.
    package mutating func foreignMessageDropped() { self.count(.foreignRoutingID) }

    /// Counts a message that goes nowhere because its receiver, or news of it, is missing.
    mutating func countUndelivered(
        _ header: FrameHeader, _ frame: RawSpan, from slot: NodeSlot, _ now: Tick,
        _ call: BrokerDrop = .callOwnerAway
    ) {
        let drop: BrokerDrop =
            switch header.kind {
            case .call: header.flags.contains(.oneWay) ? .oneWayDropped : call
            case .reply, .failure: .replyCallerAway
            default: .noticePeerAway
            }
        self.count(drop)
        if self.isObserved { self.observe(.dropped, drop.name, header, frame, from: slot, now) }
    }
}
