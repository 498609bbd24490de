// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusValue
import Foundation
import Testing

/// Keeps the documents and the code in step.
@Suite struct ValueDocumentTests {
    private func document(_ name: String) throws -> String {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../docs/protocol/\(name)").standardizedFileURL
        return try String(contentsOf: file, encoding: .utf8)
    }

    @Test func `values.md lists every limit with its default`() throws {
        let text = try document("values.md")
        let limits = ValueLimits.standard
        let rows = [
            "depth | \(limits.depth) ", "items | 4,194,304 ", "messageBytes | 64 MiB ",
            "stringBytes | 64 MiB ", "bigIntegerBytes | 8,192 ", "buffers | \(limits.buffers) ",
        ]
        for row in rows { #expect(text.contains("| " + row), "\(row)") }
        #expect(Mirror(reflecting: limits).children.count == rows.count)
        #expect(limits.items == 4_194_304 && limits.bigIntegerBytes == 8192)
        #expect(limits.messageBytes == 64 << 20 && limits.stringBytes == 64 << 20)
        #expect(Bytes.frameThreshold == 16384 && text.contains("16,384"))
    }

    @Test func `values.md lists every kind of error`() throws {
        let text = try document("values.md")
        for kind in ValueError.Kind.allCases where kind != .typeMismatch {
            #expect(text.contains("| \(kind.rawValue) |"), "\(kind)")
        }
    }

    @Test func `the examples of values.md are encodings`() throws {
        let examples: [(String, Value)] = [
            ("-1: `20`", -1), ("2^64: `c249010000000000000000`", Value(UInt128(1) << 64)),
            ("1.5: `f93e00`", 1.5), ("\"a\": `6161`", "a"),
            ("`4401020304`", .bytes([1, 2, 3, 4])),
            ("2001-01-01: `c11a3a4fc880`", .timestamp(.init(secondsSince2001: 0))),
            ("[1]: `8101`", [1]), ("{1}: `d901028101`", .set([1])),
            ("{\"a\": 1}: `a1616101`", ["a": 1]),
            ("slot 5: `d96f6205`", .reference(.init(5))),
        ]
        let text = try document("values.md")
        for (example, value) in examples {
            #expect(text.contains(example), "\(example)")
            #expect(example.hasSuffix("`\(hex(try value.encoded()))`"))
        }
    }

    @Test func `the examples of json.md are read`() throws {
        let text = try document("json.md")
        let examples = text.split(separator: "`").filter {
            $0.hasPrefix("{\"$") && $0.hasSuffix("}") && !$0.contains("…")
        }
        #expect(examples.count >= 13)
        for example in examples {
            let value = try Value(json: String(example))
            if !example.contains("$integer") { #expect(value.json() == example) }
        }
    }
}
