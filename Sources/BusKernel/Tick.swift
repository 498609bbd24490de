// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

/// A point on a shell's monotonic clock, in nanoseconds since that clock's own start.
///
/// The cores never read a clock: every input carries the tick at which it happened.
package struct Tick: Hashable, Comparable, Sendable {
    package var nanoseconds: UInt64

    /// The clock's start.
    package static let zero = Tick(nanoseconds: 0)
    /// Later than every deadline.
    package static let distantFuture = Tick(nanoseconds: .max)

    package init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// This tick moved later by `span`; saturates instead of overflowing.
    package func advanced(by span: Span) -> Tick {
        let (sum, overflow) = self.nanoseconds.addingReportingOverflow(span.nanoseconds)
        return Tick(nanoseconds: overflow ? .max : sum)
    }

    /// How long it is from `earlier` to here; zero when `earlier` is not earlier.
    package func since(_ earlier: Tick) -> Span {
        Span(nanoseconds: self > earlier ? self.nanoseconds - earlier.nanoseconds : 0)
    }

    package static func < (left: Tick, right: Tick) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
}

/// A length of time in nanoseconds, never negative.
package struct Span: Hashable, Comparable, Sendable {
    package var nanoseconds: UInt64

    package init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    package static let zero = Span(nanoseconds: 0)

    package static func seconds(_ count: UInt64) -> Span {
        Span(nanoseconds: count * 1_000_000_000)
    }

    package static func milliseconds(_ count: UInt64) -> Span {
        Span(nanoseconds: count * 1_000_000)
    }

    package static func < (left: Span, right: Span) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
}
