// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import Testing

@Suite struct TimerQueueTests {
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func `it gives what a sorted list gives`(seed: UInt64) {
        var random = RandomSource(seed: seed)
        var queue = TimerQueue<Int>()
        var model: [(due: Tick, subject: Int)] = []
        for subject in 0..<400 {
            if random.below(5) < 3 {
                let due = Tick(nanoseconds: random.below(50))
                queue.add(subject, due: due)
                // Behind all that are due at the same time.
                let place = model.firstIndex { due < $0.due } ?? model.count
                model.insert((due, subject), at: place)
            } else {
                let now = Tick(nanoseconds: random.below(60))
                let expected = model.first.flatMap { $0.due <= now ? $0.subject : nil }
                if expected != nil { model.removeFirst() }
                #expect(queue.popDue(at: now) == expected)
            }
            #expect(queue.count == model.count)
            #expect(queue.nextDue == model.first?.due)
        }
    }

    @Test func `what is due at the same time comes in the order in which it was added`() {
        var queue = TimerQueue<Int>()
        for subject in 0..<100 { queue.add(subject, due: Tick(nanoseconds: 7)) }
        #expect(queue.popDue(at: Tick(nanoseconds: 6)) == nil)
        var order: [Int] = []
        while let subject = queue.popDue(at: Tick(nanoseconds: 7)) { order.append(subject) }
        #expect(order == Array(0..<100))
    }

    @Test func `ticks and spans stop at their ends instead of overflowing`() {
        let late = Tick(nanoseconds: .max - 1)
        #expect(late.advanced(by: .seconds(1)) == .distantFuture)
        #expect(Tick.zero.since(late) == .zero)
        #expect(late.since(.zero) == Span(nanoseconds: .max - 1))
        #expect(Span.milliseconds(1_500) == Span(nanoseconds: 1_500_000_000))
    }
}

@Suite struct RandomSourceTests {
    @Test func `a seed gives the numbers that the algorithm's authors give`() {
        // The first outputs of SplitMix64 for seed 1234567.
        var random = RandomSource(seed: 1_234_567)
        let first = (0..<5).map { _ in random.next() }
        #expect(
            first == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973,
                9_817_491_932_198_370_423, 4_593_380_528_125_082_431,
                16_408_922_859_458_223_821,
            ])
    }

    @Test(arguments: [1, 2, 3, 10, 1 << 40, UInt64.max])
    func `a number below a bound is below it`(bound: UInt64) {
        var random = RandomSource(seed: bound)
        for _ in 0..<200 { #expect(random.below(bound) < bound) }
    }

    @Test func `small bounds are hit everywhere`() {
        var random = RandomSource(seed: 5)
        var seen: Set<UInt64> = []
        for _ in 0..<200 { seen.insert(random.below(8)) }
        #expect(seen.count == 8)
    }
}
