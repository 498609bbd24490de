// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusValue
import Testing

/// One line of RFC 8949 appendix A: the encoding, and what we make of it.
struct RFC8949Vector: Sendable, CustomTestStringConvertible {
    enum Outcome: Sendable {
        /// Decodes to the value, and the value encodes as this line.
        case both(Value)
        /// Decodes to the value, which has a shorter or another form with us.
        case decodes(Value)
        /// Uses what we do not know.
        case unsupported
    }

    let encoding: String
    let outcome: Outcome

    var testDescription: String { encoding }

    init(_ encoding: String, _ outcome: Outcome) {
        self.encoding = encoding
        self.outcome = outcome
    }

    private static let big: [UInt8] = [1, 0, 0, 0, 0, 0, 0, 0, 0]
    private static let oneToTwentyFive = Value.array((1...25).map { Value($0) })
    private static let nested: Value = [1, [2, 3], [4, 5]]
    private static let sequence =
        (1...23).map { hex([UInt8($0)]) }.joined() + "18181819"

    static let all: [RFC8949Vector] = numbers + simples + strings + containers

    private static let numbers: [RFC8949Vector] = [
        .init("00", .both(0)), .init("01", .both(1)), .init("0a", .both(10)),
        .init("17", .both(23)), .init("1818", .both(24)), .init("1819", .both(25)),
        .init("1864", .both(100)), .init("1903e8", .both(1000)),
        .init("1a000f4240", .both(1_000_000)),
        .init("1b000000e8d4a51000", .both(1_000_000_000_000)),
        .init("1bffffffffffffffff", .both(Value(UInt64.max))),
        .init("c249010000000000000000", .both(Value(isNegative: false, magnitude: big))),
        .init("3bffffffffffffffff", .both(Value(isNegative: true, magnitude: big))),
        .init("c349010000000000000000", .both(Value(isNegative: true, magnitude: big + 1))),
        .init("20", .both(-1)), .init("29", .both(-10)), .init("3863", .both(-100)),
        .init("3903e7", .both(-1000)),
        .init("f90000", .both(0.0)), .init("f98000", .both(.double(-0.0))),
        .init("f93c00", .both(1.0)), .init("fb3ff199999999999a", .both(1.1)),
        .init("f93e00", .both(1.5)), .init("f97bff", .both(65504.0)),
        .init("fa47c35000", .both(100000.0)),
        .init("fa7f7fffff", .both(3.4028234663852886e+38)),
        .init("fb7e37e43c8800759c", .both(1.0e+300)),
        .init("f90001", .both(5.960464477539063e-8)),
        .init("f90400", .both(0.00006103515625)),
        .init("f9c400", .both(-4.0)), .init("fbc010666666666666", .both(-4.1)),
        .init("f97c00", .both(.double(.infinity))), .init("f97e00", .both(.double(.nan))),
        .init("f9fc00", .both(.double(-.infinity))),
        .init("fa7f800000", .decodes(.double(.infinity))),
        .init("fa7fc00000", .decodes(.double(.nan))),
        .init("faff800000", .decodes(.double(-.infinity))),
        .init("fb7ff0000000000000", .decodes(.double(.infinity))),
        .init("fb7ff8000000000000", .decodes(.double(.nan))),
        .init("fbfff0000000000000", .decodes(.double(-.infinity))),
    ]

    private static let simples: [RFC8949Vector] = [
        .init("f4", .both(false)), .init("f5", .both(true)), .init("f6", .both(.null)),
        .init("f7", .decodes(.null)), .init("f0", .unsupported), .init("f8ff", .unsupported),
        .init("c074323031332d30332d32315432303a30343a30305a", .unsupported),
        .init("c11a514b67b0", .both(.timestamp(Timestamp(secondsSince1970: 1_363_896_240)))),
        .init(
            "c1fb41d452d9ec200000",
            .both(.timestamp(Timestamp(secondsSince1970: 1_363_896_240.5)))),
        .init("d74401020304", .unsupported), .init("d818456449455446", .unsupported),
        .init("d82076687474703a2f2f7777772e6578616d706c652e636f6d", .unsupported),
    ]

    private static let strings: [RFC8949Vector] = [
        .init("40", .both(.bytes([]))), .init("4401020304", .both(.bytes([1, 2, 3, 4]))),
        .init("60", .both("")), .init("6161", .both("a")), .init("6449455446", .both("IETF")),
        .init("62225c", .both("\"\\")), .init("62c3bc", .both("\u{fc}")),
        .init("63e6b0b4", .both("\u{6c34}")), .init("64f0908591", .both("\u{10151}")),
        .init("5f42010243030405ff", .decodes(.bytes([1, 2, 3, 4, 5]))),
        .init("7f657374726561646d696e67ff", .decodes("streaming")),
    ]

    private static let containers: [RFC8949Vector] = [
        .init("80", .both([])), .init("83010203", .both([1, 2, 3])),
        .init("8301820203820405", .both(nested)),
        .init("9819" + sequence, .both(oneToTwentyFive)),
        .init("a0", .both([:])), .init("a201020304", .both([1: 2, 3: 4])),
        .init("a26161016162820203", .both(["a": 1, "b": [2, 3]])),
        .init("826161a161626163", .both(["a", ["b": "c"]])),
        .init(
            "a56161614161626142616361436164614461656145",
            .both(["a": "A", "b": "B", "c": "C", "d": "D", "e": "E"])),
        .init("9fff", .decodes([])), .init("9f018202039f0405ffff", .decodes(nested)),
        .init("9f01820203820405ff", .decodes(nested)),
        .init("83018202039f0405ff", .decodes(nested)),
        .init("83019f0203ff820405", .decodes(nested)),
        .init("9f" + sequence + "ff", .decodes(oneToTwentyFive)),
        .init("bf61610161629f0203ffff", .decodes(["a": 1, "b": [2, 3]])),
        .init("826161bf61626163ff", .decodes(["a", ["b": "c"]])),
        .init("bf6346756ef563416d7421ff", .decodes(["Fun": true, "Amt": -2])),
    ]
}

extension [UInt8] {
    /// The bytes as a big-endian number, plus a little.
    fileprivate static func + (bytes: [UInt8], more: UInt8) -> [UInt8] {
        var sum = bytes
        sum[sum.count - 1] += more
        return sum
    }
}
