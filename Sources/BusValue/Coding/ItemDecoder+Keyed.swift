// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// A map's entries by coding key.
struct IndexedItems<Key: CodingKey>: KeyedDecodingContainerProtocol {
    private let decoder: ItemDecoder
    private let index: KeyIndex

    init(_ decoder: ItemDecoder) throws {
        self.decoder = decoder
        index = try decoder.place.source.index(at: decoder.place.offset)
    }

    var codingPath: [any CodingKey] { decoder.codingPath }

    var allKeys: [Key] {
        index.entries.compactMap { entry in
            if let number = entry.number {
                return Key(intValue: number) ?? Key(stringValue: String(number))
            }
            return validText(index.bytes, entry.text).flatMap(Key.init(stringValue:))
        }
    }

    private func find(_ key: some CodingKey) -> Int? {
        index.find(key.stringValue, key.intValue)
    }

    private func require(_ key: some CodingKey) throws -> DecodingPlace {
        guard let offset = find(key) else {
            throw DecodingError.keyNotFound(
                key,
                .init(
                    codingPath: codingPath,
                    debugDescription: "there is no \"\(key.stringValue)\""))
        }
        return decoder.inner(offset, key)
    }

    // MARK: Items

    func contains(_ key: Key) -> Bool { find(key) != nil }

    func decodeNil(forKey key: Key) throws -> Bool { try require(key).isNull }

    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
        if let kind = NativeKind(T.self), let offset = find(key),
            let native = try? decoder.place.source.native(type, kind, at: offset)
        {
            return native
        }
        return try require(key).decode(type)
    }

    func decode(_ type: Int128.Type, forKey key: Key) throws -> Int128 {
        try require(key).decode(type)
    }

    func decode(_ type: UInt128.Type, forKey key: Key) throws -> UInt128 {
        try require(key).decode(type)
    }

    func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? {
        guard let offset = find(key) else { return nil }
        let place = decoder.inner(offset, key)
        return place.isNull ? nil : try place.decode(type)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        try require(key).decoder().container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try require(key).decoder().unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder {
        try require(PathKey("super")).decoder()
    }

    func superDecoder(forKey key: Key) throws -> any Decoder {
        try require(key).decoder()
    }
}
