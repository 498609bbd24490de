// Part of objbus. SPDX-License-Identifier: Apache-2.0

import OrderedCollections

/// A dictionary that lives in this process and is used by others; ordered, so that it can be gone
/// through in chunks.
distributed actor DictionaryHost<Key: Codable & Hashable & Sendable, Element: Codable & Sendable>:
    SelfDescribing
{
    typealias ActorSystem = Bus
    typealias Entry = SharedEntry<Key, Element>

    private(set) var entries: OrderedDictionary<Key, Element>
    private let elementsMax: Int

    init(_ elements: [Key: Element], max elementsMax: Int, actorSystem: Bus) {
        self.entries = OrderedDictionary(uniqueKeysWithValues: elements.map { ($0, $1) })
        self.elementsMax = elementsMax
        self.actorSystem = actorSystem
    }

    func setValue(_ value: Element, for key: Key) throws -> Element? {
        if self.entries[key] == nil {
            try checkRoom(self.entries.count, adding: 1, max: self.elementsMax)
        }
        return self.entries.updateValue(value, forKey: key)
    }

    func removeValue(for key: Key) -> Element? { self.entries.removeValue(forKey: key) }

    func removeAll() { self.entries = [:] }

    func slice(from start: Int, to end: Int) throws -> [Entry] {
        try BusAPI.slice(self.entries.elements, from: start, to: end)
            .map { Entry(key: $0.key, value: $0.value) }
    }

    func copy() -> [Key: Element] {
        Dictionary(uniqueKeysWithValues: self.entries.elements.map { ($0.key, $0.value) })
    }

    func equals(_ others: [Key: Element]) throws -> Bool {
        guard others.count == self.entries.count else { return false }
        return try others.allSatisfy { key, value in
            guard let own = self.entries[key] else { return false }
            return try isEqual(own, value)
        }
    }

    nonisolated func ownInterface() async -> Interface? {
        let (key, value) = ("\(Key.self)", "\(Element.self)")
        let range: [Interface.Parameter] = [
            .labelled("from", "start", "Int"), .labelled("to", "end", "Int"),
        ]
        return Interface(
            name: "SharedDictionary<\(key), \(value)>",
            documentation: "A dictionary that many may use.",
            methods: [
                .init(name: "count()", returns: "Int", documentation: "How many entries."),
                .reading(
                    "value(for:)", [.labelled("for", "key", key)], "\(value)?",
                    "The value of a key, null if there is none."),
                .reading(
                    "setValue(_:for:)", [.plain("value", value), .labelled("for", "key", key)],
                    "\(value)?", "Sets the value of a key and returns the former one."),
                .reading(
                    "removeValue(for:)", [.labelled("for", "key", key)], "\(value)?",
                    "Removes a key and returns its value."),
                .init(name: "removeAll()", documentation: "Removes all entries."),
                .reading(
                    "contains(key:)", [.labelled("key", "key", key)], "Bool", "Whether it is in."),
                .init(name: "keys()", returns: "[\(key)]", documentation: "All keys."),
                .init(name: "values()", returns: "[\(value)]", documentation: "All values."),
                .reading(
                    "slice(from:to:)", range, "[SharedEntry]",
                    "The entries at these places, in the order in which their keys were added."),
                .reading(
                    "equals(_:)", [.plain("entries", "[\(key): \(value)]")], "Bool",
                    "Whether the entries are these."),
                .init(
                    name: "copy()", returns: "[\(key): \(value)]",
                    documentation: "All entries as a value."),
            ])
    }

    static func busDispatchSync(
        _ call: IncomingCall, on object: isolated DictionaryHost<Key, Element>
    ) throws -> CallResult? {
        switch call.method {
        case "count()": return try call.result(object.entries.count)
        case "value(for:)":
            return try call.result(object.entries[try call.arguments(as: Key.self)])
        case "setValue(_:for:)":
            let (value, key) = try call.arguments(as: Element.self, Key.self)
            return try call.result(object.setValue(value, for: key))
        case "removeValue(for:)":
            return try call.result(object.removeValue(for: try call.arguments(as: Key.self)))
        case "removeAll()":
            object.removeAll()
            return call.result()
        case "contains(key:)":
            return try call.result(object.entries[try call.arguments(as: Key.self)] != nil)
        case "keys()": return try call.result(Array(object.entries.keys))
        case "values()": return try call.result(Array(object.entries.values))
        case "slice(from:to:)":
            let (start, end) = try call.arguments(as: Int.self, Int.self)
            return try call.result(object.slice(from: start, to: end))
        case "equals(_:)":
            return try call.result(object.equals(try call.arguments(as: [Key: Element].self)))
        case "copy()": return try call.result(object.copy())
        default: return nil
        }
    }
}
