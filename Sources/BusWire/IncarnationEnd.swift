// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/handshake.md §6. Pure: no I/O, no clock, no randomness.

/// Why an incarnation ended; the number is on the wire in PEER_ENDED.
package enum IncarnationEnd: UInt64, Hashable, Sendable {
    /// It said goodbye.
    case left = 1
    /// It had no link for longer than the resume window.
    case lost = 2
    /// It did not come back after the broker's restart.
    case notRestored = 3
    /// It had no link for longer than the resume window, and a node of the same name and program
    /// has come since.
    case replaced = 4
    /// It said goodbye, and had answered every call that it was given.
    case leftIdle = 5
}
