// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusValue

/// Makes values of every kind from a seed, with a liking for the edges of ranges.
struct ValueGenerator {
    var dice: Dice

    init(seed: UInt64) {
        dice = Dice(seed: seed)
    }

    mutating func value(depth: Int = 4) -> Value {
        switch Int.random(in: 0..<(depth > 0 ? 16 : 12), using: &dice) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &dice))
        case 2, 3: return integer()
        case 4: return .double(double())
        case 5, 6: return .string(string())
        case 7: return .bytes(Bytes(bytes()))
        case 8: return .timestamp(timestamp())
        case 9: return .uuid(UUIDValue(high: dice.next(), low: dice.next()))
        case 10: return Value(isNegative: Bool.random(using: &dice), magnitude: bytes())
        case 11: return .reference(ReferenceSlot(UInt32(truncatingIfNeeded: dice.next())))
        case 12, 13: return .array(values(depth: depth))
        case 14: return .set(ValueSet(values(depth: depth)))
        default:
            let textKeys = Bool.random(using: &dice)
            return .map(
                ValueMap(
                    values(depth: depth).map { value in
                        (textKeys ? .string(string()) : self.value(depth: 0), value)
                    }))
        }
    }

    mutating func values(depth: Int) -> [Value] {
        let counts = [0, 1, 1, 2, 3, 5, 23, 24, 30]
        let limit = depth == 4 ? counts.count : 6
        let count = counts[Int.random(in: 0..<limit, using: &dice)]
        return (0..<count).map { _ in value(depth: depth - 1) }
    }

    mutating func integer() -> Value {
        let bits = UInt64.random(in: 0..<65, using: &dice)
        let magnitude = bits == 0 ? 0 : dice.next() >> (64 - bits)
        let near = magnitude &+ UInt64.random(in: 0..<3, using: &dice) &- 1
        let chosen = Bool.random(using: &dice) ? near : magnitude
        return .integer(Int64(bitPattern: Bool.random(using: &dice) ? chosen : ~chosen))
    }

    mutating func double() -> Double {
        let edges: [Double] = [
            0, -0.0, 1, 1.5, 0.1, 65504, 65505, 5.960464477539063e-8, 2.980232238769531e-8,
            3.4028234663852886e38, .greatestFiniteMagnitude, .leastNonzeroMagnitude, .nan,
            .infinity, -.infinity, .init(nan: 0x1234, signaling: true),
            Double(bitPattern: 0x7ff0_0400_0000_0000), Double(bitPattern: 0xfff8_0000_2000_0000),
            0x1p-24, 0x1p-25, 0x1.8p-24, 0x1p-14, 0x1p-126, 0x1p-149, 0x1p-150, 0x1p63, 1e16, 1e-5,
        ]
        switch Int.random(in: 0..<4, using: &dice) {
        case 0: return edges.randomElement(using: &dice) ?? 0
        case 1: return Double(bitPattern: dice.next())
        case 2: return Double(Float(bitPattern: UInt32(truncatingIfNeeded: dice.next())))
        default: return Double(Int.random(in: -10000...10000, using: &dice)) / 16
        }
    }

    mutating func timestamp() -> Timestamp {
        switch Int.random(in: 0..<3, using: &dice) {
        case 0: return Timestamp(secondsSince2001: double())
        case 1:
            let seconds = Int.random(in: -62_000_000_000...250_000_000_000, using: &dice)
            return Timestamp(secondsSince2001: Double(seconds))
        default:
            let seconds = Double.random(in: -2e9...2e9, using: &dice)
            return Timestamp(secondsSince2001: seconds)
        }
    }

    mutating func string() -> String {
        let pieces = [
            "a", "b", "$", "$$", "$set", "\u{0}", "\"", "\\", "\n", "\u{7f}", "\u{e9}", "e\u{301}",
            "\u{1f600}", "\u{ffff}", "key", " ", "/",
        ]
        let count = [0, 1, 1, 2, 3, 8, 40].randomElement(using: &dice) ?? 0
        return (0..<count).map { _ in pieces.randomElement(using: &dice) ?? "" }.joined()
    }

    mutating func bytes() -> [UInt8] {
        let count = [0, 1, 7, 8, 9, 15, 16, 17, 23, 24, 255, 256].randomElement(using: &dice) ?? 0
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: dice.next()) }
    }
}

/// Encodes values as others may: long heads, indefinite lengths, entries in any order.
struct ForeignWriter {
    var dice: Dice
    var bytes: [UInt8] = []

    init(seed: UInt64) {
        dice = Dice(seed: seed)
    }

    private mutating func chance() -> Bool { Int.random(in: 0..<3, using: &dice) == 0 }

    private mutating func head(_ major: UInt8, _ argument: UInt64) {
        var width = argument < 24 ? 0 : argument < 256 ? 1 : argument < 65536 ? 2 : 4
        if argument > 0xffff_ffff { width = 8 }
        while width < 8, chance() { width = max(1, width * 2) }
        if width == 0 {
            bytes.append(major << 5 | UInt8(argument))
            return
        }
        bytes.append(major << 5 | UInt8(24 + width.trailingZeroBitCount))
        for place in (0..<width).reversed() {
            bytes.append(UInt8(truncatingIfNeeded: argument >> UInt64(8 * place)))
        }
    }

    mutating func write(_ value: Value) {
        switch value {
        case .integer(let integer):
            head(integer < 0 ? 1 : 0, UInt64(integer < 0 ? ~integer : integer))
        case .string(let string): chunks(3, string.unicodeScalars.map { Array(String($0).utf8) })
        case .bytes(let content): chunks(2, content.map { [$0] })
        case .double(let double) where chance():
            bytes.append(0xfb)
            for place in (0..<8).reversed() {
                bytes.append(UInt8(truncatingIfNeeded: double.bitPattern >> UInt64(8 * place)))
            }
        case .array(let array): items(4, array.map { [$0] })
        case .set(let set):
            head(6, 258)
            items(4, set.shuffled(using: &dice).map { [$0] })
        case .map(let map): items(5, map.shuffled(using: &dice).map { [$0.key, $0.value] })
        default: bytes += (try? value.encoded()) ?? []
        }
    }

    private mutating func items(_ major: UInt8, _ items: [[Value]]) {
        let isIndefinite = chance()
        if isIndefinite {
            bytes.append(major << 5 | 31)
        } else {
            head(major, UInt64(items.count))
        }
        for item in items { for value in item { write(value) } }
        if isIndefinite { bytes.append(0xff) }
    }

    private mutating func chunks(_ major: UInt8, _ pieces: [[UInt8]]) {
        guard chance() else {
            let content = pieces.flatMap { $0 }
            head(major, UInt64(content.count))
            bytes += content
            return
        }
        bytes.append(major << 5 | 31)
        for piece in pieces {
            head(major, UInt64(piece.count))
            bytes += piece
        }
        bytes.append(0xff)
    }
}
