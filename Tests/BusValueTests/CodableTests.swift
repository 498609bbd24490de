// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusValue
import Testing

private struct Account: Codable, Hashable {
    var owner: String
    var balance: Int
    var limit: Double?
    var data: Bytes
    var slot: ReferenceSlot
    var extra: Value
}

private enum Shape: Codable, Hashable {
    case empty
    case circle(radius: Double)
    case polygon([Int], name: String)
}

private enum Color: String, Codable, Hashable, CaseIterable {
    case red
    case green
}

private struct Everything: Codable, Equatable {
    var i8: Int8 = -128
    var i16: Int16 = -32768
    var i32: Int32 = .min
    var i64: Int64 = .min
    var u8: UInt8 = .max
    var u16: UInt16 = .max
    var u32: UInt32 = .max
    var u64: UInt64 = .max
    var i128: Int128 = .min
    var u128: UInt128 = .max
    var bool = true
    var float: Float = 0.1
    var double = 0.1
    var text = "text"
    var bytes: [UInt8] = [1, 2, 3]
    var big = BigInteger(isNegative: true, magnitude: [UInt8](repeating: 0xff, count: 20))
    var time = Timestamp(secondsSince2001: 0.1)
    var uuid = UUIDValue(high: 1, low: 2)
    var none: Int?
    var colors: Set<Color> = [.red, .green]
    var shapes: [Shape] = [.empty, .circle(radius: 1.5), .polygon([1, 2], name: "p")]
    var byColor: [Color: Int] = [.red: 1, .green: 2]
    var byNumber: [Int: String] = [-1: "a", 300: "b"]
    var byName: [String: [Shape]] = ["x": [.empty], "": []]
    var byShape: [Shape: Bool] = [.empty: true, .circle(radius: 2): false]
    var nested: [[Int?]] = [[1, nil], []]
    var deep: Int?? = .some(.some(1))
    var lists: [[UInt8]] = [[], [1]]
    var set = ValueSet([1, "a"])
    var map: ValueMap = [1: "a"]
}

@Suite struct CodableTests {
    private func roundTrip<T: Codable & Equatable>(_ value: T) throws {
        let encoding = try ValueEncoder().encode(value)
        #expect(try ValueDecoder().decode(T.self, from: encoding) == value)
        let tree = try Value(cbor: encoding)
        #expect(try tree.encoded() == encoding, "the bridge must encode deterministically")
        var writer = ForeignWriter(seed: 5)
        writer.write(tree)
        #expect(try ValueDecoder().decode(T.self, from: writer.bytes) == value)
    }

    @Test func `every scalar, own type and container survives`() throws {
        try roundTrip(Everything())
        try roundTrip([Everything(), Everything()])
        try roundTrip(Optional(Color.green))
        try roundTrip([Color?]([.red, nil]))
    }

    @Test func `arrays of scalars survive`() throws {
        try roundTrip([Int.min, -1, 0, 23, 24, 255, 256, .max])
        try roundTrip([Int8.min, .max])
        try roundTrip([Int16.min, .max])
        try roundTrip([Int32.min, .max])
        try roundTrip([Int64.min, .max])
        try roundTrip([UInt.min, .max])
        try roundTrip([UInt16.min, .max])
        try roundTrip([UInt32.min, .max])
        try roundTrip([UInt64.min, .max])
        try roundTrip([0.1, 1, -0.0, .infinity])
        try roundTrip([Float(0.1), 1, -0.0, .infinity])
        try roundTrip([true, false])
        try roundTrip(["", "a", "\u{1f600}"])
        try roundTrip([Bytes([1]), Bytes()])
        try roundTrip([Value.null, 1, ["a": 2]])
        try roundTrip([UInt8](0...255))
        try roundTrip([[Int]](repeating: [1, 2], count: 30))
    }

    @Test func `a struct is a map with its keys in byte order`() throws {
        let account = Account(
            owner: "Ada", balance: -1, limit: nil, data: [1], slot: ReferenceSlot(3),
            extra: ["a": 1])
        let tree = try Value(cbor: ValueEncoder().encode(account))
        let expected: Value = [
            "owner": "Ada", "balance": -1, "data": .bytes([1]),
            "slot": .reference(ReferenceSlot(3)), "extra": ["a": 1],
        ]
        #expect(tree == expected)
        try roundTrip(account)
    }

    @Test func `enumerations, sets and dictionaries have the forms of the document`() throws {
        func tree(_ value: some Encodable) throws -> Value {
            try Value(cbor: ValueEncoder().encode(value))
        }
        #expect(try tree(Shape.circle(radius: 1)) == ["circle": ["radius": 1.0]])
        #expect(try tree(Shape.empty) == ["empty": [:]])
        #expect(try tree(Color.red) == "red")
        #expect(try tree(Set([3, 1, 2])) == .set([1, 2, 3]))
        #expect(try tree([1: "a"]) == [1: "a"])
        #expect(try tree([Color.red: 1]) == ["red": 1])
        #expect(try tree(["b": 1, "a": 2]) == ["a": 2, "b": 1])
        #expect(try tree(Int?.none) == .null)
        #expect(try tree([1, nil, 3] as [Int?]) == [1, .null, 3])
        #expect(try tree(UInt64.max) == Value(UInt64.max))
        #expect(try tree([UInt8](repeating: 1, count: 3)) == .bytes([1, 1, 1]))
    }

    @Test func `what dynamic callers send fits typed parameters`() throws {
        func decode<T: Decodable>(_ type: T.Type, _ value: Value) throws -> T {
            try ValueDecoder().decode(type, from: value.encoded())
        }
        #expect(try decode(Double.self, 3) == 3)
        #expect(try decode([Double].self, [3, 0.5]) == [3, 0.5])
        #expect(try decode(Float.self, 0.1) == 0.1)
        #expect(try decode(Set<Int>.self, [1, 2]) == [1, 2])
        #expect(try decode([Int].self, .set([1, 2])) == [1, 2])
        #expect(try decode([Int: String].self, ["1": "a"]) == [1: "a"])
        #expect(try decode([UInt8].self, [1, 2]) == [1, 2])
        #expect(try decode(Account?.self, .null) == nil)
    }

    @Test(arguments: [
        ("c3412c", -45.0), ("c2420100", 256), ("c249010000000000000000", 0x1p64),
        ("c3490fffffffffffffffff", -0x1p68), ("3b7fffffffffffffff", -0x1p63),
        ("3bffffffffffffffff", -0x1p64), ("c240", 0),
    ])
    func `a double is read from every integer that it holds exactly`(
        encoding: String, expected: Double
    ) throws {
        let decoder = ValueDecoder()
        #expect(try decoder.decode(Double.self, from: hex(encoding)) == expected)
        #expect(try decoder.decode([Double].self, from: [0x81] + hex(encoding)) == [expected])
        #expect(try decoder.decode(Float?.self, from: hex(encoding)) == Float(expected))
    }

    @Test func `a key that is an integer may be written as a bignum`() throws {
        // {-196: -13} and {1: 5}, in the shortest way and in a longer one.
        for encoding in [[0xA1, 0x38, 0xC3, 0x2C], [0xA1, 0xC3, 0x41, 0xC3, 0x2C]] as [[UInt8]] {
            let map = try ValueDecoder().decode([Int: Int].self, from: encoding)
            #expect(map == [-196: -13])
        }
        for encoding in [[0xA1, 0x01, 0x05], [0xA1, 0xC2, 0x41, 0x01, 0x05]] as [[UInt8]] {
            #expect(try ValueDecoder().decode(Numbered.self, from: encoding).first == 5)
        }
    }

    private struct Numbered: Decodable {
        enum CodingKeys: Int, CodingKey {
            case first = 1
        }

        let first: Int
    }

    @Test(arguments: [
        "c24900f97e000000000000", "c2500100000000000000000000000000000001",
        "c3500100000000000000000000000000000000",
    ])
    func `an integer is not read from a bignum beyond its range`(encoding: String) {
        let bytes = hex(encoding)
        func decodes<T: Decodable>(_ type: T.Type) -> Bool {
            (try? ValueDecoder().decode(type, from: bytes)) != nil
        }
        #expect(!decodes(Int8.self) && !decodes(UInt8.self) && !decodes(Int8?.self))
        #expect(!decodes(Int16.self) && !decodes(UInt32.self) && !decodes(Int64.self))
    }

    @Test func `a double is not read from an integer that it would round`() throws {
        let whole = [UInt8](repeating: 0, count: 127)
        let large: [(isExact: Bool, magnitude: [UInt8])] = [
            (true, [0x80] + whole), (false, [0x80] + whole.dropLast() + [1]),
            (false, [1] + whole + [0]), (false, [0x20, 0, 0, 0, 0, 0, 1, 0]),
            (true, [0x20, 0, 0, 0, 0, 0, 2, 0]),
        ]
        for (isExact, magnitude) in large {
            let encoding = try Value(isNegative: true, magnitude: magnitude).encoded()
            let double = try? ValueDecoder().decode(Double.self, from: encoding)
            #expect((double != nil) == isExact)
        }
    }

    @Test func `arguments follow one another in one buffer`() throws {
        let encoder = ValueEncoder()
        var bytes: [UInt8] = [0xee]
        CBORWriter.array(count: 3, into: &bytes)
        try encoder.encode(7, into: &bytes)
        try encoder.encode(Shape.circle(radius: 0.5), into: &bytes)
        try encoder.encode("x", into: &bytes)
        var reader = CBORReader(bytes, at: 1)
        let head = try reader.head()
        #expect(head.major == .array && head.argument == 3)
        var offset = reader.offset
        let decoder = ValueDecoder()
        #expect(try decoder.decode(Int.self, from: bytes, at: &offset) == 7)
        let shape = try decoder.decode(Shape.self, from: bytes, at: &offset)
        #expect(shape == .circle(radius: 0.5))
        #expect(try decoder.decode(String.self, from: bytes, at: &offset) == "x")
        #expect(offset == bytes.count)
    }

    @Test func `large bytes travel as frames, small ones and those in sets inline`() throws {
        let large = [UInt8](repeating: 7, count: Bytes.frameThreshold)
        let small = [UInt8](repeating: 7, count: Bytes.frameThreshold - 1)
        var bytes: [UInt8] = []
        var buffers: [Bytes] = [Bytes([1])]
        try ValueEncoder().encode(
            ["a": large, "b": small], into: &bytes, buffers: &buffers)
        #expect(buffers == [Bytes([1]), Bytes(large)])
        #expect(bytes.count < small.count + 20)
        let decoded = try ValueDecoder().decode(
            [String: [UInt8]].self, from: bytes, buffers: buffers)
        #expect(decoded == ["a": large, "b": small])
        #expect(throws: DecodingError.self) {
            try ValueDecoder().decode([String: [UInt8]].self, from: bytes, buffers: [])
        }
        let value: Value = ["s": .set([.bytes(Bytes(large))]), "v": .bytes(Bytes(large))]
        (bytes, buffers) = ([], [])
        try value.encode(into: &bytes, buffers: &buffers)
        #expect(buffers.count == 1)
        #expect(try Value(cbor: bytes, buffers: buffers) == value)
        #expect(try ValueEncoder().encode(large).count == large.count + 3)
    }

    @Test func `frame numbers do not depend on hashing`() throws {
        let names = (0..<20).map { "name\($0)" }
        let content = names.map { Bytes([UInt8]($0.utf8) + [UInt8](repeating: 0, count: 20_000)) }
        let dictionary = Dictionary(uniqueKeysWithValues: zip(names, content))
        var bytes: [UInt8] = []
        var buffers: [Bytes] = []
        try ValueEncoder().encode(dictionary, into: &bytes, buffers: &buffers)
        let sorted = names.sorted { ($0.utf8.count, $0) < ($1.utf8.count, $1) }
        #expect(buffers == sorted.compactMap { dictionary[$0] })
    }
}

/// Numbers take a way of their own if the limits are the usual ones, else that of all else.
@Suite struct PlainIntegerTests {
    /// All initial bytes, and arguments of each width that are small, large, or cut short.
    private static var numbers: [[UInt8]] {
        var all = (UInt8.min...UInt8.max).map { [$0] }
        for (information, width) in [(0x18, 1), (0x19, 2), (0x1a, 4), (0x1b, 8)] {
            for head in [UInt8(information), UInt8(information + 0x20)] {
                for first in [UInt8(0), 1, 0x7f, 0x80, 0xff] {
                    let rest = [UInt8](repeating: first == 0x7f ? 0xff : first, count: width - 1)
                    all.append([head, first] + rest)
                    all.append([head] + rest)
                    all.append([head, first] + rest + [0x61])
                }
            }
        }
        return all
    }

    private func outcome(_ limits: ValueLimits, _ bytes: [UInt8], at start: Int) -> String {
        var offset = start
        do {
            let number = try ValueDecoder(limits: limits).decode(
                Int.self, from: bytes, at: &offset)
            return "\(number), then \(offset)"
        } catch {
            return "\(error), still \(offset)"
        }
    }

    @Test func `both ways give the same number, place or error`() {
        var others = ValueLimits.standard
        others.depth -= 1
        var count = 0
        for bytes in Self.numbers {
            for (input, start) in [(bytes, 0), ([0xf6] + bytes, 1), (bytes, bytes.count)] {
                let outcome = self.outcome(.standard, input, at: start)
                #expect(outcome == self.outcome(others, input, at: start))
                if !outcome.contains("still") { count += 1 }
            }
        }
        #expect(count > 100)
    }
}
