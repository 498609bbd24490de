// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/limits.md. Pure: no I/O, no clock, no randomness.

package import BusKernel
import BusWire

/// Bounds and spans of time of one node, each with its unit.
package struct NodeLimits: Hashable, Sendable {
    /// Calls issued and not yet settled, to all objects together; one more fails `overloaded`.
    package var questions = 262_144
    /// Unsettled calls to one node (rules R14); more wait for their turn.
    package var callsPerPeer = WireLimits.callsPerPair
    /// Bytes of unsettled calls to one node (rules R14); one call alone may have more.
    package var callBytesPerPeer = WireLimits.callBytesPerPair
    /// Nodes remembered although nothing is under way with them; then the idle are forgotten.
    package var idlePeers = 4_096
    /// How long an answer may stay unacknowledged while no call goes the same way (rules R14).
    package var acknowledgeAfter: Span = .milliseconds(200)
    /// The first and the longest pause before another attempt to link (rules R6).
    package var reconnectDelayMin: Span = .milliseconds(50)
    package var reconnectDelayMax: Span = .milliseconds(500)
    /// How long the broker may take to answer HELLO.
    package var handshake: Span = .seconds(3)

    package init() {}
}
