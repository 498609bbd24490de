// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore
import BusKernel
import Testing

@Suite struct FlatMapTests {
    /// A key of which many share a hash.
    private struct Key: FlatKey, Hashable {
        let number: UInt64

        func flatHash(seed: UInt64) -> UInt64 { (self.number % 5) ^ seed }
    }

    @Test(arguments: 0..<20) func `it holds what a dictionary holds`(seed: UInt64) {
        var random = RandomSource(seed: seed)
        var map = FlatMap(emptyKey: Key(number: 0), emptyValue: "", seed: random.next())
        var model: [Key: String] = [:]
        for step in 0..<600 {
            let key = Key(number: random.below(40))
            switch random.below(3) {
            case 0:
                map[key] = nil
                model[key] = nil
            case 1:
                #expect(map[key] == model[key])
            default:
                map[key] = "\(step)"
                model[key] = "\(step)"
            }
            #expect(map.count == model.count)
        }
        for number in 0..<40 as Range<UInt64> {
            #expect(map[Key(number: number)] == model[Key(number: number)])
        }
    }

    @Test func `ten thousand keys in a row are found again`() {
        var map = FlatMap(emptyKey: ConnectionID(rawValue: 0), emptyValue: UInt32(0), seed: 99)
        for number in 0..<10_000 as Range<UInt32> { map[ConnectionID(rawValue: number)] = number }
        #expect(map.count == 10_000)
        for number in 0..<10_000 as Range<UInt32> {
            #expect(map[ConnectionID(rawValue: number)] == number)
        }
        #expect(map[ConnectionID(rawValue: 10_000)] == nil)
    }
}
