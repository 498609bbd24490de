// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/limits.md. Pure: no I/O, no clock, no randomness.

package import BusKernel

/// Bounds and spans of time of one broker, each with its unit.
package struct BrokerLimits: Hashable, Sendable {
    /// Nodes attached at once; one more is refused `overloaded`.
    package var nodes = 4_096
    /// Connections that have begun a handshake and not finished it; one more is refused.
    package var handshakes = 1_024
    /// References that one node may hold; a message with one more is refused `overloaded`.
    package var referencesPerNode = 4_000_000
    /// Names that one node may have published; one more is refused `overloaded`.
    package var namesPerNode = 200_000
    /// Two-way calls of one node that are under way; one more is refused `overloaded`.
    package var callsPerNode = 262_144
    /// Bytes of calls forwarded to one node that it has not taken in, at which calls to it are
    /// refused `overloaded`; and bytes of all else, at which its own calls are (rules R22).
    package var waitingBytesPerNode = 67_108_864
    /// References, or holders of one, that an answer lists; it tells how many more there are.
    package var listed = 1_000
    /// Connections whose garbage has been logged; beyond it garbage is dropped without a line.
    package var offenders = 1_024
    /// Lines of the shell's file of living incarnations, after which it is written anew.
    package var rosterLines = 65_536
    /// How often a heartbeat goes out on a link that is otherwise silent (rules: links).
    package var heartbeat: Span = .seconds(1)
    /// After so long a silence a link is lost.
    package var silence: Span = .seconds(3)
    /// How long an incarnation without a link is kept.
    package var resumeWindow: Span = .seconds(2)
    /// After a restart of the broker: how long Unrefs are held back (rules R8).
    package var recoveryWindow: Span = .seconds(5)
    /// How long the second connection of a link may take to appear.
    package var handshake: Span = .seconds(3)

    package init() {}
}
