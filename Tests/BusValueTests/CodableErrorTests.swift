// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusValue
import Testing

private struct Inner: Codable, Equatable {
    var count: Int
}

private struct Outer: Codable, Equatable {
    var items: [Inner]
    var byName: [String: Inner]
}

@Suite struct CodableErrorTests {
    private func failure<T: Decodable>(_ type: T.Type, _ value: Value) throws -> String {
        let bytes = try value.encoded()
        let error = #expect(throws: DecodingError.self) {
            try ValueDecoder().decode(type, from: bytes)
        }
        return error?.summary ?? ""
    }

    @Test func `a wrong type names what was expected, what was found and where`() throws {
        #expect(try failure(Int.self, "x") == "expected Int, found string")
        #expect(try failure(Int8.self, 300) == "expected Int8, found an integer out of its range")
        #expect(try failure(Int.self, 1.5) == "expected Int, found double")
        #expect(try failure(String.self, .null) == "expected String, found null")
        #expect(try failure([Int].self, [:]) == "expected array, found map")
        #expect(try failure(Inner.self, 3) == "expected map, found integer")
        #expect(try failure(Bool.self, .set([])) == "expected Bool, found set")
        #expect(
            try failure(Outer.self, ["items": [["count": 1], ["count": "x"]], "byName": [:]])
                == "expected Int, found string at items[1].count")
        #expect(
            try failure(Outer.self, ["items": [], "byName": ["a b": ["count": []]]])
                == "expected Int, found array at byName.a b.count")
        #expect(try failure(Outer.self, ["items": []]) == "there is no \"byName\"")
    }

    @Test func `null is a missing value, anything else a mismatch`() throws {
        for (value, isMissing) in [(.null, true), ("x", false)] as [(Value, Bool)] {
            do {
                _ = try ValueDecoder().decode(Int.self, from: value.encoded())
                Issue.record("must not decode")
            } catch DecodingError.valueNotFound {
                #expect(isMissing)
            } catch DecodingError.typeMismatch {
                #expect(!isMissing)
            }
        }
    }

    @Test func `a key that occurs twice is refused by typed decoding too`() {
        for bytes in ["a265636f756e740165636f756e7401", "a27f65636f756e74ff0165636f756e7401"] {
            #expect(throws: DecodingError.self) {
                try ValueDecoder().decode(Inner.self, from: hex(bytes))
            }
        }
        #expect(throws: DecodingError.self) {
            try ValueDecoder().decode([String: Int].self, from: hex("a2616101616102"))
        }
        #expect(throws: DecodingError.self) {
            try ValueDecoder().decode(Set<Int>.self, from: hex("820101"))
        }
    }

    @Test func `an error leaves output and offset as they were`() throws {
        struct Refusing: Encodable {
            struct Refusal: Error {}
            func encode(to encoder: any Encoder) throws {
                var container = encoder.unkeyedContainer()
                try container.encode([UInt8](repeating: 0, count: 20_000))
                throw Refusal()
            }
        }
        var bytes: [UInt8] = [1]
        var buffers: [Bytes] = []
        #expect(throws: Refusing.Refusal.self) {
            try ValueEncoder().encode(["a": Refusing()], into: &bytes, buffers: &buffers)
        }
        #expect(bytes == [1] && buffers.isEmpty)
        var offset = 1
        #expect(throws: DecodingError.self) {
            try ValueDecoder().decode([Inner].self, from: [1, 0x81, 1], at: &offset)
        }
        #expect(offset == 1)
    }

    @Test func `an entry that fails and is caught leaves no trace`() throws {
        struct Bad: Encodable {
            func encode(to encoder: any Encoder) throws {
                throw EncodingError.invalidValue(0, .init(codingPath: [], debugDescription: ""))
            }
        }
        struct Careful: Encodable {
            enum CodingKeys: CodingKey { case a, b, c }
            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: CodingKeys.self)
                try container.encode(1, forKey: .c)
                try? container.encode([Bad()], forKey: .b)
                try container.encode(2, forKey: .a)
                try? container.encode(Bad(), forKey: .b)
            }
        }
        #expect(try Value(cbor: ValueEncoder().encode(Careful())) == ["a": 2, "c": 1])
    }

    @Test func `depth counts from the outermost item`() throws {
        struct Holder: Codable {
            var value: Value
            var list: [[Int]] = []
        }
        let encoder = ValueEncoder(limits: ValueLimits(depth: 3))
        _ = try encoder.encode(Holder(value: [[1]], list: [[1]]))
        _ = try encoder.encode([[[1]]])
        #expect(throws: EncodingError.self) { try encoder.encode(Holder(value: [[[1]]])) }
        #expect(throws: EncodingError.self) { try encoder.encode([Holder(value: [[1]])]) }
        #expect(throws: EncodingError.self) { try encoder.encode([["a": [Set([1])]]]) }
        #expect(throws: EncodingError.self) { try encoder.encode([[[[1]]]]) }
    }

    @Test func `recursion without end is an error`() {
        final class Loop: Encodable {
            enum CodingKeys: CodingKey { case next }
            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: CodingKeys.self)
                try container.encode(self, forKey: .next)
            }
        }
        #expect(throws: EncodingError.self) { try ValueEncoder().encode(Loop()) }
    }
}
