// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusValue
import Testing

/// Uses every door of `Encoder` and `Decoder` that synthesis does not.
private struct Handwritten: Codable, Equatable {
    enum Keys: String, CodingKey {
        case zebra
        case list
        case a
        case map
    }

    class Base: Codable {
        var base = 1
        init(base: Int) { self.base = base }
    }

    final class Derived: Base {
        var own = 2
        enum OwnKeys: CodingKey { case own }
        init(base: Int, own: Int) {
            self.own = own
            super.init(base: base)
        }
        required init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: OwnKeys.self)
            own = try container.decode(Int.self, forKey: .own)
            try super.init(from: container.superDecoder())
        }
        override func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: OwnKeys.self)
            try super.encode(to: container.superEncoder())
            try container.encode(own, forKey: .own)
        }
    }

    var numbers: [Int]
    var count: Int

    init(numbers: [Int]) {
        self.numbers = numbers
        count = numbers.count
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        var list = container.nestedUnkeyedContainer(forKey: .list)
        try container.encode(count, forKey: .zebra)
        for number in numbers {
            var inner = list.nestedContainer(keyedBy: Keys.self)
            try inner.encode(number, forKey: .zebra)
            try inner.encodeNil(forKey: .a)
        }
        var map = container.nestedContainer(keyedBy: Keys.self, forKey: .map)
        try container.encode("first", forKey: .a)
        try map.encode(count, forKey: .a)
        try list.encode(count)
        try list.encodeNil()
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        count = try container.decode(Int.self, forKey: .zebra)
        var list = try container.nestedUnkeyedContainer(forKey: .list)
        numbers = []
        while !list.isAtEnd, list.currentIndex + 2 < list.count ?? 0 {
            let inner = try list.nestedContainer(keyedBy: Keys.self)
            #expect(try inner.decodeNil(forKey: .a))
            #expect(!inner.contains(.map))
            numbers.append(try inner.decode(Int.self, forKey: .zebra))
        }
        #expect(try !list.decodeNil())
        #expect(try list.decode(Int.self) == count)
        #expect(try list.decodeNil())
        #expect(list.isAtEnd)
        let map = try container.nestedContainer(keyedBy: Keys.self, forKey: .map)
        #expect(try map.decode(Int.self, forKey: .a) == count)
        #expect(Set(container.allKeys) == [.zebra, .list, .a, .map])
    }
}

@Suite struct HandwrittenCodableTests {
    @Test(arguments: [0, 1, 3, 30])
    func `containers made by hand, interleaved, end up in place`(count: Int) throws {
        let value = Handwritten(numbers: Array(0..<count))
        let encoding = try ValueEncoder().encode(["x": [value, value]])
        let tree = try Value(cbor: encoding)
        #expect(try tree.encoded() == encoding)
        let expected: Value = [
            "zebra": Value(count), "a": "first", "map": ["a": Value(count)],
            "list": .array(
                (0..<count).map { ["zebra": Value($0), "a": .null] } + [Value(count), .null]),
        ]
        #expect(tree == ["x": [expected, expected]])
        #expect(
            try ValueDecoder().decode([String: [Handwritten]].self, from: encoding)
                == ["x": [value, value]])
    }

    @Test func `a subclass has its superclass under "super"`() throws {
        let encoding = try ValueEncoder().encode(Handwritten.Derived(base: 5, own: 6))
        #expect(try Value(cbor: encoding) == ["super": ["base": 5], "own": 6])
        let decoded = try ValueDecoder().decode(Handwritten.Derived.self, from: encoding)
        #expect(decoded.base == 5 && decoded.own == 6)
    }

    @Test func `of a key written twice the last value counts`() throws {
        struct Twice: Encodable {
            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Handwritten.Keys.self)
                try container.encode(1, forKey: .zebra)
                try container.encode(2, forKey: .a)
                try container.encode(3, forKey: .zebra)
            }
        }
        #expect(try Value(cbor: ValueEncoder().encode(Twice())) == ["a": 2, "zebra": 3])
    }

    @Test func `misuse of an encoder is an error, never wrong bytes`() {
        struct TwoShapes: Encodable {
            func encode(to encoder: any Encoder) throws {
                _ = encoder.unkeyedContainer()
                _ = encoder.container(keyedBy: Handwritten.Keys.self)
            }
        }
        struct TwoValues: Encodable {
            func encode(to encoder: any Encoder) throws {
                var container = encoder.singleValueContainer()
                try container.encode(1)
                try container.encode(2)
            }
        }
        struct Outward: Encodable {
            struct Child: Encodable {
                let outer: any Encoder
                func encode(to encoder: any Encoder) throws {
                    var mine = encoder.unkeyedContainer()
                    try mine.encode(1)
                    var stolen = outer.unkeyedContainer()
                    try stolen.encode(2)
                }
            }
            func encode(to encoder: any Encoder) throws {
                var container = encoder.unkeyedContainer()
                try container.encode(Child(outer: encoder))
            }
        }
        struct Nothing: Encodable {
            func encode(to encoder: any Encoder) throws { _ = encoder.singleValueContainer() }
        }
        #expect(throws: EncodingError.self) { try ValueEncoder().encode(TwoShapes()) }
        #expect(throws: EncodingError.self) { try ValueEncoder().encode([TwoValues()]) }
        #expect(throws: EncodingError.self) { try ValueEncoder().encode(Outward()) }
        #expect(throws: EncodingError.self) { try ValueEncoder().encode(Nothing()) }
    }

    @Test func `user information reaches the types`() throws {
        struct Asking: Codable, Equatable {
            static let key = CodingUserInfoKey(rawValue: "objbus")
            var answer: String
            init(from decoder: any Decoder) throws {
                answer = try #require(Asking.key.flatMap { decoder.userInfo[$0] as? String })
            }
            init() { answer = "" }
            func encode(to encoder: any Encoder) throws {
                var container = encoder.singleValueContainer()
                try container.encode(
                    Asking.key.flatMap { encoder.userInfo[$0] as? String } ?? "none")
            }
        }
        let key = try #require(Asking.key)
        let encoding = try ValueEncoder(userInfo: [key: "out"]).encode([Asking()])
        #expect(try Value(cbor: encoding) == ["out"])
        let decoded = try ValueDecoder(userInfo: [key: "in"])
            .decode([Asking].self, from: encoding)
        #expect(decoded[0].answer == "in")
    }

    @Test func `a representable type crosses as its value, at any depth`() throws {
        struct Day: Codable, Hashable, ValueRepresentable {
            var number: Int
            init(_ number: Int) { self.number = number }
            var value: Value { .string("day \(number)") }
            init(value: Value) throws {
                guard let text = value.stringValue, let number = Int(text.dropFirst(4)) else {
                    throw ValueError.mismatch(expected: "Day", found: value)
                }
                self.number = number
            }
        }
        let days: [String: [Day?]] = ["a": [Day(1), nil]]
        let encoding = try ValueEncoder().encode(days)
        #expect(try Value(cbor: encoding) == ["a": ["day 1", .null]])
        #expect(try ValueDecoder().decode([String: [Day?]].self, from: encoding) == days)
        #expect(try Value(cbor: ValueEncoder().encode(Set([Day(2)]))) == .set(["day 2"]))
        let error = #expect(throws: DecodingError.self) {
            try ValueDecoder().decode([String: [Day]].self, from: hex("a161618107"))
        }
        #expect(error?.summary == "expected Day, found integer at a[0]")
    }
}
