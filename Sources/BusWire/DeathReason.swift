// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/handshake.md §6. Pure: no I/O, no clock, no randomness.

/// Why a reference is worth nothing any more to this process.
public enum DeathReason: String, Hashable, Sendable, Codable, CaseIterable {
    /// This process holds it no longer: the last proxy is gone, or the bus was closed or cut off
    /// for too long.
    case released
    /// Its owner revoked what this process has been given.
    case revoked
    /// Its owner's bus was closed.
    case ownerLeft
    /// Its owner was gone for too long: killed, crashed, or cut off.
    case ownerCrashed
    /// The same, and another process of the same name has taken its owner's place.
    case ownerRestarted

    /// - Parameter end: a reason as PEER_ENDED carries it; newer ones are taken for a crash.
    package init(end: UInt64) {
        switch IncarnationEnd(rawValue: end) {
        case .left, .leftIdle: self = .ownerLeft
        case .replaced: self = .ownerRestarted
        default: self = .ownerCrashed
        }
    }
}
