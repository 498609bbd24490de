// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusValue
import Testing

@Suite struct RoundTripTests {
    @Test(arguments: 0..<200 as Range<UInt64>)
    func `any value survives CBOR, and encodes the same again`(seed: UInt64) throws {
        var generator = ValueGenerator(seed: seed)
        for _ in 0..<20 {
            let value = generator.value()
            let encoding = try value.encoded()
            let again = try Value(cbor: encoding)
            #expect(again == value)
            #expect(again.hashValue == value.hashValue)
            #expect(try again.encoded() == encoding)
            #expect(try ValueEncoder().encode(value) == encoding)
            #expect(try ValueDecoder().decode(Value.self, from: encoding) == value)
        }
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `any value survives JSON, pretty or not`(seed: UInt64) throws {
        var generator = ValueGenerator(seed: seed)
        for _ in 0..<20 {
            let value = generator.value()
            #expect(try Value(json: value.json()) == value)
            #expect(try Value(json: value.json(pretty: true)) == value)
        }
    }

    @Test(arguments: 0..<100 as Range<UInt64>)
    func `values sort as their encodings do`(seed: UInt64) throws {
        var generator = ValueGenerator(seed: seed)
        for _ in 0..<50 {
            let (left, right) = (generator.value(depth: 2), generator.value(depth: 2))
            let (one, other) = (try left.encoded(), try right.encoded())
            let order = Value.canonicalOrder(left, right)
            #expect((order < 0) == one.lexicographicallyPrecedes(other), "\(left) \(right)")
            #expect((order > 0) == other.lexicographicallyPrecedes(one), "\(left) \(right)")
        }
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `what another encoder writes decodes to the same value`(seed: UInt64) throws {
        var generator = ValueGenerator(seed: seed)
        for round in 0..<10 as Range<UInt64> {
            let value = generator.value()
            var writer = ForeignWriter(seed: seed << 8 | round)
            writer.write(value)
            #expect(try Value(cbor: writer.bytes) == value)
            let wrapped: [UInt8] = [0xa1, 0x61, 0x61] + writer.bytes
            #expect(try ValueDecoder().decode([String: Value].self, from: wrapped) == ["a": value])
        }
    }

    @Test(arguments: 0..<100 as Range<UInt64>)
    func `damaged encodings give a value or an error`(seed: UInt64) throws {
        var generator = ValueGenerator(seed: seed)
        for _ in 0..<20 {
            var encoding = try generator.value().encoded()
            for _ in 0..<Int.random(in: 1...4, using: &generator.dice) {
                let place = Int.random(in: encoding.indices, using: &generator.dice)
                encoding[place] = UInt8(truncatingIfNeeded: generator.dice.next())
            }
            for decode in typedDecodes { try? decode(encoding) }
            guard let value = try? Value(cbor: encoding) else { continue }
            #expect(try Value(cbor: value.encoded()) == value)
        }
    }

    @Test func `the order of a map's or set's making does not show`() throws {
        var generator = ValueGenerator(seed: 7)
        let entries = (0..<100).map { (Value($0 * 37), generator.value(depth: 1)) }
        let other = ValueMap(entries.shuffled(using: &generator.dice))
        #expect(ValueMap(entries) == other)
        #expect(try Value.map(ValueMap(entries)).encoded() == Value.map(other).encoded())
        let members = entries.map(\.1)
        #expect(ValueSet(members) == ValueSet(members.shuffled(using: &generator.dice)))
    }
}
