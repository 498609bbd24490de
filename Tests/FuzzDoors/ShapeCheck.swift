// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusValue

/// The `Codable` bridge: types of every shape read from bytes that were not written for them.
enum ShapeCheck {
    private enum Choice: Codable {
        case empty
        case circle(radius: Double)
        case polygon([Int], name: String)
    }

    private enum Color: String, Codable {
        case red
        case green
    }

    private indirect enum Tree: Codable {
        case leaf(Value)
        case node(Tree, Tree)
    }

    private struct Numbers: Codable {
        var a: Int8?
        var b: UInt64?
        var c: Int128?
        var d: Float?
        var e: Double?
        var f: Bool?
    }

    private struct Parts: Codable {
        var a: [Value]?
        var b: Bytes?
        var c: [String: [Color]]?
        var d: Set<Int>?
        var e: Choice?
        var f: BigInteger?
        var g: Timestamp?
        var h: UUIDValue?
        var i: ReferenceSlot?
        var j: [Int?: [UInt8]]?
        var k: Tree?
    }

    /// A type that asks for everything in a way of its own.
    private final class Handmade: Codable {
        private enum Key: String, CodingKey {
            case a
            case b
            case c
        }

        private let a: Int
        private let rest: [String]
        private let keys: [String]

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            self.a = try container.decodeIfPresent(Int.self, forKey: .a) ?? 0
            self.keys = container.allKeys.map(\.rawValue)
            var rest: [String] = []
            if container.contains(.b) {
                var list = try container.nestedUnkeyedContainer(forKey: .b)
                while !list.isAtEnd, rest.count < 16 {
                    if try list.decodeNil() { continue }
                    rest.append(try list.decode(String.self))
                }
            }
            _ = try? container.superDecoder(forKey: .c).singleValueContainer().decode(Double.self)
            self.rest = rest
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(self.a, forKey: .a)
            var list = container.nestedUnkeyedContainer(forKey: .b)
            for text in self.rest { try list.encode(text) }
        }
    }

    /// Reads `input` as each of the types; what it is as a value, if it is one, is `value`.
    static func all(_ input: [UInt8], _ value: Value?, buffers: [Bytes]) throws {
        // A list that is read from a set has the order in which that is written.
        let canonical = try value.flatMap { $0.hasSet ? nil : try $0.encoded() }
        func check<T: Codable>(_ type: T.Type) throws {
            try self.check(type, input, canonical, buffers)
        }
        try check(Value.self)
        try check(Numbers.self)
        try check(Parts.self)
        try check(Choice.self)
        try check(Tree.self)
        try check(Handmade.self)
        try check([Int].self)
        try check([UInt8].self)
        try check([Double].self)
        try check([String].self)
        try check([[Bytes?]].self)
        try check(Set<String>.self)
        try check([Int: Color].self)
        try check(String??.self)
        try check(UInt16.self)
        try check(Float.self)
        try check([Float].self)
        try check([Bool].self)
        try check([[UInt8]].self)
        try check(UUIDValue?.self)
        try check(BigInteger.self)
        try check(ValueMap.self)
        try check(ValueSet.self)
    }

    private static func check<T: Codable>(
        _ type: T.Type, _ input: [UInt8], _ canonical: [UInt8]?, _ buffers: [Bytes]
    ) throws {
        let decoder = ValueDecoder()
        let instance: T
        do {
            instance = try decoder.decode(type, from: input, buffers: buffers)
        } catch {
            try require(
                (error as? DecodingError)?.summary.isEmpty == false, "\(type) fails otherwise")
            guard let canonical else { return }
            let other = try? decoder.decode(type, from: canonical)
            try require(other == nil, "\(type) is read from one encoding only")
            return
        }
        let encoding = try ValueEncoder().encode(instance)
        let again = try decoder.decode(type, from: encoding)
        try require(try ValueEncoder().encode(again) == encoding, "\(type) is not stable")
        let tree = try Value(cbor: encoding)
        try require(try tree.encoded() == encoding, "\(type) is not written in the one right way")
        if let canonical {
            let other = try decoder.decode(type, from: canonical)
            try require(
                try ValueEncoder().encode(other) == encoding,
                "\(type) differs when read from another encoding of the same value")
        }
    }
}

extension Value {
    /// Whether there is a set anywhere in it.
    fileprivate var hasSet: Bool {
        switch self {
        case .set: true
        case .array(let array): array.contains { $0.hasSet }
        case .map(let map): map.contains { $0.key.hasSet || $0.value.hasSet }
        default: false
        }
    }
}
