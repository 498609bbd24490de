// Part of objbus. SPDX-License-Identifier: Apache-2.0

extension Value {
    /// Whether this is `null`.
    public var isNull: Bool {
        if case .null = self { true } else { false }
    }

    /// The truth value, or nil when this is another kind.
    public var boolValue: Bool? {
        if case .bool(let bool) = self { bool } else { nil }
    }

    /// The integer, or nil when this is another kind or does not fit `Int`.
    public var intValue: Int? {
        if case .integer(let integer) = self { Int(exactly: integer) } else { nil }
    }

    /// The integer that does not fit 64 bits, or nil when this is another kind.
    public var bigIntegerValue: BigInteger? {
        if case .bigInteger(let integer) = self { integer } else { nil }
    }

    /// The number as a double: a `double`, or an integer that a double holds exactly.
    public var doubleValue: Double? {
        switch self {
        case .double(let double): double
        case .integer(let integer): Double(exactly: integer)
        default: nil
        }
    }

    /// The text, or nil when this is another kind.
    public var stringValue: String? {
        if case .string(let string) = self { string } else { nil }
    }

    /// The bytes, or nil when this is another kind.
    public var bytesValue: Bytes? {
        if case .bytes(let bytes) = self { bytes } else { nil }
    }

    /// The point in time, or nil when this is another kind.
    public var timestampValue: Timestamp? {
        if case .timestamp(let timestamp) = self { timestamp } else { nil }
    }

    /// The identifier, or nil when this is another kind.
    public var uuidValue: UUIDValue? {
        if case .uuid(let uuid) = self { uuid } else { nil }
    }

    /// The elements, or nil when this is another kind.
    public var arrayValue: [Value]? {
        if case .array(let array) = self { array } else { nil }
    }

    /// The members, or nil when this is another kind.
    public var setValue: ValueSet? {
        if case .set(let set) = self { set } else { nil }
    }

    /// The entries, or nil when this is another kind.
    public var mapValue: ValueMap? {
        if case .map(let map) = self { map } else { nil }
    }

    /// The slot, or nil when this is another kind.
    public var referenceValue: ReferenceSlot? {
        if case .reference(let slot) = self { slot } else { nil }
    }

    /// The value under a text key; nil when there is none or this is no map.
    public subscript(key: String) -> Value? {
        mapValue?[.string(key)]
    }

    /// The element at a place; nil outside the array or when this is no array.
    public subscript(index: Int) -> Value? {
        guard case .array(let array) = self, array.indices.contains(index) else { return nil }
        return array[index]
    }

    /// Makes an integer value of any fixed-width integer, whatever its size.
    ///
    /// - Parameter integer: Becomes `integer` when it fits 64 bits, else `bigInteger`.
    public init(_ integer: some FixedWidthInteger) {
        if let small = Int64(exactly: integer) {
            self = .integer(small)
            return
        }
        let magnitude = integer.magnitude
        var shift = magnitude.bitWidth
        var digits: [UInt8] = []
        while shift > 0 {
            shift -= 8
            digits.append(UInt8(truncatingIfNeeded: magnitude >> shift))
        }
        self = Value(isNegative: integer < 0, magnitude: digits)
    }

    /// Makes an integer value from a sign and a magnitude, `integer` when it fits.
    ///
    /// - Parameters:
    ///   - isNegative: Whether the number is below zero; ignored for zero.
    ///   - magnitude: The absolute value, most significant byte first; leading zeros are allowed.
    public init(isNegative: Bool, magnitude: [UInt8]) {
        if let big = BigInteger(isNegative: isNegative, magnitude: magnitude) {
            self = .bigInteger(big)
            return
        }
        let bits = magnitude.reduce(into: UInt64(0)) { $0 = $0 << 8 | UInt64($1) }
        self = .integer(isNegative ? Int64(truncatingIfNeeded: 0 &- bits) : Int64(bits))
    }
}

// Not by nil: "value == nil" would then ask for null where people ask for nothing.
extension Value: ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByStringInterpolation,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// A truth value.
    public init(booleanLiteral value: Bool) { self = .bool(value) }

    /// An integer.
    public init(integerLiteral value: Int64) { self = .integer(value) }

    /// A double.
    public init(floatLiteral value: Double) { self = .double(value) }

    /// Text.
    public init(stringLiteral value: String) { self = .string(value) }

    /// An array.
    public init(arrayLiteral elements: Value...) { self = .array(elements) }

    /// A map; of equal keys the last wins.
    public init(dictionaryLiteral elements: (Value, Value)...) {
        self = .map(ValueMap(elements))
    }
}
