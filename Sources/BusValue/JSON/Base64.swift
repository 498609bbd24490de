// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// Base64 with padding, as RFC 4648 §4 has it.
enum Base64 {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var word = group.reduce(0) { $0 << 8 | Int($1) }
            word <<= 8 * (3 - group.count)
            for digit in 0..<4 {
                text.append(
                    digit > group.count ? 0x3d : alphabet[word >> (18 - 6 * digit) & 63])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes, or nil when the text has other characters, no padding, or stray bits.
    static func decode(_ text: String) -> [UInt8]? {
        var units = Array(text.utf8)
        guard units.count % 4 == 0 else { return nil }
        let padding = units.suffix(2).reversed().prefix { $0 == 0x3d }.count
        units.removeLast(padding)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(units.count / 4 * 3 + 2)
        var word: UInt32 = 0
        var bits: UInt32 = 0
        for unit in units {
            guard let digit = digit(unit) else { return nil }
            word = word << 6 | UInt32(digit)
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: word >> bits))
                word &= (1 << bits) - 1
            }
        }
        return word == 0 ? bytes : nil
    }

    private static func digit(_ unit: UInt8) -> UInt8? {
        switch unit {
        case 0x41...0x5a: unit - 0x41
        case 0x61...0x7a: unit - 0x61 + 26
        case 0x30...0x39: unit - 0x30 + 52
        case 0x2b: 62
        case 0x2f: 63
        default: nil
        }
    }
}
