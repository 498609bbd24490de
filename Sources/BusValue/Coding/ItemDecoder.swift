// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// The `Decoder` of one item.
final class ItemDecoder: Decoder {
    let place: DecodingPlace

    init(_ place: DecodingPlace) {
        self.place = place
    }

    var codingPath: [any CodingKey] { place.codingPath }

    var userInfo: [CodingUserInfoKey: Any] { place.source.userInfo }

    func container<Key: CodingKey>(
        keyedBy type: Key.Type
    ) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(try translated { try IndexedItems<Key>(self) })
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try translated { try ListedItems(self) }
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        SingleDecodedItem(decoder: self)
    }

    private func translated<Container>(_ body: () throws -> Container) throws -> Container {
        do {
            return try body()
        } catch let error as ValueError {
            throw DecodingError.of(
                error, type: Container.self, isNull: place.isNull, codingPath: codingPath)
        }
    }

    /// The place of an item inside this one.
    func inner(_ offset: Int, _ key: any CodingKey) -> DecodingPlace {
        DecodingPlace(source: place.source, offset: offset, parent: self, key: key)
    }
}

/// The one item as itself.
struct SingleDecodedItem: SingleValueDecodingContainer {
    let decoder: ItemDecoder

    var codingPath: [any CodingKey] { decoder.codingPath }

    func decodeNil() -> Bool { decoder.place.isNull }

    func decode<T: Decodable>(_ type: T.Type) throws -> T {
        try decoder.place.decode(type)
    }

    func decode(_ type: Int128.Type) throws -> Int128 { try decoder.place.decode(type) }

    func decode(_ type: UInt128.Type) throws -> UInt128 { try decoder.place.decode(type) }
}

/// An array's or a set's elements in order.
struct ListedItems: UnkeyedDecodingContainer {
    private let decoder: ItemDecoder
    private let total: Int
    private var offset: Int
    private(set) var currentIndex = 0

    init(_ decoder: ItemDecoder) throws {
        self.decoder = decoder
        let source = decoder.place.source
        source.move(to: decoder.place.offset)
        total = Int(try source.reader.arrayHead(expected: "array").argument)
        offset = source.reader.offset
    }

    var codingPath: [any CodingKey] { decoder.codingPath }

    var count: Int? { total }

    var isAtEnd: Bool { currentIndex >= total }

    /// The place of the next element, which stays next.
    private func next<T>(_ type: T.Type) throws -> DecodingPlace {
        let key = PathKey(index: currentIndex)
        guard !isAtEnd else {
            throw DecodingError.valueNotFound(
                type,
                .init(
                    codingPath: codingPath + [key],
                    debugDescription: "expected \(type), found the end of the array"))
        }
        return decoder.inner(offset, key)
    }

    private mutating func advance() throws {
        offset = try decoder.place.source.skip(offset)
        currentIndex += 1
    }

    mutating func decodeNil() throws -> Bool {
        let isNull = try next(Never.self).isNull
        if isNull { try advance() }
        return isNull
    }

    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
        let result = try next(type).decode(type)
        try advance()
        return result
    }

    mutating func decode(_ type: Int128.Type) throws -> Int128 {
        let result = try next(type).decode(type)
        try advance()
        return result
    }

    mutating func decode(_ type: UInt128.Type) throws -> UInt128 {
        let result = try next(type).decode(type)
        try advance()
        return result
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> {
        let result = try next(type).decoder().container(keyedBy: type)
        try advance()
        return result
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        let result = try next([Value].self).decoder().unkeyedContainer()
        try advance()
        return result
    }

    mutating func superDecoder() throws -> any Decoder {
        let result = try next(Value.self).decoder()
        try advance()
        return result
    }
}
