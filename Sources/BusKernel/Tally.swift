// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

/// What a `Tally` counts: an enumeration whose cases are numbered from 0.
package protocol TallyReason: CaseIterable, Hashable, RawRepresentable, Sendable
where RawValue == Int {}

extension TallyReason {
    /// The case's name, which tools show and programs read: it does not change.
    package var name: String { "\(self)" }
}

/// How often each of several things has happened, since its beginning.
///
/// It lies on the heap, so that a machine which has one stays cheap to copy.
package struct Tally<Reason: TallyReason>: Hashable, Sendable {
    private var counts = [UInt64](repeating: 0, count: Reason.allCases.count)

    package init() {}

    /// How often it has happened.
    package subscript(reason: Reason) -> UInt64 { self.counts[reason.rawValue] }

    /// It has happened once more, or so many times.
    package mutating func add(_ reason: Reason, _ count: UInt64 = 1) {
        self.counts[reason.rawValue] &+= count
    }

    /// Every reason with its count, those with none too, in the order of the cases.
    package var all: [(reason: Reason, count: UInt64)] {
        Reason.allCases.map { ($0, self[$0]) }
    }

    /// What was added since `former`.
    package func added(since former: Tally) -> [(reason: Reason, count: UInt64)] {
        self.all.compactMap { reason, count in
            count > former[reason] ? (reason, count - former[reason]) : nil
        }
    }
}
