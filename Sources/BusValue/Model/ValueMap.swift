// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// Values by key, kept in the order of the keys' encodings so that equal maps look alike.
///
/// Lookup is a binary search; one insertion moves the entries behind it, so build large maps whole.
public struct ValueMap: Sendable, Hashable {
    /// One key with its value.
    public struct Entry: Sendable, Hashable {
        /// What the value is found by.
        public let key: Value
        /// What is found.
        public var value: Value

        /// Makes an entry.
        public init(key: Value, value: Value) {
            self.key = key
            self.value = value
        }
    }

    /// The entries in the order of their keys' encodings.
    public private(set) var entries: [Entry]

    /// Makes an empty map.
    public init() {
        entries = []
    }

    /// Makes a map of pairs; of equal keys the last wins.
    public init(_ pairs: some Sequence<(Value, Value)>) {
        self.init(entries: pairs.map { Entry(key: $0.0, value: $0.1) })
    }

    /// Makes a map of entries; of equal keys the last wins.
    public init(entries: [Entry]) {
        self.entries = entries
        if ValueMap.isSorted(entries) { return }
        sort()
        var kept: [Entry] = []
        kept.reserveCapacity(entries.count)
        for entry in self.entries {
            if kept.last?.key == entry.key { kept.removeLast() }
            kept.append(entry)
        }
        self.entries = kept
    }

    /// Makes a map of entries, or nil when a key occurs twice.
    init?(distinct entries: [Entry]) {
        self.entries = entries
        if ValueMap.isSorted(entries) { return }
        sort()
        if !ValueMap.isSorted(self.entries) { return nil }
    }

    /// The value under a key; setting nil removes it.
    public subscript(key: Value) -> Value? {
        get {
            let place = position(of: key)
            return place.found ? entries[place.index].value : nil
        }
        set {
            let place = position(of: key)
            switch (newValue, place.found) {
            case (let value?, true): entries[place.index].value = value
            case (let value?, false):
                entries.insert(Entry(key: key, value: value), at: place.index)
            case (nil, true): entries.remove(at: place.index)
            case (nil, false): break
            }
        }
    }

    /// The keys in order.
    public var keys: [Value] { entries.map(\.key) }

    /// The values in the order of their keys.
    public var values: [Value] { entries.map(\.value) }

    /// Whether every key is text, so that the map can be a JSON object.
    var hasOnlyTextKeys: Bool {
        entries.allSatisfy { $0.key.kind == .string }
    }

    private func position(of key: Value) -> (index: Int, found: Bool) {
        binarySearch(count: entries.count) { Value.canonicalOrder(entries[$0].key, key) }
    }

    /// Sorts by key, entries of equal keys staying in their order.
    private mutating func sort() {
        let places = entries.indices.sorted { left, right in
            let order = Value.canonicalOrder(entries[left].key, entries[right].key)
            return order == 0 ? left < right : order < 0
        }
        entries = places.map { entries[$0] }
    }

    private static func isSorted(_ entries: [Entry]) -> Bool {
        zip(entries, entries.dropFirst()).allSatisfy {
            Value.canonicalOrder($0.key, $1.key) < 0
        }
    }
}

extension ValueMap: Sequence, ExpressibleByDictionaryLiteral {
    /// How many entries there are.
    public var count: Int { entries.count }

    /// Whether there are no entries.
    public var isEmpty: Bool { entries.isEmpty }

    /// The count.
    public var underestimatedCount: Int { entries.count }

    /// Goes through the entries in key order.
    public func makeIterator() -> IndexingIterator<[Entry]> {
        entries.makeIterator()
    }

    /// A map written out; of equal keys the last wins.
    public init(dictionaryLiteral elements: (Value, Value)...) {
        self.init(elements)
    }
}
