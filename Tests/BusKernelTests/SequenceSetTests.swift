// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import Testing

@Suite struct SequenceSetTests {
    /// The same, as a plain set of numbers up to 200.
    struct Model {
        var members: Set<UInt64> = []

        var watermark: UInt64 {
            (1...201).first { !self.members.contains($0) }.map { $0 - 1 } ?? 201
        }

        /// Members above the watermark as ranges.
        var ranges: [ClosedRange<UInt64>] {
            var ranges: [ClosedRange<UInt64>] = []
            for number in self.members.sorted() where number > self.watermark {
                if let last = ranges.last, last.upperBound + 1 == number {
                    ranges[ranges.count - 1] = last.lowerBound...number
                } else {
                    ranges.append(number...number)
                }
            }
            return ranges
        }
    }

    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func `it is what a plain set of numbers is`(seed: UInt64) {
        var random = RandomSource(seed: seed)
        var set = SequenceSet()
        var model = Model()
        for _ in 0..<120 {
            let number = 1 + random.below(200)
            switch random.below(8) {
            case 0:
                let upper = min(200, number + random.below(20))
                set.insert(number...upper)
                model.members.formUnion(number...upper)
            case 1:
                let through = random.below(40)
                set.insert(through: through)
                if through > 0 { model.members.formUnion(1...through) }
            default:
                let isNew = model.members.insert(number).inserted
                #expect(set.insert(number) == isNew)
            }
            #expect(set.watermark == model.watermark)
            #expect(set.ranges == model.ranges)
            let probe = 1 + random.below(200)
            #expect(set.contains(probe) == model.members.contains(probe))
        }
    }

    @Test func `numbers in order leave only a watermark`() {
        var set = SequenceSet()
        for number in 1...1_000 as ClosedRange<UInt64> { set.insert(number) }
        #expect(set.watermark == 1_000)
        #expect(set.ranges.isEmpty)
    }

    @Test func `the largest number of all does no harm, however it comes`() {
        var set = SequenceSet()
        set.insert(UInt64.max)
        set.insert((UInt64.max - 3)...UInt64.max)
        #expect(set.ranges == [(UInt64.max - 3)...UInt64.max])
        set.insert(through: .max - 2)
        #expect(set.watermark == .max)
        #expect(set.insert(.max) == false)
        #expect(set.insert(0) == false)
        set.insert(through: .max)
        #expect(set.contains(7) && set.ranges.isEmpty)
    }
}
