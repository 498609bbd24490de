// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// A type with a form of its own on the wire, instead of the one that `Codable` would give it.
///
/// Only a mark that makes one cheap check of everything else; conform to `ValueRepresentable`.
public protocol ValueShaped {}

/// A type that crosses the bus as one `Value`.
///
/// `ValueEncoder` and `ValueDecoder` use this before `Codable`:
///
/// ```swift
/// extension Date: ValueRepresentable {
///     public var value: Value {
///         .timestamp(Timestamp(secondsSince2001: timeIntervalSinceReferenceDate))
///     }
///     public init(value: Value) throws {
///         guard let timestamp = value.timestampValue else {
///             throw ValueError.mismatch(expected: "Date", found: value)
///         }
///         self.init(timeIntervalSinceReferenceDate: timestamp.secondsSince2001)
///     }
/// }
/// ```
public protocol ValueRepresentable: ValueShaped {
    /// Makes an instance of what crossed.
    ///
    /// - Throws: `ValueError.mismatch(expected:found:)` for a value of another kind.
    init(value: Value) throws

    /// What crosses.
    var value: Value { get }
}

extension ValueError {
    /// The error for a value of a kind that a type cannot be made of.
    public static func mismatch(expected: String, found value: Value) -> ValueError {
        ValueError(.typeMismatch, "expected \(expected), found \(value.kind.rawValue)")
    }
}

// MARK: Shapes of the standard library

/// A shape that encodes its parts through the bridge.
protocol ShapedEncodable: ValueShaped {
    static func encodeShape(_ instance: Self, to place: EncodingPlace) throws
}

/// A shape that decodes its parts through the bridge.
protocol ShapedDecodable: ValueShaped {
    static func decodeShape(from place: DecodingPlace) throws -> Self
}

extension Optional: ValueShaped {}
extension Set: ValueShaped {}
extension Dictionary: ValueShaped {}

extension Optional: ShapedEncodable where Wrapped: Encodable {
    static func encodeShape(_ instance: Self, to place: EncodingPlace) throws {
        guard let instance else { return try place.null() }
        try place.encode(instance)
    }
}

extension Optional: ShapedDecodable where Wrapped: Decodable {
    static func decodeShape(from place: DecodingPlace) throws -> Self {
        place.isNull ? nil : try place.decode(Wrapped.self)
    }
}

extension Set: ShapedEncodable where Element: Encodable {
    static func encodeShape(_ instance: Self, to place: EncodingPlace) throws {
        try place.set(instance)
    }
}

extension Set: ShapedDecodable where Element: Decodable {
    static func decodeShape(from place: DecodingPlace) throws -> Self {
        var set: Set<Element> = []
        try place.forEachElement { element in
            guard set.insert(try element.decode(Element.self)).inserted else {
                throw element.corrupted("the set has a member twice")
            }
        }
        return set
    }
}

extension Dictionary: ShapedEncodable where Key: Encodable, Value: Encodable {
    static func encodeShape(_ instance: Self, to place: EncodingPlace) throws {
        try place.map(instance)
    }
}

extension Dictionary: ShapedDecodable where Key: Decodable, Value: Decodable {
    static func decodeShape(from place: DecodingPlace) throws -> Self {
        var dictionary: Self = [:]
        try place.forEachEntry { key, value in
            let key = try key.decodeKey(Key.self)
            if dictionary.updateValue(try value.decode(Value.self), forKey: key) != nil {
                throw value.corrupted("the map has a key twice")
            }
        }
        return dictionary
    }
}
