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
        entryBase = place.sink.entries.count
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
        if let failure = sink.failure { throw failure }
        guard sink.active == serial else { throw invalid("the encoder is not active any more") }
    }

    // MARK: Items

    /// Appends one entry of a map.
    func put<T: Encodable>(_ value: T, key: any CodingKey) throws {
        try checkActive()
        let mark = (sink.output.bytes.count, sink.output.buffers.count, sink.entries.count)
        do {
            try putKey(key)
            try inner(key).encode(value)
        } catch {
            sink.rewind(bytes: mark.0, buffers: mark.1, entries: mark.2)
            throw error
        }
    }

    /// Appends one element of an array.
    func put<T: Encodable>(_ value: T) throws {
        try checkActive()
        let mark = (sink.output.bytes.count, sink.output.buffers.count, sink.entries.count)
        do {
            try inner(PathKey(index: count)).encode(value)
        } catch {
            sink.rewind(bytes: mark.0, buffers: mark.1, entries: mark.2)
            throw error
        }
        count += 1
    }

    /// Writes the only item of a single-value container.
    func putSingle<T: Encodable>(_ value: T) throws {
        try checkActive()
        guard count == 0 else { throw invalid("a second value in a single-value container") }
        try place.encode(value)
        count = 1
    }

    private func putKey(_ key: any CodingKey) throws {
        let start = sink.output.bytes.count
        do {
            try sink.output.admit()
            try sink.output.text(key.stringValue)
        } catch {
            throw EncodingError.invalidValue(
                key.stringValue,
                .init(
                    codingPath: codingPath, debugDescription: error.message,
                    underlyingError: error))
        }
        sink.entries.append(.init(key: start, value: sink.output.bytes.count))
    }

    private func inner(_ key: any CodingKey) -> EncodingPlace {
        EncodingPlace(sink: sink, parent: self, key: key, depth: place.depth + 1)
    }

    /// Makes the encoder of an entry or element that is filled in by hand.
    func deferredEncoder(key: (any CodingKey)?) -> ItemEncoder {
        do {
            try checkActive()
            if let key { try putKey(key) }
        } catch {
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
                offset: sink.output.bytes.count, entry: sink.entries.count - 1,
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
            close(.map, count: sortEntries())
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

    /// Puts the entries in the order of their keys, of equal keys the last; gives their number.
    private func sortEntries() -> Int {
        let entries = sink.entries[entryBase...]
        defer { sink.entries.removeLast(entries.count) }
        let keys = entries.map { $0.key..<$0.value }
        if sink.areOrdered(keys) { return keys.count }
        let content = start + 1
        var ends = entries.dropFirst().map(\.key)
        ends.append(sink.output.bytes.count)
        let order = sink.order(of: keys)
        var kept: [Int] = []
        kept.reserveCapacity(order.count)
        for index in order {
            if let last = kept.last, sink.areEqual(keys[last], keys[index]) { kept.removeLast() }
            kept.append(index)
        }
        let unordered = Array(sink.output.bytes[content...])
        sink.output.bytes.removeLast(unordered.count)
        for index in kept {
            let range = keys[index].lowerBound - content..<ends[index] - content
            sink.output.bytes.append(contentsOf: unordered[range])
        }
        return kept.count
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
                sink.entries[entry].key += shift
                sink.entries[entry].value += shift
                entry += 1
            }
            let own = item.encoder.sink.output.bytes
            spliced += own
            shift += own.count
            let next = place + 1 < deferred.count ? deferred[place + 1].offset : bytes.count
            spliced += bytes[item.offset..<next]
        }
        while shape == .keyed, entry < sink.entries.count {
            sink.entries[entry].key += shift
            sink.entries[entry].value += shift
            entry += 1
        }
        sink.output.bytes = spliced
        deferred = []
        try sink.output.checkSize(0)
    }
}
