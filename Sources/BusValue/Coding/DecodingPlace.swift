// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// Where one item is: the source, its offset, and the way to it for messages.
struct DecodingPlace {
    let source: DecodingSource
    let offset: Int
    let parent: ItemDecoder?
    let key: (any CodingKey)?

    /// The keys from the outermost item to this one.
    var codingPath: [any CodingKey] {
        let path = parent?.codingPath ?? []
        return key.map { path + [$0] } ?? path
    }

    /// Whether the item is null or undefined.
    var isNull: Bool { source.reader.isNull(at: offset) }

    /// Decodes the item: natively, by its shape, or by `Codable`.
    func decode<T: Decodable>(_ type: T.Type) throws -> T {
        do {
            if let kind = NativeKind(T.self) { return try source.native(type, kind, at: offset) }
            if T.self is any ValueShaped.Type { return try decodeShaped(type) }
            return try T(from: decoder())
        } catch let error as ValueError {
            throw DecodingError.of(
                error, type: type, isNull: isNull, codingPath: codingPath)
        }
    }

    private func decodeShaped<T: Decodable>(_ type: T.Type) throws -> T {
        func shaped<S: ShapedDecodable>(_ type: S.Type) throws -> T {
            cast(try S.decodeShape(from: self))
        }
        func represented<R: ValueRepresentable>(_ type: R.Type) throws -> T {
            cast(try R(value: source.native(Value.self, .value, at: offset)))
        }
        if let type = T.self as? any ShapedDecodable.Type { return try shaped(type) }
        if let type = T.self as? any ValueRepresentable.Type { return try represented(type) }
        return try T(from: decoder())
    }

    /// A decoder for the item.
    func decoder() -> ItemDecoder { ItemDecoder(self) }

    /// The places of an array's or a set's elements.
    func forEachElement(_ body: (DecodingPlace) throws -> Void) throws {
        source.move(to: offset)
        let head = try source.reader.arrayHead(expected: "array")
        var place = source.reader.offset
        let inner = decoder()
        for index in 0..<Int(head.argument) {
            try body(
                DecodingPlace(
                    source: source, offset: place, parent: inner, key: PathKey(index: index)))
            place = try source.skip(place)
        }
    }

    /// The places of a map's keys and values.
    func forEachEntry(
        _ body: (_ key: DecodingPlace, _ value: DecodingPlace) throws -> Void
    ) throws {
        source.move(to: offset)
        let head = try source.reader.head()
        guard head.major == .map else {
            throw source.reader.mismatch(at: offset, expected: "map")
        }
        var place = source.reader.offset
        let inner = decoder()
        for index in 0..<Int(head.argument) {
            let key = DecodingPlace(
                source: source, offset: place, parent: inner, key: PathKey(index: index))
            place = try source.skip(place)
            let value = DecodingPlace(
                source: source, offset: place, parent: inner, key: key.name ?? key.key)
            try body(key, value)
            place = try source.skip(place)
        }
    }

    /// Decodes a dictionary's key; where `Int` is asked for, its decimal text is good too.
    func decodeKey<K: Decodable>(_ type: K.Type) throws -> K {
        if K.self == Int.self, let name, let number = Int(name.stringValue) {
            return cast(number)
        }
        return try decode(type)
    }

    /// The text at this place as a name in a coding path, or nil when it is no text.
    private var name: PathKey? {
        source.move(to: offset)
        guard let text = try? source.reader.text() else { return nil }
        return PathKey(text)
    }

    /// The error for an item that breaks a rule of its type.
    func corrupted(_ message: String) -> DecodingError {
        .dataCorrupted(.init(codingPath: codingPath, debugDescription: message))
    }
}

extension DecodingError {
    /// What Swift's users know, from our own error.
    static func of(
        _ error: ValueError, type: any Any.Type, isNull: Bool, codingPath: [any CodingKey]
    ) -> DecodingError {
        let context = Context(
            codingPath: codingPath, debugDescription: error.description,
            underlyingError: error)
        guard error.kind == .typeMismatch else { return .dataCorrupted(context) }
        let brief = Context(
            codingPath: codingPath, debugDescription: error.message, underlyingError: error)
        return isNull ? .valueNotFound(type, brief) : .typeMismatch(type, brief)
    }
}
