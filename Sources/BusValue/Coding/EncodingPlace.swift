// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// Where one item goes: the sink, and the way to it for messages.
struct EncodingPlace {
    let sink: EncodingSink
    let parent: ItemEncoder?
    let key: (any CodingKey)?
    /// How many arrays and maps are around the item.
    let depth: Int

    /// The keys from the outermost item to this one.
    var codingPath: [any CodingKey] {
        let path = parent?.codingPath ?? []
        return key.map { path + [$0] } ?? path
    }

    /// Encodes one item here: natively, by its shape, or by `Codable`.
    func encode<T: Encodable>(_ value: T) throws {
        do {
            if let kind = NativeKind(T.self) {
                return try sink.output.append(value, as: kind, depth: depth)
            }
            if T.self is any ValueShaped.Type, try encodeShaped(value) { return }
            try encodeByCodable(value)
        } catch let error as ValueError {
            throw EncodingError.invalidValue(
                value,
                .init(
                    codingPath: codingPath, debugDescription: error.message,
                    underlyingError: error))
        }
    }

    private func encodeByCodable<T: Encodable>(_ value: T) throws {
        try sink.output.checkDepth(depth)
        try sink.output.admit()
        let encoder = ItemEncoder(self)
        let outer = sink.active
        sink.active = encoder.serial
        defer { sink.active = outer }
        try value.encode(to: encoder)
        try encoder.finish()
    }

    private func encodeShaped<T: Encodable>(_ value: T) throws -> Bool {
        func shaped<S: ShapedEncodable>(_ type: S.Type) throws {
            try S.encodeShape(cast(value), to: self)
        }
        func represented<R: ValueRepresentable>(_ type: R.Type) throws {
            let value = cast(value, to: R.self).value
            try sink.output.append(value, depth: depth)
        }
        if let type = T.self as? any ShapedEncodable.Type {
            try shaped(type)
        } else if let type = T.self as? any ValueRepresentable.Type {
            try represented(type)
        } else {
            return false
        }
        return true
    }

    /// Encodes nil.
    func null() throws {
        try sink.output.admit()
        CBORWriter.null(into: &sink.output.bytes)
    }

    /// Encodes a set: tag 258 with its members in the order of their bytes.
    func set<T: Encodable>(_ members: Set<T>) throws {
        try sink.output.checkDepth(depth + 1)
        try sink.output.admit(2)
        CBORWriter.head(.tag, CBORTag.set, into: &sink.output.bytes)
        CBORWriter.array(count: members.count, into: &sink.output.bytes)
        let start = sink.output.bytes.count
        let (pieces, order) = try ordered(Array(members), depth: depth + 1)
        let unordered = Array(sink.output.bytes[start...])
        sink.output.bytes.removeLast(unordered.count)
        for index in order {
            let piece = pieces[index]
            sink.output.bytes.append(
                contentsOf: unordered[piece.lowerBound - start..<piece.upperBound - start])
        }
    }

    /// Encodes a dictionary as a map with its keys in the order of their bytes.
    ///
    /// All keys are encoded first: the values must come in that order too, or the numbers of
    /// frames would depend on the dictionary's hashing.
    func map<K: Encodable, V: Encodable>(_ dictionary: [K: V]) throws {
        try sink.output.checkDepth(depth + 1)
        try sink.output.admit()
        CBORWriter.map(count: dictionary.count, into: &sink.output.bytes)
        let start = sink.output.bytes.count
        let entries = Array(dictionary)
        let (pieces, order) = try ordered(entries.map(\.key), depth: depth + 1)
        let keys = Array(sink.output.bytes[start...])
        sink.output.bytes.removeLast(keys.count)
        for index in order {
            let piece = pieces[index]
            sink.output.bytes.append(
                contentsOf: keys[piece.lowerBound - start..<piece.upperBound - start])
            let name = PathKey(String(describing: entries[index].key))
            try EncodingPlace(sink: sink, parent: parent, key: name, depth: depth + 1)
                .encode(entries[index].value)
        }
    }

    /// Encodes items without frames, and gives their places in the output and their order.
    private func ordered<T: Encodable>(
        _ items: [T], depth: Int
    ) throws -> (pieces: [Range<Int>], order: [Int]) {
        sink.output.keyDepth += 1
        defer { sink.output.keyDepth -= 1 }
        let place = EncodingPlace(sink: sink, parent: parent, key: key, depth: depth)
        var pieces: [Range<Int>] = []
        pieces.reserveCapacity(items.count)
        for item in items {
            let start = sink.output.bytes.count
            try place.encode(item)
            pieces.append(start..<sink.output.bytes.count)
        }
        guard let order = sink.output.order(of: pieces) else {
            throw ValueError(.duplicate, "two keys or members that differ encode alike")
        }
        return (pieces, order)
    }
}

/// A place in a coding path that no type's `CodingKey` names: an index, a dictionary's key.
struct PathKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(_ name: String) {
        stringValue = name
        intValue = nil
    }

    init(index: Int) {
        stringValue = "Index \(index)"
        intValue = index
    }

    init?(stringValue: String) {
        self.init(stringValue)
    }

    init?(intValue: Int) {
        self.init(index: intValue)
    }
}
