// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/values.md §2 and §3: the deterministic encoding, item by item.

/// Appends single CBOR items and heads to bytes, always in the shortest form.
///
/// For those who lay out a structure by hand: write the head of an array, then that many items.
public enum CBORWriter {
    /// CBOR's eight major types.
    public enum MajorType: UInt8, Sendable, Hashable {
        /// A whole number from 0 up.
        case unsigned
        /// A number n below 0, written as -1 - n.
        case negative
        /// A byte string.
        case bytes
        /// A text string.
        case text
        /// An array.
        case array
        /// A map.
        case map
        /// A tag before one item.
        case tag
        /// Simple values and floating-point numbers.
        case simple
    }

    /// Appends a head: the major type with its argument.
    @inlinable
    public static func head(_ major: MajorType, _ argument: UInt64, into bytes: inout [UInt8]) {
        let top = major.rawValue << 5
        if argument < 24 {
            bytes.append(top | UInt8(truncatingIfNeeded: argument))
        } else if argument <= 0xff {
            bytes.append(top | 24)
            bytes.append(UInt8(truncatingIfNeeded: argument))
        } else {
            let information: UInt8 = argument <= 0xffff ? 25 : argument <= 0xffff_ffff ? 26 : 27
            bytes.append(top | information)
            bigEndian(argument, count: 1 << Int(information - 24), into: &bytes)
        }
    }

    /// Appends the last `count` bytes of a word, most significant first.
    @inlinable
    static func bigEndian(_ word: UInt64, count: Int, into bytes: inout [UInt8]) {
        var shift = UInt64(truncatingIfNeeded: count &* 8)
        while shift > 0 {
            shift &-= 8
            bytes.append(UInt8(truncatingIfNeeded: word &>> shift))
        }
    }

    /// Appends the head of an array of `count` items, which the caller appends next.
    public static func array(count: Int, into bytes: inout [UInt8]) {
        head(.array, UInt64(count), into: &bytes)
    }

    /// Appends the head of a map of `count` entries; the caller appends them, keys in byte order.
    public static func map(count: Int, into bytes: inout [UInt8]) {
        head(.map, UInt64(count), into: &bytes)
    }

    /// Appends null.
    public static func null(into bytes: inout [UInt8]) {
        bytes.append(0xf6)
    }

    /// Appends a truth value.
    public static func bool(_ bool: Bool, into bytes: inout [UInt8]) {
        bytes.append(bool ? 0xf5 : 0xf4)
    }

    /// What an integer of at most 64 bits takes at most.
    static let integerBytesMax = 9

    /// Appends an integer of at most 64 bits.
    @inlinable
    public static func integer(_ integer: some FixedWidthInteger, into bytes: inout [UInt8]) {
        if integer < 0 {
            head(.negative, UInt64(truncatingIfNeeded: ~integer), into: &bytes)
        } else {
            head(.unsigned, UInt64(truncatingIfNeeded: integer), into: &bytes)
        }
    }

    /// Appends an integer of any size.
    public static func integer(_ integer: BigInteger, into bytes: inout [UInt8]) {
        if let argument = integer.argument {
            head(integer.isNegative ? .negative : .unsigned, argument, into: &bytes)
            return
        }
        head(
            .tag, integer.isNegative ? CBORTag.negativeBignum : CBORTag.bignum, into: &bytes)
        let digits = integer.argumentBytes
        head(.bytes, UInt64(digits.count), into: &bytes)
        bytes.append(contentsOf: digits)
    }

    /// Appends a double in the shortest width that keeps every bit.
    public static func double(_ double: Double, into bytes: inout [UInt8]) {
        float(CBORFloat(double), into: &bytes)
    }

    /// Appends a single in the shortest width that keeps every bit.
    public static func single(_ single: Float, into bytes: inout [UInt8]) {
        float(CBORFloat(singleBits: single.bitPattern), into: &bytes)
    }

    private static func float(_ float: CBORFloat, into bytes: inout [UInt8]) {
        bytes.append(0xe0 | UInt8(truncatingIfNeeded: float.information))
        bigEndian(float.bits, count: 1 << Int(float.information - 24), into: &bytes)
    }

    /// Appends text.
    public static func text(_ text: String, into bytes: inout [UInt8]) {
        let units = text.utf8
        head(.text, UInt64(units.count), into: &bytes)
        bytes.append(contentsOf: units)
    }

    /// Appends bytes, always inline.
    public static func byteString(_ content: Bytes, into bytes: inout [UInt8]) {
        head(.bytes, UInt64(content.count), into: &bytes)
        unsafe content.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }

    /// Appends bytes, always inline.
    public static func byteString(_ content: [UInt8], into bytes: inout [UInt8]) {
        head(.bytes, UInt64(content.count), into: &bytes)
        bytes.append(contentsOf: content)
    }

    /// Appends an identifier.
    public static func uuid(_ uuid: UUIDValue, into bytes: inout [UInt8]) {
        head(.tag, CBORTag.uuid, into: &bytes)
        head(.bytes, 16, into: &bytes)
        bigEndian(uuid.high, count: 8, into: &bytes)
        bigEndian(uuid.low, count: 8, into: &bytes)
    }

    /// Appends a point in time.
    public static func timestamp(_ timestamp: Timestamp, into bytes: inout [UInt8]) {
        guard let seconds = timestamp.exactSecondsSince1970 else {
            head(.tag, CBORTag.timestamp, into: &bytes)
            double(timestamp.secondsSince2001, into: &bytes)
            return
        }
        head(.tag, CBORTag.epoch, into: &bytes)
        if let whole = Int64(whole: seconds) {
            integer(whole, into: &bytes)
        } else {
            double(seconds, into: &bytes)
        }
    }

    /// Appends a reference's slot.
    public static func reference(_ slot: ReferenceSlot, into bytes: inout [UInt8]) {
        head(.tag, CBORTag.reference, into: &bytes)
        head(.unsigned, UInt64(slot.index), into: &bytes)
    }
}
