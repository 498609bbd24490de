// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusValue
import Testing

@Suite struct JSONTests {
    static let forms: [(Value, String)] = [
        (.null, "null"), (true, "true"), (-7, "-7"), (9_007_199_254_740_993, "9007199254740993"),
        (Value(UInt64.max), "18446744073709551615"), (1.0, "1.0"), (1e300, "1e+300"),
        (0.1, "0.1"), (.double(-0.0), "-0.0"), (.double(.nan), #"{"$double":"nan"}"#),
        (.double(-.infinity), #"{"$double":"-inf"}"#),
        (
            .double(Double(bitPattern: 0x7ff8_0000_0000_0001)),
            #"{"$double":"nan:7ff8000000000001"}"#
        ),
        ("a\"\\\n\u{1}\u{e9}/", "\"a\\\"\\\\\\n\\u0001\u{e9}/\""),
        (.bytes([0xfb, 0xff]), #"{"$bytes":"+/8="}"#),
        (.timestamp(.init(secondsSince2001: 0.5)), #"{"$date":"2001-01-01T00:00:00.5Z"}"#),
        (.timestamp(.init(secondsSince2001: -0.25)), #"{"$date":"2000-12-31T23:59:59.75Z"}"#),
        (.timestamp(.init(secondsSince2001: 1e-9)), #"{"$date":1e-09}"#),
        (.timestamp(.init(secondsSince2001: .infinity)), #"{"$date":{"$double":"inf"}}"#),
        (
            .uuid(.init(high: 0x0011_2233_4455_6677, low: 0x8899_aabb_ccdd_eeff)),
            #"{"$uuid":"00112233-4455-6677-8899-aabbccddeeff"}"#
        ),
        (.set([1, "a"]), #"{"$set":[1,"a"]}"#), (.map([1: 2]), #"{"$map":[[1,2]]}"#),
        (["$set": 1], #"{"$$set":1}"#), (["$$x": 1], #"{"$$$x":1}"#),
        (["$a": 1, "b": 2], #"{"b":2,"$a":1}"#), ([:], "{}"), ([[]], "[[]]"),
        (.reference(.init(4)), ##"{"$ref":"#4"}"##),
    ]

    @Test func `every kind has its form and comes back from it`() throws {
        for (value, text) in JSONTests.forms {
            #expect(value.json() == text)
            #expect(try Value(json: text) == value, "\(text)")
        }
    }

    @Test func `pretty text has one element on a line`() throws {
        let value: Value = ["a": [1, [:], .set([])], "b": "x"]
        let text = """
            {
              "a": [
                1,
                {},
                {
                  "$set": []
                }
              ],
              "b": "x"
            }
            """
        #expect(value.json(pretty: true) == text)
        #expect(try Value(json: text) == value)
    }

    @Test func `references get their text from the caller`() throws {
        let value: Value = [.reference(.init(1))]
        let text = value.json { "tag-\($0.index)" }
        #expect(text == #"[{"$ref":"tag-1"}]"#)
        let again = try Value(json: text) { text in
            ReferenceSlot(UInt32(text.dropFirst(4)) ?? 99)
        }
        #expect(again == value)
        #expect(throws: ValueError.self) { try Value(json: text) }
    }

    @Test(
        arguments: [
            (#""\u00e9\ud83d\ude00\/\b\f""#, "\u{e9}\u{1f600}/\u{8}\u{c}"),
            (" [ 1 ,\t2\r\n] ", [1, 2]),
            ("-0", 0), ("1E2", 100.0), ("0e1", 0.0), ("1e-400", 0.0),
            (#"{"$integer":"-5"}"#, -5),
            (
                #"{"$uuid":"00112233-4455-6677-8899-AABBCCDDEEFF"}"#,
                .uuid(.init(high: 0x0011_2233_4455_6677, low: 0x8899_aabb_ccdd_eeff))
            ),
            (
                #"{"$date":"2001-01-01t01:00:00.50+01:00"}"#,
                .timestamp(.init(secondsSince2001: 0.5))
            ),
            (
                #"{"$date":"2000-02-29T00:00:00Z"}"#,
                .timestamp(.init(secondsSince2001: -26_524_800))
            ),
            (
                #"{"$date":"2016-12-31T23:59:60Z"}"#,
                .timestamp(.init(secondsSince2001: 504_921_600))
            ),
        ] as [(String, Value)])
    func `other texts of the same values are read`(text: String, value: Value) throws {
        #expect(try Value(json: text) == value)
    }

    @Test(arguments: [
        "", " ", "nul", "nulll", "tru", "[", "[1", "[1,", "[1,]", "[,]", "[1 2]", "{", "{\"a\"",
        "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{a:1}", "{1:1}",
        "01", "-", "-a", "+1", ".5", "1.", "1.e1", "1e", "1e+", "0x1", "NaN", "Infinity", "1e999",
        "-1e999", "\"", "\"a",
        "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\ud800\"",
        "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\n\"", "\"\t\"", "1 1", "[1]]", "'a'",
        "{\"a\":1,\"a\":2}", "/*x*/1", "\u{feff}1", "\u{a0}1",
        #"{"$x":1}"#, #"{"$":1}"#, #"{"$bytes":1}"#, #"{"$bytes":"A"}"#, #"{"$bytes":"AA="}"#,
        #"{"$bytes":"AB=="}"#, #"{"$bytes":"===="}"#,
        #"{"$double":"1"}"#, #"{"$double":"nan:0"}"#,
        #"{"$double":"nan:0000000000000001"}"#, #"{"$uuid":"x"}"#, #"{"$set":1}"#,
        #"{"$set":[1,1]}"#, #"{"$map":[[1]]}"#, #"{"$map":[[1,2],[1,3]]}"#, #"{"$ref":1}"#,
        ##"{"$ref":"#-1"}"##, ##"{"$ref":"#4294967296"}"##, #"{"$date":"x"}"#,
        #"{"$date":"2001-02-29T00:00:00Z"}"#, #"{"$date":"2001-13-01T00:00:00Z"}"#,
        #"{"$date":"2001-01-01T24:00:00Z"}"#, #"{"$date":"2001-01-01T00:00:00"}"#,
        #"{"$date":"2001-01-01T00:00:00.Z"}"#, #"{"$date":"2001-01-01T00:00:00+1:00"}"#,
        #"{"$date":"2001-01-00T00:00:00Z"}"#, #"{"$integer":"1.5"}"#, #"{"$integer":"--1"}"#,
    ])
    func `what is not JSON, or not ours, is an error with its place`(text: String) {
        let error = #expect(throws: ValueError.self) { try Value(json: text) }
        #expect(error?.offset != nil)
        #expect((error?.offset ?? 0) <= text.utf8.count)
    }

    @Test func `bounds hold for text too`() {
        let limits = ValueLimits(depth: 4, items: 20, messageBytes: 1000, bigIntegerBytes: 8)
        func kind(_ text: String) -> ValueError.Kind? {
            do {
                _ = try Value(json: text, limits: limits)
                return nil
            } catch {
                return (error as? ValueError)?.kind
            }
        }
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(kind(nested(16)) == nil)
        #expect(kind(nested(17)) == .limitExceeded)
        #expect(kind("[" + String(repeating: "0,", count: 20) + "0]") == .limitExceeded)
        #expect(kind("\"" + String(repeating: "a", count: 1000) + "\"") == .limitExceeded)
        #expect(kind(String(repeating: "9", count: 28)) == nil)
        #expect(kind(String(repeating: "9", count: 29)) == .limitExceeded)
        #expect(throws: ValueError.self) { try Value(json: nested(1_000_000)) }
    }

    @Test func `the largest integers we decode can be written and read`() throws {
        let limits = ValueLimits.standard
        let magnitude = [UInt8](repeating: 0xff, count: limits.bigIntegerBytes)
        let value = Value(isNegative: true, magnitude: magnitude)
        #expect(try Value(json: value.json()) == value)
        #expect(try Value(cbor: value.encoded()) == value)
    }

    @Test func `text cut anywhere is no value`() throws {
        let text = #"{"a":[1,-2.5e3,"x\u00e9",null,true],"b":{"$bytes":"AQ=="}}"#
        _ = try Value(json: text)
        for count in 0..<text.utf8.count {
            #expect(throws: ValueError.self) {
                try Value(json: String(decoding: text.utf8.prefix(count), as: UTF8.self))
            }
        }
    }
}
