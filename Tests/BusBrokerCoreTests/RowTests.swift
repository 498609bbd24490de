// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore
import BusKernel
import Testing

/// The index and the rows that the large tables of the broker are made of.
@Suite struct RowTests {
    /// A key of which many share a hash.
    private static func hash(_ key: UInt64) -> UInt64 { mixedBits(key % 7) }

    @Test(arguments: 0..<20) func `rows are found by their keys, and keep their numbers`(
        seed: UInt64
    ) {
        var random = RandomSource(seed: seed)
        var index = HashIndex()
        var rows = RowStore<(key: UInt64, text: String)?>(blank: nil)
        var model: [UInt64: (number: UInt32, text: String)] = [:]
        for step in 0..<800 {
            let key = random.below(60)
            let found = index.row(Self.hash(key)) { number in
                rows.read(number) { $0?.key == key }
            }
            #expect(found == model[key]?.number)
            guard let found else {
                let number = rows.insert((key, "\(step)"))
                #expect(!model.values.contains { $0.number == number })
                index.insert(number, Self.hash(key))
                model[key] = (number, "\(step)")
                continue
            }
            #expect(rows.read(found) { $0?.text } == model[key]?.text)
            if random.below(3) == 0 {
                rows.change(found) { $0?.text += "+" }
                model[key]?.text += "+"
            } else {
                index.remove(found, Self.hash(key))
                rows.remove(found)
                model[key] = nil
            }
            #expect(index.count == model.count)
        }
        let listed = rows.compactMap { $0?.key }
        #expect(listed.sorted() == model.keys.sorted())
    }

    @Test func `ten thousand rows in a row are found again, and their numbers used again`() {
        var index = HashIndex()
        var rows = RowStore<UInt64>(blank: .max)
        for key in 0..<10_000 as Range<UInt64> {
            index.insert(rows.insert(key), mixedBits(key))
        }
        for key in 0..<10_000 as Range<UInt64> {
            let row = index.row(mixedBits(key)) { number in rows.read(number) { $0 == key } }
            #expect(row == UInt32(key))
        }
        #expect(index.row(mixedBits(10_000)) { _ in true } == nil)
        for key in 0..<5_000 as Range<UInt64> {
            index.remove(UInt32(key), mixedBits(key))
            rows.remove(UInt32(key))
        }
        for key in 10_000..<15_000 as Range<UInt64> {
            let number = rows.insert(key)
            #expect(number < 5_000)
            index.insert(number, mixedBits(key))
        }
        #expect(index.count == 10_000)
    }
}
