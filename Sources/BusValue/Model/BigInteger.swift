// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// An integer outside the range of `Int64`: storage and identity only, no arithmetic.
public struct BigInteger: Sendable, Hashable {
    /// Whether the number is below zero.
    public let isNegative: Bool
    /// The absolute value, most significant byte first, without leading zeros.
    public let magnitude: [UInt8]

    /// Makes a big integer, or nil when `Int64` holds the number.
    ///
    /// - Parameters:
    ///   - isNegative: Whether the number is below zero.
    ///   - magnitude: The absolute value, most significant byte first; leading zeros are dropped.
    public init?(isNegative: Bool, magnitude: [UInt8]) {
        let first = magnitude.firstIndex { $0 != 0 } ?? magnitude.endIndex
        let digits = first == 0 ? magnitude : Array(magnitude[first...])
        if digits.count < 8 || (digits.count == 8 && digits[0] < 0x80) { return nil }
        if isNegative, digits.count == 8, digits[0] == 0x80,
            digits.dropFirst().allSatisfy({ $0 == 0 })
        {
            return nil
        }
        self.isNegative = isNegative
        self.magnitude = digits
    }

    /// The number as a fixed-width integer, or nil when it does not fit.
    public func exactly<T: FixedWidthInteger>(_ type: T.Type = T.self) -> T? {
        // What `Int64` can't hold fits nothing narrower; and the smallest types have no 256.
        guard T.bitWidth >= Int64.bitWidth else { return nil }
        var result: T = 0
        for digit in magnitude {
            let scaled = result.multipliedReportingOverflow(by: 256)
            if scaled.overflow { return nil }
            let digit = T(truncatingIfNeeded: digit)
            let sum =
                isNegative
                ? scaled.partialValue.subtractingReportingOverflow(digit)
                : scaled.partialValue.addingReportingOverflow(digit)
            if sum.overflow { return nil }
            result = sum.partialValue
        }
        return result
    }

    /// The number as a double, or nil when no double is exactly this number.
    var exactDouble: Double? {
        guard let last = magnitude.last(where: { $0 != 0 }),
            let end = magnitude.lastIndex(of: last)
        else { return nil }
        let bits =
            8 * (end + 1) - magnitude[0].leadingZeroBitCount - last.trailingZeroBitCount
        // The largest double is below 2^1024.
        guard bits <= 53, magnitude.count <= 128 else { return nil }
        let double = magnitude.reduce(0.0) { $0 * 256 + Double($1) }
        return isNegative ? -double : double
    }

    /// CBOR's argument: the magnitude, or for a negative number the magnitude less one (§3.2).
    var argumentBytes: [UInt8] {
        guard isNegative else { return magnitude }
        var digits = magnitude
        var index = digits.count - 1
        while digits[index] == 0 {
            digits[index] = 0xff
            index -= 1
        }
        digits[index] -= 1
        if digits[0] == 0 { digits.removeFirst() }
        return digits
    }

    /// The argument as 64 bits, or nil when the number needs a bignum tag.
    var argument: UInt64? {
        if magnitude.count > 9 { return nil }
        let digits = argumentBytes
        if digits.count > 8 { return nil }
        return digits.reduce(0) { $0 << 8 | UInt64($1) }
    }
}
