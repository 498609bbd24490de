// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// A 16-byte identifier (RFC 9562), without the Foundation type that carries it to users.
public struct UUIDValue: Sendable, Hashable {
    /// The first eight bytes, most significant first.
    public let high: UInt64
    /// The last eight bytes, most significant first.
    public let low: UInt64

    /// Makes an identifier from its two halves, most significant byte first.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Makes an identifier from its 16 bytes, or nil when there are more or fewer.
    public init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == 16 else { return nil }
        high = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        low = bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Reads the text form, 8-4-4-4-12 hexadecimal digits of either case; nil for anything else.
    public init?(_ text: String) {
        var digits: (UInt64, UInt64) = (0, 0)
        var count = 0
        for (place, unit) in text.utf8.enumerated() {
            if place == 8 || place == 13 || place == 18 || place == 23 {
                guard unit == 0x2d else { return nil }
                continue
            }
            guard count < 32, let digit = hexadecimalDigit(unit) else { return nil }
            if count < 16 {
                digits.0 = digits.0 << 4 | UInt64(digit)
            } else {
                digits.1 = digits.1 << 4 | UInt64(digit)
            }
            count += 1
        }
        guard count == 32 else { return nil }
        (high, low) = digits
    }

    /// The 16 bytes in order.
    public var bytes: [UInt8] {
        [high, low].flatMap { half in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: half >> $0) }
        }
    }
}

extension UUIDValue: CustomStringConvertible {
    /// The text form in lower case, as RFC 9562 §4 asks for.
    public var description: String {
        let digits = hexadecimal(bytes)
        var text = ""
        for (place, digit) in digits.enumerated() {
            if place == 8 || place == 12 || place == 16 || place == 20 { text.append("-") }
            text.append(digit)
        }
        return text
    }
}

/// The value of one hexadecimal digit of either case.
func hexadecimalDigit(_ unit: UInt8) -> UInt8? {
    switch unit {
    case 0x30...0x39: unit - 0x30
    case 0x41...0x46: unit - 0x37
    case 0x61...0x66: unit - 0x57
    default: nil
    }
}

/// Bytes as lower-case hexadecimal text.
func hexadecimal(_ bytes: some Collection<UInt8>) -> String {
    var units: [UInt8] = []
    units.reserveCapacity(bytes.count * 2)
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            units.append(digit < 10 ? digit + 0x30 : digit + 0x57)
        }
    }
    return String(decoding: units, as: UTF8.self)
}
