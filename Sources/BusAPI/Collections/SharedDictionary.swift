// Part of objbus. SPDX-License-Identifier: Apache-2.0

import OrderedCollections

/// One entry of a shared dictionary.
public struct SharedEntry<Key: Codable & Hashable & Sendable, Element: Codable & Sendable>:
    Codable, Sendable
{
    /// The key.
    public let key: Key
    /// Its value.
    public let value: Element
}

extension SharedEntry: Equatable where Element: Equatable {}

/// A dictionary that lives in one process and is used by many; see `SharedList`.
///
/// ```swift
/// let ages = bus.dictionary(["ada": 36])
/// try await ages.set(37, for: "ada")
/// let age = try await ages["ada"]
/// ```
///
/// The order in which it is gone through is that in which keys were added.
public struct SharedDictionary<Key: Codable & Hashable & Sendable, Element: Codable & Sendable>:
    Sendable, Hashable, ObjectReference
{
    let handle: SharedHandle<DictionaryHost<Key, Element>>

    init(_ handle: SharedHandle<DictionaryHost<Key, Element>>) {
        self.handle = handle
    }

    /// The dictionary as an object without types.
    public var object: RemoteObject { self.handle.object }

    /// Says that an object is such a dictionary; if not, calls fail.
    public init(_ object: RemoteObject) {
        self.init(SharedHandle(object))
    }

    /// How many entries there are.
    public var count: Int {
        get async throws { try await self.handle.perform("count()") { $0.entries.count } }
    }

    /// Whether there are no entries.
    public var isEmpty: Bool { get async throws { try await self.count == 0 } }

    /// The value of a key; nil if there is none.
    public subscript(key: Key) -> Element? {
        get async throws {
            try await self.handle.perform("value(for:)", [key]) { $0.entries[key] }
        }
    }

    /// Sets the value of a key and returns the former one; throws `BusError` of kind `overloaded`
    /// when the dictionary is full.
    @discardableResult
    public func set(_ value: Element, for key: Key) async throws -> Element? {
        try await self.handle.perform("setValue(_:for:)", [value, key]) {
            try $0.setValue(value, for: key)
        }
    }

    /// Removes a key and returns its value.
    @discardableResult
    public func removeValue(for key: Key) async throws -> Element? {
        try await self.handle.perform("removeValue(for:)", [key]) { $0.removeValue(for: key) }
    }

    /// Removes all entries.
    public func removeAll() async throws {
        let _: NoResult = try await self.handle.perform("removeAll()") {
            $0.removeAll()
            return NoResult()
        }
    }

    /// Whether there is an entry for a key.
    public func contains(key: Key) async throws -> Bool {
        try await self.handle.perform("contains(key:)", [key]) { $0.entries[key] != nil }
    }

    /// All keys.
    public var keys: [Key] {
        get async throws { try await self.handle.perform("keys()") { Array($0.entries.keys) } }
    }

    /// All values.
    public var values: [Element] {
        get async throws { try await self.handle.perform("values()") { Array($0.entries.values) } }
    }

    /// The entries at these places, cut at the end; at most `SharedLimits.sliceMax`.
    public func slice(_ range: Range<Int>) async throws -> [SharedEntry<Key, Element>] {
        let (start, end) = (range.lowerBound, range.upperBound)
        return try await self.handle.perform("slice(from:to:)", [start, end]) {
            try $0.slice(from: start, to: end)
        }
    }

    /// All entries as a value.
    public func copy() async throws -> [Key: Element] {
        try await self.handle.perform("copy()") { $0.copy() }
    }

    /// The same dictionary with calls that may take at most `deadline`; see `RemoteObject`.
    public func with(deadline: Duration) -> Self {
        Self(self.handle.with(self.object.with(deadline: deadline)))
    }
}

extension SharedDictionary where Element: Equatable {
    /// Whether the entries are these.
    public func equals(_ entries: [Key: Element]) async throws -> Bool {
        try await self.handle.perform("equals(_:)", [entries]) { try $0.equals(entries) }
    }
}

extension SharedDictionary: AsyncSequence {
    /// Goes through the dictionary with `SharedLimits.chunk` entries at a time.
    public func makeAsyncIterator() -> SharedIterator<SharedEntry<Key, Element>> {
        self.elements().makeAsyncIterator()
    }

    /// Goes through the dictionary with `chunk` entries at a time, and never holds more.
    public func elements(
        chunk: Int = SharedLimits.chunk
    ) -> SharedElements<SharedEntry<Key, Element>> {
        SharedElements(chunk: chunk) {
            let one = SharedDictionary(self.handle.ofOneReplica)
            return { try await one.slice($0) }
        }
    }
}

extension SharedDictionary: Codable {
    /// Crosses as the reference that it is.
    public func encode(to encoder: any Encoder) throws { try self.object.encode(to: encoder) }

    /// Takes a reference out of a message.
    public init(from decoder: any Decoder) throws { self.init(try RemoteObject(from: decoder)) }
}

extension Bus {
    /// Makes a dictionary in this process that can be handed out.
    ///
    /// - Parameter elementsMax: how far others can make it grow.
    public func dictionary<Key: Codable & Hashable & Sendable, Element: Codable & Sendable>(
        _ elements: [Key: Element] = [:], max elementsMax: Int = SharedLimits.elementsMax
    ) -> SharedDictionary<Key, Element> {
        SharedDictionary(
            SharedHandle(DictionaryHost(elements, max: elementsMax, actorSystem: self)))
    }
}
