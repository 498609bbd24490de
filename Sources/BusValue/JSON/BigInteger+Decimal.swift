// Part of objbus. SPDX-License-Identifier: Apache-2.0

extension BigInteger: CustomStringConvertible {
    /// The decimal digits, with a minus sign below zero. Takes quadratic time.
    public var description: String {
        var limbs = BigInteger.limbs(magnitude)
        var groups: [UInt32] = []
        while !limbs.isEmpty {
            var rest: UInt64 = 0
            for index in limbs.indices.reversed() {
                let part = rest << 32 | UInt64(limbs[index])
                limbs[index] = UInt32(part / 1_000_000_000)
                rest = part % 1_000_000_000
            }
            while limbs.last == 0 { limbs.removeLast() }
            groups.append(UInt32(rest))
        }
        var text = isNegative ? "-" : ""
        for (place, group) in groups.reversed().enumerated() {
            let digits = String(group)
            if place > 0 { text += String(repeating: "0", count: 9 - digits.count) }
            text += digits
        }
        return text
    }

    /// Words of 32 bits, least significant first.
    private static func limbs(_ magnitude: [UInt8]) -> [UInt32] {
        stride(from: magnitude.count, to: 0, by: -4).map { end in
            magnitude[max(0, end - 4)..<end].reduce(0) { $0 << 8 | UInt32($1) }
        }
    }
}

extension Value {
    /// Makes an integer of decimal digits with an optional minus sign; nil for other text.
    ///
    /// - Parameter decimal: Takes quadratic time, so bound its length first.
    init?(decimal: some Sequence<UInt8>) {
        var isNegative = false
        var limbs: [UInt32] = []
        var group: (value: UInt32, scale: UInt32) = (0, 1)
        var count = 0
        func flush() {
            var carry = UInt64(group.value)
            for index in limbs.indices {
                carry += UInt64(limbs[index]) * UInt64(group.scale)
                limbs[index] = UInt32(truncatingIfNeeded: carry)
                carry >>= 32
            }
            if carry > 0 { limbs.append(UInt32(truncatingIfNeeded: carry)) }
            group = (0, 1)
        }
        for unit in decimal {
            if unit == 0x2d, count == 0, !isNegative {
                isNegative = true
                continue
            }
            guard 0x30...0x39 ~= unit else { return nil }
            group = (group.value * 10 + UInt32(unit - 0x30), group.scale * 10)
            if group.scale == 1_000_000_000 { flush() }
            count += 1
        }
        guard count > 0 else { return nil }
        flush()
        self.init(
            isNegative: isNegative,
            magnitude: limbs.reversed().flatMap { limb in
                [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: limb >> UInt32($0)) }
            })
    }
}
