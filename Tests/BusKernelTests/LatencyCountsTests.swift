// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import Testing

@Suite struct LatencyCountsTests {
    @Test(arguments: [0, 1_023, 1_024, 16_000, 17_000, 1_000_000, 73_123_456, 3_600_000_000_000])
    func `a span is told to three per cent, short ones to half a microsecond`(span: UInt64) throws {
        var counts = LatencyCounts()
        counts.add(nanoseconds: span)
        let told = try #require(counts.nanoseconds(at: 0.5))
        let error = told > span ? told - span : span - told
        #expect(error <= max(512, span * 32 / 1_000), "\(told)")
    }

    @Test func `half and 99 per cent are found among many`() throws {
        var counts = LatencyCounts()
        for milliseconds in 1...1_000 as ClosedRange<UInt64> {
            counts.add(nanoseconds: milliseconds * 1_000_000)
        }
        let half = try #require(counts.nanoseconds(at: 0.5))
        let most = try #require(counts.nanoseconds(at: 0.99))
        #expect((485_000_000...515_000_000).contains(half))
        #expect((960_000_000...1_020_000_000).contains(most))
        #expect(counts.total == 1_000)
        #expect(LatencyCounts().nanoseconds(at: 0.5) == nil)
    }

    @Test func `what was added since is what is told of it`() {
        var counts = LatencyCounts()
        counts.add(nanoseconds: 5_000)
        let former = counts
        counts.add(nanoseconds: 5_000)
        counts.add(nanoseconds: 9_000_000)
        let added = counts.added(since: former)
        #expect(added.places.map(\.count) == [1, 1])
        #expect(LatencyCounts(places: counts.places) == counts)
        var sum = former
        sum.add(added)
        #expect(sum == counts)
    }

    @Test func `the longest span stands in the last place, and no place lies beyond`() {
        var counts = LatencyCounts()
        counts.add(nanoseconds: .max)
        #expect(counts.places.map(\.place) == [LatencyCounts.placesMax - 1])
        let beyond: [(place: Int, count: UInt32)] = [(LatencyCounts.placesMax, 1), (-1, 1)]
        #expect(LatencyCounts(places: beyond).total == 0)
    }
}
