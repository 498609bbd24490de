// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

/// A set of sequence numbers from 1 on that is nearly always a prefix: a watermark, and sorted
/// ranges above it.
///
/// Every number up to the watermark is a member. Used for calls that are settled, where the few
/// slow ones leave holes (docs/protocol/calls.md).
package struct SequenceSet: Hashable, Sendable {
    /// The largest number such that it and all below it are members; 0 when 1 is missing.
    package private(set) var watermark: UInt64 = 0
    /// Members above the watermark: sorted, disjoint, not adjacent.
    package private(set) var ranges: [ClosedRange<UInt64>] = []

    package init() {}

    package func contains(_ number: UInt64) -> Bool {
        if number <= self.watermark { return true }
        let index = self.firstRange(endingAtOrAfter: number)
        return index < self.ranges.count && self.ranges[index].lowerBound <= number
    }

    /// Adds one number. Returns false if it was a member already.
    @discardableResult
    package mutating func insert(_ number: UInt64) -> Bool {
        if number > self.watermark, number - 1 == self.watermark, self.ranges.isEmpty {
            self.watermark = number
            return true
        }
        guard !self.contains(number) else { return false }
        self.insert(number...number)
        return true
    }

    /// Adds every number of `range`.
    package mutating func insert(_ range: ClosedRange<UInt64>) {
        guard range.upperBound > self.watermark else { return }
        var lower = max(range.lowerBound, self.watermark + 1)
        var upper = range.upperBound
        let first = self.firstRange(endingAtOrAfter: lower - 1)
        var last = first
        while last < self.ranges.count,
            self.ranges[last].lowerBound <= upper || self.ranges[last].lowerBound - 1 == upper
        {
            lower = min(lower, self.ranges[last].lowerBound)
            upper = max(upper, self.ranges[last].upperBound)
            last += 1
        }
        self.ranges.replaceSubrange(first..<last, with: CollectionOfOne(lower...upper))
        self.absorb()
    }

    /// Adds every number up to and including `number`.
    package mutating func insert(through number: UInt64) {
        guard number > self.watermark else { return }
        self.watermark = number
        guard !self.ranges.isEmpty else { return }
        let keep = self.ranges.firstIndex { $0.upperBound > number } ?? self.ranges.count
        self.ranges.removeSubrange(0..<keep)
        if let first = self.ranges.first, first.lowerBound <= number {
            self.ranges[0] = (number + 1)...first.upperBound
        }
        self.absorb()
    }

    private mutating func absorb() {
        while let first = self.ranges.first, first.lowerBound == self.watermark + 1 {
            self.watermark = first.upperBound
            self.ranges.removeFirst()
        }
    }

    private func firstRange(endingAtOrAfter number: UInt64) -> Int {
        var low = 0
        var high = self.ranges.count
        while low < high {
            let middle = (low + high) / 2
            if self.ranges[middle].upperBound < number { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
