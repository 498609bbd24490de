// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// Anything that crosses the bus by value: a copy, never a reference to something shared.
///
/// Two values are equal when their deterministic encodings are (docs/protocol/values.md §2): text
/// compares by its UTF-8 and doubles bit for bit, so a NaN equals itself and 0.0 differs from -0.0.
public enum Value: Sendable {
    /// The absent value: nil, and the result of a call that returns nothing.
    case null
    /// A truth value.
    case bool(Bool)
    /// An integer that fits 64 bits with sign.
    case integer(Int64)
    /// An integer that does not fit `integer`; the two never overlap.
    case bigInteger(BigInteger)
    /// A binary64 number, kept bit for bit.
    case double(Double)
    /// Unicode text.
    case string(String)
    /// Bytes without meaning to the bus.
    case bytes(Bytes)
    /// A point in time.
    case timestamp(Timestamp)
    /// A 16-byte identifier.
    case uuid(UUIDValue)
    /// Values in an order.
    case array([Value])
    /// Distinct values without an order.
    case set(ValueSet)
    /// Values by key; any value can be a key.
    case map(ValueMap)
    /// A reference to an object, by its place in the message's reference table.
    case reference(ReferenceSlot)
}

extension Value {
    /// What a value is, without its content.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// `Value.null`.
        case null
        /// `Value.bool`.
        case bool
        /// `Value.integer`.
        case integer
        /// `Value.bigInteger`.
        case bigInteger = "big integer"
        /// `Value.double`.
        case double
        /// `Value.string`.
        case string
        /// `Value.bytes`.
        case bytes
        /// `Value.timestamp`.
        case timestamp
        /// `Value.uuid`.
        case uuid
        /// `Value.array`.
        case array
        /// `Value.set`.
        case set
        /// `Value.map`.
        case map
        /// `Value.reference`.
        case reference
    }

    /// The kind of this value; its raw value is the word that messages use.
    public var kind: Kind {
        switch self {
        case .null: .null
        case .bool: .bool
        case .integer: .integer
        case .bigInteger: .bigInteger
        case .double: .double
        case .string: .string
        case .bytes: .bytes
        case .timestamp: .timestamp
        case .uuid: .uuid
        case .array: .array
        case .set: .set
        case .map: .map
        case .reference: .reference
        }
    }
}

extension Value: Hashable {
    /// Whether both values have the same deterministic encoding.
    public static func == (left: Value, right: Value) -> Bool {
        Value.canonicalOrder(left, right) == 0
    }

    /// Feeds what `==` compares.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(kind)
        switch self {
        case .null: break
        case .bool(let bool): hasher.combine(bool)
        case .integer(let integer): hasher.combine(integer)
        case .bigInteger(let integer): hasher.combine(integer)
        case .double(let double): hasher.combine(double.bitPattern)
        case .string(let string):
            for unit in string.utf8 { hasher.combine(unit) }
        case .bytes(let bytes): hasher.combine(bytes)
        case .timestamp(let timestamp): hasher.combine(timestamp)
        case .uuid(let uuid): hasher.combine(uuid)
        case .array(let array): hasher.combine(array)
        case .set(let set): hasher.combine(set)
        case .map(let map): hasher.combine(map)
        case .reference(let slot): hasher.combine(slot)
        }
    }
}
