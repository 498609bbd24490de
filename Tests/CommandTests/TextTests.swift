// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import Testing

@testable import BusCommand

@Suite struct TextTests {
    @Test func `a line has no line ends and gives a terminal no orders`() {
        #expect(Text.line(" a\n\n b\tc ") == "a b c")
        #expect(Text.line("x\u{1B}[2Jy\u{9B}z\u{7F}") == "x\u{FFFD}[2Jy\u{FFFD}z\u{FFFD}")
        #expect(Text.harmless("a\n\tb\u{7}") == "a\n\tb\u{FFFD}")
    }

    @Test func `text is wrapped at spaces`() {
        #expect(
            Text.wrapped("aa bb cc dddddddd e", width: 7, first: "- ", rest: "  ") == [
                "- aa bb", "  cc", "  dddddddd", "  e",
            ])
        #expect(Text.wrapped("", first: "x") == [])
        #expect(Text.wrapped("one").count == 1)
    }

    @Test func `columns are as wide as their widest cell`() {
        #expect(Text.table([["A", "BB"], ["long", "x"], ["é"]]) == ["A     BB", "long  x", "é"])
        #expect(Text.table([["A", "B"], ["a", ""]]) == ["A  B", "a"])
        #expect(Text.table([]) == [])
    }

    @Test(arguments: [
        (999, "999 ns"), (10_000, "10 us"), (9_999_999, "9999 us"), (10_000_000, "10 ms"),
        (12_000_000_000, "12 s"),
    ]) func `spans have a unit that suits them`(nanoseconds: Int64, text: String) {
        #expect(Text.duration(nanoseconds: nanoseconds) == text)
    }

    @Test(arguments: [
        ("3", Duration.seconds(3)), ("1.5s", .milliseconds(1_500)), ("200ms", .milliseconds(200)),
        ("0", nil), ("-1", nil), ("s", nil), ("ms", nil), ("nan", nil), ("1e99", nil), ("x", nil),
    ]) func `a timeout is a number with or without a unit`(text: String, expected: Duration?) {
        #expect(Timeout(argument: text)?.duration == expected)
    }

    @Test func `the wait before the next start doubles up to five seconds`() {
        var backoff = Backoff()
        let waits = (0..<5).map { _ in backoff.next(afterRunning: .seconds(1)) }
        #expect(waits == [1, 2, 4, 5, 5].map { .seconds($0) })
        #expect(backoff.next(afterRunning: .seconds(10)) == .seconds(1))
        #expect(backoff.next(afterRunning: .seconds(0)) == .seconds(2))
    }
}

@Suite struct OutputTests {
    private func result(_ value: Value) -> ResultText {
        ResultText(value: value, tags: ["ref:a", "ref:b"])
    }

    @Test(
        arguments: [
            (.null, nil, "null"),
            (3, "3", "3"),
            ("it's", "it's", "\"it's\""),
            (.reference(ReferenceSlot(1)), "ref:b", "{\n  \"$ref\": \"ref:b\"\n}"),
            (.reference(ReferenceSlot(7)), "{\n  \"$ref\": \"#7\"\n}", "{\n  \"$ref\": \"#7\"\n}"),
            ([1, "x"], "[\n  1,\n  \"x\"\n]", "[\n  1,\n  \"x\"\n]"),
        ] as [(Value, String?, String)]) func `a result is bare for people and JSON for programs`(
            value: Value, text: String?, json: String
        )
    {
        #expect(self.result(value).text == text)
        #expect(self.result(value).json == json)
    }

    @Test func `only strings and bytes are raw`() {
        #expect(self.result("é").raw == [0xC3, 0xA9])
        #expect(self.result(.bytes([0, 255])).raw == [0, 255])
        #expect(self.result(3).raw == nil)
    }

    @Test func `an error is one line without control characters`() {
        let plain = CommandFailure(BusError(.notFound, "no\n\u{1B}such"))
        #expect(plain.line() == "error: no \u{FFFD}such")
        let uncertain = CommandFailure(BusError(.disconnected, executed: .maybe, "gone"))
        #expect(uncertain.line() == "error: gone (it may have been executed)")
        #expect(
            uncertain.json
                == #"{"kind":"disconnected","error":"gone","executed":"maybe","exitCode":4}"#)
    }

    @Test func `every kind has the exit code of the registry`() {
        for entry in BusError.Kind.registry {
            #expect(CommandFailure(BusError(entry.kind, "x")).exitCode == entry.exitCode)
        }
        #expect(CommandFailure(RemoteError(typeName: "E", message: "m")).exitCode == 1)
        #expect(CommandFailure(BusError(BusError.Kind(rawValue: "later"), "x")).exitCode == 1)
    }

    @Test func `an interface shows signatures, wrapped, with their documentation`() {
        let interface = Interface(
            name: "Desk", documentation: "A desk.\nOf\u{1B} wood.",
            methods: [
                .init(
                    name: "put(_:)",
                    parameters: [.init(label: "_", name: "it", type: "String", hasDefault: true)],
                    returns: "Int",
                    documentation: "Puts.\n\n- Throws: never, as far as is known.\n- Note: x",
                    throwsErrors: "Full")
            ])
        let expected = [
            "Desk", "    A desk. Of\u{FFFD} wood.", "", "put(_ it: String = …)",
            "        throws(Full)",
            "        -> Int", "    Puts.", "", "    - Throws: never,", "      as far as is",
            "      known.",
            "    - Note: x",
        ]
        #expect(InterfaceText.lines(interface, isColored: false, width: 22) == expected)
        let colored = InterfaceText.lines(interface, isColored: true)
        #expect(colored[0] == "\u{1B}[1mDesk\u{1B}[0m")
        #expect(colored[1] == "    A desk. Of\u{FFFD} wood.")
    }

    @Test func `a listing of the broker's maps has known keys first`() {
        #expect(
            Listing.pairs(["a": 1, "nodes": 2, "run": "x", "seconds": 1.26]) == [
                "run:      x", "seconds:  1.3", "nodes:    2", "a:        1",
            ])
        let nodes: Value = [["node": "n", "process": 7, "seconds": 0.0], "odd"]
        #expect(Listing.table(nodes: nodes).count == 3)
    }

    @Test func `ping tells the median`() {
        let one = PingResult(target: "x", nanoseconds: [200_000])
        #expect(one.line == "x: 200 us")
        let three = PingResult(target: "x", nanoseconds: [100_000, 200_000, 900_000])
        #expect(three.line == "x: median 200 us, least 100 us, most 900 us of 3")
        #expect(three.json["median"] == 0.2)
    }

    @Test func `holders are shown with their time and the way they got the object`() {
        let reference: Value = [
            "reference": "6f1c55a09de31b42/7", "node": "shop", "names": ["counter", "total"],
            "holders": [
                [
                    "node": "desk", "copies": 2, "seconds": 3.9, "through": "its name",
                    "isRevoked": false,
                ],
                [
                    "node": "bank", "copies": 1, "seconds": 7_300.0,
                    "through": "call 12 by desk", "isRevoked": true,
                ],
            ],
        ]
        #expect(
            References.head(reference) == [
                "reference:  6f1c55a09de31b42/7", "node:       shop",
                "names:      counter, total",
            ])
        #expect(
            References.holders(reference) == [
                "HOLDER  COPIES  SINCE    THROUGH",
                "desk    2       3 s      its name",
                "bank    1       121 min  call 12 by desk (revoked)",
            ])
        #expect(References.table(["references": []]).isEmpty)
    }
}
