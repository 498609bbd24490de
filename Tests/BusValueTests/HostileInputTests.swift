// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusValue
import Testing

@Suite struct HostileInputTests {
    static let huge = "7fffffffffffffff"

    @Test(arguments: [
        "5bffffffffffffffff", "7bffffffffffffffff", "9bffffffffffffffff", "bbffffffffffffffff",
        "5b" + huge, "7b" + huge, "9b" + huge, "bb" + huge, "5a7fffffff", "9a7fffffff",
        "9a00100000f6", "ba00100000f6f6",
        "5f5bffffffffffffffff", "7f7b" + huge,
        "9f9bffffffffffffffff", "d901029bffffffffffffffff", "c25b" + huge,
    ])
    func `a length beyond the input is an error at once`(encoding: String) {
        let bytes = hex(encoding)
        let error = #expect(throws: ValueError.self) { try Value(cbor: bytes) }
        #expect(error?.kind == .truncated || error?.kind == .limitExceeded)
        for decode in typedDecodes { #expect(throws: DecodingError.self) { try decode(bytes) } }
    }

    @Test(arguments: [
        "1c", "1d", "1e", "1f", "3c", "3f", "5c", "5d", "5e", "7c", "9c", "bc", "dc", "df", "fc",
        "fd", "fe", "ff", "81ff", "a1ff", "a100ff", "bf00ff", "c1ff", "f800", "f818", "f81f",
        "5f00ff", "5f6161ff", "7f4100ff", "5f5f4100ffff", "7f7f6161ffff", "d82540", "d8254101",
        "c161", "c1f5", "c1f6", "c200", "d9010200", "d90102a0",
        "d96f6220", "d96f621b0000000100000000", "d96f6300", "d96f6400", "d96f64f6", "c2c240",
        "61ff", "62c328", "63eda080", "64f4908080", "62c080", "7f61c361bcff",
    ])
    func `what breaks the rules is refused with its offset`(encoding: String) {
        let error = #expect(throws: ValueError.self) { try Value(cbor: hex(encoding)) }
        #expect(error?.offset != nil)
        #expect(error?.kind != .limitExceeded)
        for decode in typedDecodes { try? decode(hex(encoding)) }
    }

    @Test(arguments: [
        ("a2616100616101", 0), ("a200000000", 0), ("a20000180000", 0),
        ("a2f93c00f6fb3ff0000000000000f6", 0),
        ("82a0a26161006161f6", 2), ("bf6161007f6161ff00ff", 0), ("d90102826161 6161", 0),
        ("d90102820000", 0), ("a2c24101000100", 0),
    ])
    func `a key or member that occurs twice is refused, however it is written`(
        encoding: String, offset: Int
    ) {
        let error = #expect(throws: ValueError.self) { try Value(cbor: hex(encoding)) }
        #expect(error?.kind == .duplicate)
        #expect(error?.offset == offset)
    }

    @Test(arguments: ["81", "a100", "d9010281", "9f", "bf00"])
    func `nesting is bounded`(opening: String) throws {
        let opening = hex(opening)
        let isMap = opening[0] == 0xa1 || opening[0] == 0xbf
        let isOpen = opening[0] == 0x9f || opening[0] == 0xbf
        func nested(_ depth: Int) -> [UInt8] {
            var bytes = Array(repeatElement(opening, count: depth).joined())
            bytes.append(isMap ? 0xf6 : 0x00)
            return bytes + [UInt8](repeating: 0xff, count: isOpen ? depth : 0)
        }
        _ = try Value(cbor: nested(64))
        let error = #expect(throws: ValueError.self) { try Value(cbor: nested(65)) }
        #expect(error?.kind == .limitExceeded)
        #expect(error?.message.contains("64") == true)
        for bytes in [nested(65), nested(1000), nested(20_000)] {
            for decode in typedDecodes {
                #expect(throws: DecodingError.self) { try decode(bytes) }
            }
        }
    }

    @Test func `tags inside one another do not exhaust the stack`() {
        let bytes = [UInt8](repeating: 0xc1, count: 1_000_000)
        #expect(throws: ValueError.self) { try Value(cbor: bytes) }
        for decode in typedDecodes { #expect(throws: DecodingError.self) { try decode(bytes) } }
    }

    @Test func `items are counted`() throws {
        let limits = ValueLimits(items: 10)
        let nine = [0x89] + [UInt8](repeating: 0, count: 9)
        _ = try Value(cbor: nine, limits: limits)
        let decoder = ValueDecoder(limits: limits)
        #expect(try decoder.decode([Int].self, from: nine).count == 9)
        for more in [[0x8a], [0x9f]] as [[UInt8]] {
            let ten = more + [UInt8](repeating: 0, count: 10) + [0xff]
            let error = #expect(throws: ValueError.self) { try Value(cbor: ten, limits: limits) }
            #expect(error?.kind == .limitExceeded)
            #expect(throws: DecodingError.self) { try decoder.decode([Int].self, from: ten) }
            #expect(throws: DecodingError.self) { try decoder.decode([Tree].self, from: ten) }
        }
    }

    @Test func `sizes are bounded`() throws {
        let limits = ValueLimits(messageBytes: 100, stringBytes: 10, bigIntegerBytes: 9)
        func kind(_ bytes: [UInt8]) -> ValueError.Kind? {
            do {
                _ = try Value(cbor: bytes, limits: limits)
                return nil
            } catch {
                return error.kind
            }
        }
        #expect(kind([0x4a] + [UInt8](repeating: 0, count: 10)) == nil)
        #expect(kind([0x4b] + [UInt8](repeating: 0, count: 11)) == .limitExceeded)
        #expect(kind(hex("7f666161616161616561616161 61ff")) == .limitExceeded)
        #expect(kind([0xc2, 0x49] + [UInt8](repeating: 9, count: 9)) == nil)
        #expect(kind([0xc2, 0x4a] + [UInt8](repeating: 9, count: 10)) == .limitExceeded)
        #expect(kind([0x98, 98] + [UInt8](repeating: 0, count: 98)) == nil)
        #expect(kind([0x98, 99] + [UInt8](repeating: 0, count: 99)) == .limitExceeded)
    }

    @Test func `the encoder keeps the same bounds`() {
        let limits = ValueLimits(
            depth: 2, items: 10, messageBytes: 100, stringBytes: 10, bigIntegerBytes: 9)
        let tooMuch: [Value] = [
            [[[]]], .set([.set([.set([])])]), ["a": ["a": [:]]],
            .array(.init(repeating: 0, count: 10)), .string("12345678901"),
            .bytes(Bytes([UInt8](repeating: 0, count: 11))),
            Value(isNegative: false, magnitude: [UInt8](repeating: 1, count: 10)),
            .array(.init(repeating: "1234567890", count: 9) + [""]),
        ]
        var bytes: [UInt8] = [1, 2]
        for value in tooMuch {
            #expect(throws: ValueError.self) { try value.encode(into: &bytes, limits: limits) }
            #expect(throws: EncodingError.self) {
                try ValueEncoder(limits: limits).encode(["value": value], into: &bytes)
            }
        }
        #expect(bytes == [1, 2])
    }

    @Test func `an offset outside the input is an error`() {
        for start in [-1, 1, 2, Int.max, Int.min] {
            var offset = start
            #expect(throws: (any Error).self) {
                try ValueDecoder().decode(String.self, from: [0], at: &offset)
            }
            #expect(offset == start)
        }
    }
}
