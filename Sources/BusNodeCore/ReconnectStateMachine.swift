// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/handshake.md §5. Pure: no I/O, no clock; dice are an argument.

package import BusKernel

/// How long to wait before the next attempt to link: doubling, jittered, capped (rules R6).
package struct ReconnectStateMachine: Hashable, Sendable {
    private let delayMin: Span
    private let delayMax: Span
    private var attempts = 0

    package init(delayMin: Span, delayMax: Span) {
        precondition(
            .zero < delayMin && delayMin <= delayMax, "delays must be positive and ordered")
        self.delayMin = delayMin
        self.delayMax = delayMax
    }

    /// An attempt failed or a link was lost: how long to wait now, between half and all of the
    /// present delay.
    package mutating func failed(_ random: inout RandomSource) -> Span {
        let doubled = self.delayMin.nanoseconds << UInt64(min(self.attempts, 20))
        let delay = min(doubled, self.delayMax.nanoseconds)
        self.attempts += 1
        return Span(nanoseconds: delay / 2 + random.below(delay / 2 + 1))
    }

    /// A link was made.
    package mutating func succeeded() {
        self.attempts = 0
    }
}
