// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/values.md §3.4: floating-point numbers of three widths.

/// A double in the shortest of CBOR's widths that gives back every bit, NaN payloads included.
struct CBORFloat {
    /// The bits, right-aligned.
    let bits: UInt64
    /// CBOR's additional information: 25, 26 or 27 for two, four or eight bytes.
    let information: UInt64

    init(_ double: Double) {
        let bits = double.bitPattern
        if let single = CBORFloat.single(bits) {
            self.init(singleBits: single)
        } else {
            self.init(bits: bits, information: 27)
        }
    }

    /// The shortest form of a single; all its bits survive.
    init(singleBits single: UInt32) {
        if let half = CBORFloat.half(single) {
            self.init(bits: UInt64(half), information: 25)
        } else {
            self.init(bits: UInt64(single), information: 26)
        }
    }

    private init(bits: UInt64, information: UInt64) {
        self.bits = bits
        self.information = information
    }

    /// The single with the same number or the same NaN, or nil when bits would be lost.
    ///
    /// Works on the bits: the processor's own conversion would make a signalling NaN quiet.
    static func single(_ bits: UInt64) -> UInt32? {
        let sign = UInt32(truncatingIfNeeded: bits >> 32) & 0x8000_0000
        let exponent = Int(bits >> 52) & 0x7ff
        let fraction = bits & 0xf_ffff_ffff_ffff
        if exponent == 0x7ff {
            guard fraction & 0x1fff_ffff == 0 else { return nil }
            return sign | 0x7f80_0000 | UInt32(truncatingIfNeeded: fraction >> 29)
        }
        if exponent == 0 { return fraction == 0 ? sign : nil }
        let single = Float(Double(bitPattern: bits))
        return Double(single).bitPattern == bits ? single.bitPattern : nil
    }

    /// The half with the same number or the same NaN, or nil when bits would be lost.
    static func half(_ bits: UInt32) -> UInt16? {
        let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
        let exponent = Int(bits >> 23) & 0xff
        let fraction = bits & 0x7f_ffff
        switch exponent - 127 {
        case 128:
            guard fraction & 0x1fff == 0 else { return nil }
            return sign | 0x7c00 | UInt16(fraction >> 13)
        case -14...15:
            guard fraction & 0x1fff == 0 else { return nil }
            return sign | UInt16(exponent - 112) << 10 | UInt16(fraction >> 13)
        case -24 ..< -14:  // Subnormal as a half: the leading one moves into the fraction.
            let shift = UInt32(-exponent + 126)
            let whole = fraction | 0x80_0000
            guard whole & ((1 << shift) - 1) == 0 else { return nil }
            return sign | UInt16(whole >> shift)
        default:
            return exponent == 0 && fraction == 0 ? sign : nil
        }
    }

    /// The double with the number or the NaN of a half.
    static func double(half: UInt16) -> Double {
        let sign: Double = half & 0x8000 == 0 ? 1 : -1
        let exponent = Int(half >> 10) & 0x1f
        let fraction = half & 0x3ff
        switch exponent {
        case 0: return sign * Double(fraction) * 0x1p-24
        case 31:
            let bits = UInt64(half & 0x8000) << 48 | 0x7ff0_0000_0000_0000
            return Double(bitPattern: bits | UInt64(fraction) << 42)
        default:
            let bits = UInt64(half & 0x8000) << 48 | UInt64(exponent + 1008) << 52
            return Double(bitPattern: bits | UInt64(fraction) << 42)
        }
    }

    /// The double with the number or the NaN of a single.
    static func double(single: UInt32) -> Double {
        guard single & 0x7f80_0000 == 0x7f80_0000 else {
            return Double(Float(bitPattern: single))
        }
        let sign = UInt64(single & 0x8000_0000) << 32
        return Double(bitPattern: sign | 0x7ff0 << 48 | UInt64(single & 0x7f_ffff) << 29)
    }
}
