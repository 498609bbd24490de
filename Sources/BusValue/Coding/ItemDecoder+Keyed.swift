// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// A map's entries by coding key: one pass makes an index, lookups are binary searches.
struct IndexedItems<Key: CodingKey>: KeyedDecodingContainerProtocol {
    /// One entry: a text key by where its UTF-8 is, or an integer key.
    private struct Entry {
        let text: Range<Int>
        let number: Int?
        let value: Int
    }

    private let decoder: ItemDecoder
    private let entries: [Entry]

    init(_ decoder: ItemDecoder) throws {
        self.decoder = decoder
        entries = try IndexedItems.index(decoder.place)
    }

    var codingPath: [any CodingKey] { decoder.codingPath }

    var allKeys: [Key] {
        entries.compactMap { entry in
            if let number = entry.number {
                return Key(intValue: number) ?? Key(stringValue: String(number))
            }
            let bytes = decoder.place.source.reader.bytes[entry.text]
            return String(validating: bytes, as: UTF8.self).flatMap(Key.init(stringValue:))
        }
    }

    // MARK: Index

    private static func index(_ place: DecodingPlace) throws -> [Entry] {
        let source = place.source
        source.move(to: place.offset)
        let map = try source.reader.head()
        guard map.major == .map else {
            throw source.reader.mismatch(at: place.offset, expected: "map")
        }
        var entries: [Entry] = []
        entries.reserveCapacity(Int(map.argument))
        var isSorted = true
        for _ in 0..<Int(map.argument) {
            let entry = try entry(source)
            if let last = entries.last, order(last, entry, in: source.reader.bytes) >= 0 {
                isSorted = false
            }
            entries.append(entry)
            source.move(to: try source.skip(entry.value))
        }
        if isSorted { return entries }
        entries.sort { order($0, $1, in: source.reader.bytes) < 0 }
        for (left, right) in zip(entries, entries.dropFirst())
        where order(left, right, in: source.reader.bytes) == 0 {
            throw ValueError(.duplicate, at: place.offset, "the map has a key twice")
        }
        return entries
    }

    private static func entry(_ source: DecodingSource) throws -> Entry {
        let start = source.reader.offset
        let key = try source.reader.head()
        switch key.major {
        case .text:
            let text = try source.reader.content(of: key)
            return Entry(text: text, number: nil, value: source.reader.offset)
        case .unsigned, .negative:
            source.move(to: start)
            let number = try source.reader.integer(Int.self)
            return Entry(text: 0..<0, number: number, value: source.reader.offset)
        default:
            throw source.reader.mismatch(at: start, expected: "a text key")
        }
    }

    /// Integers by number before texts, these by length and then by content.
    private static func order(_ left: Entry, _ right: Entry, in bytes: [UInt8]) -> Int {
        switch (left.number, right.number) {
        case (let left?, let right?): return left < right ? -1 : left == right ? 0 : 1
        case (_?, nil): return -1
        case (nil, _?): return 1
        case (nil, nil): break
        }
        if left.text.count != right.text.count { return left.text.count - right.text.count }
        return unsafe bytes.withUnsafeBytes {
            unsafe lexicographicOrder(
                UnsafeRawBufferPointer(rebasing: $0[left.text]),
                UnsafeRawBufferPointer(rebasing: $0[right.text]))
        }
    }

    private func find(_ key: some CodingKey) -> Int? {
        var name = key.stringValue
        let place = name.withUTF8 { name in
            unsafe decoder.place.source.reader.bytes.withUnsafeBytes { bytes in
                binarySearch(count: entries.count) { index in
                    let entry = entries[index]
                    if entry.number != nil { return -1 }
                    if entry.text.count != name.count { return entry.text.count - name.count }
                    return unsafe lexicographicOrder(
                        UnsafeRawBufferPointer(rebasing: bytes[entry.text]),
                        UnsafeRawBufferPointer(name))
                }
            }
        }
        if place.found { return entries[place.index].value }
        guard let number = key.intValue else { return nil }
        let numbered = binarySearch(count: entries.count) { index in
            guard let other = entries[index].number else { return 1 }
            return other < number ? -1 : other == number ? 0 : 1
        }
        return numbered.found ? entries[numbered.index].value : nil
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
        try require(key).decode(type)
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
