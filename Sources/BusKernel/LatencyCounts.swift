// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

/// How many spans of time were how long, to 3 % of each, from a microsecond to an hour.
///
/// The places are as in a HDR histogram: 16 for each doubling. So counts can be added to, sent and
/// subtracted without losing anything, and take the same memory however many there are.
package struct LatencyCounts: Hashable, Sendable {
    /// Spans are counted in units of 1,024 ns; longer ones than 2^32 of them stand in the last
    /// place.
    private static let unitBits: UInt64 = 10
    private static let exponentMax = 31
    package static let placesMax = 16 * (exponentMax - 2)

    /// By place, up to the last one that is not 0.
    private var counts: [UInt32] = []

    package init() {}

    /// What `places` has told.
    package init(places: some Sequence<(place: Int, count: UInt32)>) {
        for (place, count) in places { self.add(count, at: place) }
    }

    /// Every place that is not 0, in order.
    package var places: [(place: Int, count: UInt32)] {
        self.counts.enumerated().compactMap { $1 == 0 ? nil : ($0, $1) }
    }

    /// How many there are.
    package var total: UInt64 { self.counts.reduce(0) { $0 + UInt64($1) } }

    /// Counts one span.
    package mutating func add(nanoseconds: UInt64) {
        self.add(1, at: Self.place(of: nanoseconds))
    }

    /// Counts those of others too.
    package mutating func add(_ others: LatencyCounts) {
        for (place, count) in others.places { self.add(count, at: place) }
    }

    /// What was counted since `former`, which this once was.
    package func added(since former: LatencyCounts) -> LatencyCounts {
        LatencyCounts(
            places: self.places.compactMap { place, count in
                let before = place < former.counts.count ? former.counts[place] : 0
                return count > before ? (place, count - before) : nil
            })
    }

    /// The span that `share` of all are not longer than, in nanoseconds; nil if there are none.
    package func nanoseconds(at share: Double) -> UInt64? {
        let total = self.total
        guard total > 0 else { return nil }
        // Rounded up without a function of the C library.
        let exact = min(max(0, share), 1) * Double(total)
        let rank = max(1, UInt64(exact) + (Double(UInt64(exact)) < exact ? 1 : 0))
        var seen: UInt64 = 0
        for (place, count) in self.places {
            seen += UInt64(count)
            if seen >= rank { return Self.middle(of: place) }
        }
        return self.places.last.map { Self.middle(of: $0.place) }
    }

    private mutating func add(_ count: UInt32, at place: Int) {
        guard place >= 0, place < Self.placesMax else { return }
        while self.counts.count <= place { self.counts.append(0) }
        let (sum, isOver) = self.counts[place].addingReportingOverflow(count)
        self.counts[place] = isOver ? .max : sum
    }

    private static func place(of nanoseconds: UInt64) -> Int {
        let units = nanoseconds >> Self.unitBits
        guard units >= 16 else { return Int(units) }
        let exponent = 63 - units.leadingZeroBitCount
        guard exponent <= Self.exponentMax else { return Self.placesMax - 1 }
        return 16 * (exponent - 4) + Int(units >> UInt64(exponent - 4))
    }

    /// Of the spans that stand at a place.
    private static func middle(of place: Int) -> UInt64 {
        let exponent = max(4, place / 16 + 3)
        let shift = UInt64(exponent - 4)
        let first = UInt64(place - 16 * (exponent - 4)) << shift
        return (first << Self.unitBits) + (1 << (shift + Self.unitBits)) / 2
    }
}
