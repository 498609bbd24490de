// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Our own types through any Codable format: natively through ours, as JSON's forms through others.

extension Value: Codable {
    /// Writes the value itself to our encoder, and to others the forms of docs/protocol/json.md.
    public func encode(to encoder: any Encoder) throws {
        if encoder is ItemEncoder {
            var container = encoder.singleValueContainer()
            return try container.encode(self)
        }
        if let wrapping = wrapping(reference: \.description) {
            var container = encoder.container(keyedBy: PathKey.self)
            return try container.encode(wrapping.content, forKey: PathKey(wrapping.key))
        }
        if case .map(let map) = self {
            var container = encoder.container(keyedBy: PathKey.self)
            for entry in map {
                let key = entry.key.stringValue ?? ""
                let isEscaped = map.count == 1 && key.hasPrefix("$")
                try container.encode(entry.value, forKey: PathKey(isEscaped ? "$" + key : key))
            }
            return
        }
        if case .bigInteger(let integer) = self {
            var container = encoder.container(keyedBy: PathKey.self)
            return try container.encode(integer.description, forKey: PathKey("$integer"))
        }
        try encodeSimple(to: encoder)
    }

    private func encodeSimple(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .bool(let bool): try container.encode(bool)
        case .integer(let integer): try container.encode(integer)
        case .double(let double): try container.encode(double)
        case .string(let string): try container.encode(string)
        case .array(let array): try container.encode(array)
        default: try container.encodeNil()
        }
    }

    /// Reads what `encode(to:)` wrote.
    public init(from decoder: any Decoder) throws {
        if decoder is ItemDecoder {
            self = try decoder.singleValueContainer().decode(Value.self)
            return
        }
        if let container = try? decoder.container(keyedBy: PathKey.self) {
            let entries = try container.allKeys.map { key in
                (Value.string(key.stringValue), try container.decode(Value.self, forKey: key))
            }
            if entries.count == 1, let key = entries[0].0.stringValue, key.hasPrefix("$") {
                self = try Value.unwrap(
                    key: key, content: entries[0].1, limits: .standard, reference: Value.slot)
            } else {
                self = .map(ValueMap(entries))
            }
            return
        }
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let bool = try? container.decode(Bool.self) {
            self = .bool(bool)
        } else if let integer = try? container.decode(Int64.self) {
            self = .integer(integer)
        } else if let double = try? container.decode(Double.self) {
            self = .double(double)
        } else if let string = try? container.decode(String.self) {
            self = .string(string)
        } else {
            self = .array(try container.decode([Value].self))
        }
    }
}

/// A type of ours that other formats carry as one of their simple values.
protocol SimplyCodable: Codable {
    associatedtype Simple: Codable
    var simple: Simple { get }
    init?(simple: Simple)
}

extension SimplyCodable {
    func encodeSimply(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if encoder is ItemEncoder { return try container.encode(self) }
        try container.encode(simple)
    }

    static func decodeSimply(from decoder: any Decoder) throws -> Self {
        let container = try decoder.singleValueContainer()
        if decoder is ItemDecoder { return try container.decode(Self.self) }
        guard let result = Self(simple: try container.decode(Simple.self)) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "expected \(Self.self), found something else")
        }
        return result
    }
}

extension Bytes: SimplyCodable {
    var simple: String { Base64.encode(array) }

    init?(simple: String) {
        guard let bytes = Base64.decode(simple) else { return nil }
        self.init(bytes)
    }

    /// Writes itself to our encoder, and to others base64 text.
    public func encode(to encoder: any Encoder) throws {
        try encodeSimply(to: encoder)
    }

    /// Reads what `encode(to:)` wrote.
    public init(from decoder: any Decoder) throws {
        self = try Self.decodeSimply(from: decoder)
    }
}

extension UUIDValue: SimplyCodable {
    var simple: String { description }

    init?(simple: String) {
        self.init(simple)
    }

    /// Writes itself to our encoder, and to others its text.
    public func encode(to encoder: any Encoder) throws {
        try encodeSimply(to: encoder)
    }

    /// Reads what `encode(to:)` wrote.
    public init(from decoder: any Decoder) throws {
        self = try Self.decodeSimply(from: decoder)
    }
}

extension Timestamp: SimplyCodable {
    var simple: Double { secondsSince2001 }

    init?(simple: Double) {
        self.init(secondsSince2001: simple)
    }

    /// Writes itself to our encoder, and to others seconds since 2001, like `Date`.
    public func encode(to encoder: any Encoder) throws {
        try encodeSimply(to: encoder)
    }

    /// Reads what `encode(to:)` wrote.
    public init(from decoder: any Decoder) throws {
        self = try Self.decodeSimply(from: decoder)
    }
}

extension ReferenceSlot: SimplyCodable {
    var simple: UInt32 { index }

    init?(simple: UInt32) {
        self.init(simple)
    }

    /// Writes itself to our encoder, and to others its number.
    public func encode(to encoder: any Encoder) throws {
        try encodeSimply(to: encoder)
    }

    /// Reads what `encode(to:)` wrote.
    public init(from decoder: any Decoder) throws {
        self = try Self.decodeSimply(from: decoder)
    }
}

extension BigInteger: SimplyCodable {
    var simple: String { description }

    init?(simple: String) {
        guard case .bigInteger(let integer)? = Value(decimal: simple.utf8) else { return nil }
        self = integer
    }

    /// Writes itself to our encoder, and to others decimal text.
    public func encode(to encoder: any Encoder) throws {
        try encodeSimply(to: encoder)
    }

    /// Reads what `encode(to:)` wrote.
    public init(from decoder: any Decoder) throws {
        self = try Self.decodeSimply(from: decoder)
    }
}

extension ValueSet: SimplyCodable {
    var simple: Value { .set(self) }

    init?(simple: Value) {
        guard let set = simple.setValue else { return nil }
        self = set
    }

    /// Writes itself to our encoder, and to others a `Value`.
    public func encode(to encoder: any Encoder) throws {
        try encodeSimply(to: encoder)
    }

    /// Reads what `encode(to:)` wrote.
    public init(from decoder: any Decoder) throws {
        self = try Self.decodeSimply(from: decoder)
    }
}

extension ValueMap: SimplyCodable {
    var simple: Value { .map(self) }

    init?(simple: Value) {
        guard let map = simple.mapValue else { return nil }
        self = map
    }

    /// Writes itself to our encoder, and to others a `Value`.
    public func encode(to encoder: any Encoder) throws {
        try encodeSimply(to: encoder)
    }

    /// Reads what `encode(to:)` wrote.
    public init(from decoder: any Decoder) throws {
        self = try Self.decodeSimply(from: decoder)
    }
}
