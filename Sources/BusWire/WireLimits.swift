// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/limits.md. Pure: no I/O, no clock, no randomness.

/// Bounds that every peer must keep; over one of them a message is refused.
package enum WireLimits {
    /// Bytes in one ZeroMQ frame: 64 MiB. A socket drops the connection that sends more.
    package static let frameBytes = 64 << 20
    /// References in one message; the table is 40 bytes each.
    package static let referencesPerMessage = 4_096
    /// Buffer frames in one message.
    package static let buffersPerMessage = 256
    /// Bytes from which a byte string travels as a frame of its own.
    package static let bufferThreshold = 16 << 10
    /// Bytes of a method's full name, in UTF-8.
    package static let methodBytes = 1_024
    /// Bytes of a published name, in UTF-8.
    package static let nameBytes = 255
    /// Acknowledged ranges in one message, above the watermark.
    package static let rangesPerMessage = 32
    /// Bytes of the trace context.
    package static let traceBytes = 1_024
    /// Unsettled calls of one caller at one callee (rules R14).
    package static let callsPerPair = 4_096
    /// The largest number of a call; no caller lives long enough to reach it.
    package static let callNumberMax: UInt64 = 1 << 62
    /// Copies of one reference at one node, or exports of one object, that HELLO may claim.
    package static let copiesMax: UInt64 = 1 << 56
    /// Payload bytes of unsettled calls of one caller at one callee (rules R14): 16 MiB, but one
    /// call alone may be larger.
    package static let callBytesPerPair = 16 << 20
}
