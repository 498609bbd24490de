// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// The `Encoder` of one item: writes the item's container straight into the sink.
///
/// A container opens with a one-byte head; `finish` corrects it and sorts a map's entries. Only the
/// encoder whose type is encoding now may write; containers made by hand get a sink of their own.
final class ItemEncoder: Encoder {
    private enum Shape {
        case untouched
        case keyed
        case unkeyed
        case single
    }

    /// A container that was made by hand and is spliced in at the end.
    private struct Deferred {
        let offset: Int
        let entry: Int
        let encoder: ItemEncoder
    }

    let place: EncodingPlace
    let serial: Int
    private(set) var count = 0
    private var shape = Shape.untouched
    private let start: Int
    private let entryBase: Int
    private var deferred: [Deferred] = []

    init(_ place: EncodingPlace) {
        self.place = place
        serial = place.sink.nextSerial()
        start = place.sink.output.bytes.count
        entryBase = place.sink.output.entries.count
    }

    var sink: EncodingSink { place.sink }

    var codingPath: [any CodingKey] { place.codingPath }

    var userInfo: [CodingUserInfoKey: Any] { place.sink.userInfo }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        open(.keyed)
        return KeyedEncodingContainer(KeyedItems<Key>(encoder: self))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        open(.unkeyed)
        return UnkeyedItems(encoder: self)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        open(.single)
        return SingleItem(encoder: self)
    }

    private func open(_ shape: Shape) {
        if self.shape == shape { return }
        guard self.shape == .untouched, sink.active == serial else {
            return misuse("a second container, or one of an encoder that is not active")
        }
        self.shape = shape
        if shape != .single { sink.output.bytes.append(0) }
    }

    private func misuse(_ message: String) {
        if sink.failure == nil { sink.failure = invalid(message) }
    }

    private func invalid(_ message: String) -> EncodingError {
        .invalidValue(self, .init(codingPath: codingPath, debugDescription: message))
    }

    private func checkActive() throws {
        if sink.hasFailed, let failure = sink.failure { throw failure }
        guard sink.active == serial else { throw invalid("the encoder is not active any more") }
    }

    // MARK: Items

    /// Appends one entry of a map.
    func put<T: Encodable>(_ value: T, key: some CodingKey) throws {
        try checkActive()
        let mark = sink.output.mark
        do {
            if let kind = NativeKind(T.self) {
                let depth = place.depth + 1
                try sink.output.append(key.stringValue, value, as: kind, depth: depth)
            } else {
                try sink.output.key(key.stringValue)
                try inner(key).encode(value)
            }
        } catch {
            sink.output.rewind(to: mark)
            throw translated(error, value, key)
        }
    }

    /// Appends one element of an array.
    func put<T: Encodable>(_ value: T) throws {
        try checkActive()
        let mark = sink.output.mark
        do {
            if let kind = NativeKind(T.self) {
                try sink.output.append(value, as: kind, depth: place.depth + 1)
            } else {
                try inner(PathKey(index: count)).encode(value)
            }
        } catch {
            sink.output.rewind(to: mark)
            throw translated(error, value, PathKey(index: count))
        }
        count += 1
    }

    /// What Swift's users know, from our own error about an item.
    private func translated<T>(
        _ error: any Error, _ value: T, _ key: any CodingKey
    ) -> any Error {
        guard let error = error as? ValueError else { return error }
        return EncodingError.invalidValue(
            value,
            .init(
                codingPath: codingPath + [key], debugDescription: error.message,
                underlyingError: error))
    }

    /// Writes the only item of a single-value container.
    func putSingle<T: Encodable>(_ value: T) throws {
        try checkActive()
        guard count == 0 else { throw invalid("a second value in a single-value container") }
        try place.encode(value)
        count = 1
    }

    private func inner(_ key: any CodingKey) -> EncodingPlace {
        EncodingPlace(sink: sink, parent: self, key: key, depth: place.depth + 1)
    }

    /// Makes the encoder of an entry or element that is filled in by hand.
    func deferredEncoder(key: (any CodingKey)?) -> ItemEncoder {
        do {
            try checkActive()
            if let key { try sink.output.key(key.stringValue) }
        } catch {
            let error = translated(error, key?.stringValue, key ?? PathKey(index: count))
            if sink.failure == nil { sink.failure = error as? EncodingError }
        }
        let own = EncodingSink(
            EncodingOutput(limits: sink.output.limits), userInfo: sink.userInfo)
        let path = key ?? PathKey(index: count)
        let encoder = ItemEncoder(
            EncodingPlace(sink: own, parent: self, key: path, depth: place.depth + 1))
        own.active = encoder.serial
        count += 1
        deferred.append(
            Deferred(
                offset: sink.output.bytes.count, entry: sink.output.entries.count - 1,
                encoder: encoder))
        return encoder
    }

    // MARK: End

    /// Completes the item.
    func finish() throws {
        if let failure = sink.failure { throw failure }
        try splice()
        switch shape {
        case .untouched:
            sink.output.bytes.append(0xa0)
        case .single:
            if count == 0 { throw invalid("a single-value container without a value") }
        case .unkeyed:
            try sink.output.checkDepth(place.depth + 1)
            close(.array, count: count)
        case .keyed:
            try sink.output.checkDepth(place.depth + 1)
            close(.map, count: sink.output.sortEntries(from: entryBase, start: start + 1))
        }
    }

    private func close(_ major: CBORWriter.MajorType, count: Int) {
        if count < 24 {
            sink.output.bytes[start] = major.rawValue << 5 | UInt8(count)
            return
        }
        var head: [UInt8] = []
        CBORWriter.head(major, UInt64(count), into: &head)
        sink.output.bytes.replaceSubrange(start...start, with: head)
    }

    /// Puts the containers made by hand where they belong.
    private func splice() throws {
        if deferred.isEmpty { return }
        let bytes = sink.output.bytes
        var spliced = Array(bytes[..<deferred[0].offset])
        var entry = entryBase
        var shift = 0
        for (place, item) in deferred.enumerated() {
            try item.encoder.finish()
            while shape == .keyed, entry <= item.entry {
                sink.output.entries[entry].key += shift
                sink.output.entries[entry].value += shift
                entry += 1
            }
            let own = item.encoder.sink.output.bytes
            spliced += own
            shift += own.count
            let next = place + 1 < deferred.count ? deferred[place + 1].offset : bytes.count
            spliced += bytes[item.offset..<next]
        }
        while shape == .keyed, entry < sink.output.entries.count {
            sink.output.entries[entry].key += shift
            sink.output.entries[entry].value += shift
            entry += 1
        }
        sink.output.bytes = spliced
        deferred = []
        try sink.output.checkSize(0)
    }
}
