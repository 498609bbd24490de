// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/values.md §3.5.

/// The tags that objbus knows; every other one is an error.
package enum CBORTag {
    /// A point in time as seconds since 1970 (RFC 8949 §3.4.2).
    package static let epoch: UInt64 = 1
    /// A whole number from 0 up as bytes (RFC 8949 §3.4.3).
    package static let bignum: UInt64 = 2
    /// A number n below 0 as the bytes of -1 - n.
    package static let negativeBignum: UInt64 = 3
    /// A 16-byte identifier.
    package static let uuid: UInt64 = 37
    /// A set, as an array of its members.
    package static let set: UInt64 = 258
    /// Ours: an index into the message's reference table.
    package static let reference: UInt64 = 28514
    /// Ours: a point in time as seconds since 2001-01-01, when tag 1 would round it.
    package static let timestamp: UInt64 = 28515
    /// Ours: bytes that travel as an extra frame of the message, by index.
    package static let frame: UInt64 = 28516
}
