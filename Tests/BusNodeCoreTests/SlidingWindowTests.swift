// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusNodeCore
import Testing

@Suite struct SlidingWindowTests {
    @Test(arguments: 1...60 as ClosedRange<UInt64>)
    func `it is what a dictionary is, however few slots it has`(seed: UInt64) {
        var random = RandomSource(seed: seed)
        var window = SlidingWindow<Int>(denseLimit: 1 + Int(random.below(12)))
        var model: [UInt64: Int] = [:]
        var newest: UInt64 = 0
        for round in 0..<300 {
            // Mostly new keys in order, some old ones, and now and then a leap.
            let old = 1 + random.below(newest + 1)
            switch random.below(10) {
            case 0..<4:
                newest += random.below(20) == 0 ? 1 + random.below(60) : 1
                window.insert(round, at: newest)
                model[newest] = round
            case 4:
                window.insert(round, at: old)
                model[old] = round
                newest = max(newest, old)
            case 5..<8:
                #expect(window.remove(at: old) == model.removeValue(forKey: old))
            case 8:
                let outcome = window.update(old) { value -> Int in
                    value += 1_000
                    return value
                }
                if let value = model[old] { model[old] = value + 1_000 }
                #expect(outcome == model[old])
            default:
                let range = random.below(2) == 0 ? 0...old / 2 : old / 2...old
                let expected = model.keys.filter { range.contains($0) }.sorted().compactMap {
                    model.removeValue(forKey: $0)
                }
                var removed: [Int] = []
                window.removeAll(in: range) { removed.append($0) }
                #expect(removed == expected)
            }
            #expect(window.count == model.count)
            #expect(window.isEmpty == model.isEmpty)
            #expect(window.keys == model.keys.sorted())
            #expect(window[old] == model[old])
            #expect(window.contains(old) == (model[old] != nil))
        }
    }

    @Test func `one that stays while a million others pass is still found`() {
        var window = SlidingWindow<String>(denseLimit: 64)
        window.insert("slow", at: 1)
        for key in 2...1_000_000 as ClosedRange<UInt64> {
            window.insert("fast", at: key)
            if key > 2 { window.remove(at: key - 1) }
        }
        #expect(window.count == 2)
        #expect(window[1] == "slow")
        #expect(window.remove(at: 1) == "slow")
        #expect(window.keys == [1_000_000])
    }

    @Test func `a change in place keeps the number of elements`() {
        var window = SlidingWindow<Int>()
        window.insert(1, at: 5)
        #expect(window.update(5) { $0 += 1 } != nil)
        #expect(window.update(6) { $0 += 1 } == nil)
        #expect(window[5] == 2)
        #expect(window.count == 1)
    }
}
