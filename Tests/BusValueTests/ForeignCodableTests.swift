// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusValue
import Foundation
import Testing

@Suite struct ForeignCodableTests {
    private func throughJSON<T: Codable & Equatable>(_ value: T) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let data = try encoder.encode(value)
        #expect(try JSONDecoder().decode(T.self, from: data) == value)
        return String(decoding: data, as: UTF8.self)
    }

    @Test func `our types have simple forms in other formats`() throws {
        #expect(try throughJSON(Bytes([1, 2, 3])) == "\"AQID\"")
        #expect(
            try throughJSON(UUIDValue(high: 1, low: 2))
                == "\"00000000-0000-0001-0000-000000000002\"")
        #expect(try throughJSON(Timestamp(secondsSince2001: 1.5)) == "1.5")
        #expect(try throughJSON(ReferenceSlot(7)) == "7")
        let magnitude = [1] + [UInt8](repeating: 0, count: 9)
        let big = try #require(BigInteger(isNegative: true, magnitude: magnitude))
        #expect(try throughJSON(big) == "\"-4722366482869645213696\"")
    }

    @Test func `a value takes the forms of our JSON in other formats`() throws {
        let value: Value = [
            "list": [.null, true, 1, 1.5, "text"], "one": ["$key": 1], "bytes": .bytes([1]),
            "set": .set([1]), "map": [1: 2], "nan": .double(.nan), "ref": .reference(.init(3)),
            "big": Value(UInt64.max), "time": .timestamp(.init(secondsSince2001: 0)),
        ]
        #expect(
            try throughJSON(value)
                == #"{"big":{"$integer":"18446744073709551615"},"bytes":{"$bytes":"AQ=="},"#
                + #""list":[null,true,1,1.5,"text"],"map":{"$map":[[1,2]]},"#
                + ##""nan":{"$double":"nan"},"one":{"$$key":1},"ref":{"$ref":"#3"},"##
                + #""set":{"$set":[1]},"time":{"$date":"2001-01-01T00:00:00Z"}}"#)
    }

    @Test func `Foundation's encoder and ours agree on the shape of a struct`() throws {
        struct Person: Codable, Equatable {
            var name = "Ada"
            var born: Int? = 1815
            var works: [String: [Double]] = ["notes": [1.5]]
        }
        let data = try JSONEncoder().encode(Person())
        let value = try Value(cbor: ValueEncoder().encode(Person()))
        #expect(try Value(json: String(decoding: data, as: UTF8.self)) == value)
    }

    @Test func `our RFC 3339 agrees with Foundation`() throws {
        let formatter = ISO8601DateFormatter()
        var dice = Dice(seed: 1)
        for _ in 0..<2000 {
            let seconds = Double(Int.random(in: -12_000_000_000...250_000_000_000, using: &dice))
            let date = Date(timeIntervalSinceReferenceDate: seconds)
            let text = try #require(Timestamp(secondsSince2001: seconds).rfc3339)
            guard date > Date(timeIntervalSince1970: -12_219_292_800) else { continue }
            #expect(text == formatter.string(from: date))
        }
    }
}
