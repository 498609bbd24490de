// Part of objbus. SPDX-License-Identifier: Apache-2.0

import OrderedCollections

/// A set that lives in this process and is used by others; ordered, so that it can be gone
/// through in chunks.
distributed actor SetHost<Element: Codable & Hashable & Sendable>: SelfDescribing {
    typealias ActorSystem = Bus

    private(set) var members: OrderedSet<Element>
    private let elementsMax: Int

    init(_ members: Set<Element>, max elementsMax: Int, actorSystem: Bus) {
        self.members = OrderedSet(members)
        self.elementsMax = elementsMax
        self.actorSystem = actorSystem
    }

    func insert(_ member: Element) throws -> Bool {
        guard !self.members.contains(member) else { return false }
        try checkRoom(self.members.count, adding: 1, max: self.elementsMax)
        return self.members.append(member).inserted
    }

    func remove(_ member: Element) -> Bool { self.members.remove(member) != nil }

    func removeAll() { self.members = [] }

    func slice(from start: Int, to end: Int) throws -> [Element] {
        try BusAPI.slice(self.members.elements, from: start, to: end)
    }

    nonisolated func ownInterface() async -> Interface? {
        let element = "\(Element.self)"
        let member: [Interface.Parameter] = [.plain("member", element)]
        return Interface(
            name: "SharedSet<\(element)>", documentation: "A set that many may use.",
            methods: [
                .init(name: "count()", returns: "Int", documentation: "How many members."),
                .reading("contains(_:)", member, "Bool", "Whether it is in."),
                .reading("insert(_:)", member, "Bool", "Adds it; false if it was in already."),
                .reading("remove(_:)", member, "Bool", "Removes it; false if it was not in."),
                .init(name: "removeAll()", documentation: "Removes all members."),
                .reading(
                    "slice(from:to:)",
                    [.labelled("from", "start", "Int"), .labelled("to", "end", "Int")],
                    "[\(element)]", "The members at these places, in the order of insertion."),
                .reading(
                    "equals(_:)", [.plain("members", "Set<\(element)>")], "Bool",
                    "Whether the members are these."),
                .init(
                    name: "copy()", returns: "Set<\(element)>",
                    documentation: "All members as a value."),
            ])
    }

    static func busDispatchSync(
        _ call: IncomingCall, on object: isolated SetHost<Element>
    ) throws -> CallResult? {
        switch call.method {
        case "count()": return try call.result(object.members.count)
        case "contains(_:)":
            return try call.result(object.members.contains(try call.arguments(as: Element.self)))
        case "insert(_:)":
            return try call.result(object.insert(try call.arguments(as: Element.self)))
        case "remove(_:)":
            return try call.result(object.remove(try call.arguments(as: Element.self)))
        case "removeAll()":
            object.removeAll()
            return call.result()
        case "slice(from:to:)":
            let (start, end) = try call.arguments(as: Int.self, Int.self)
            return try call.result(object.slice(from: start, to: end))
        case "equals(_:)":
            let members = try call.arguments(as: Set<Element>.self)
            return try call.result(members == Set(object.members))
        case "copy()": return try call.result(Set(object.members))
        default: return nil
        }
    }
}
