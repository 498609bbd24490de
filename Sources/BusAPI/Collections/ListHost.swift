// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// A list that lives in this process and is used by others.
distributed actor ListHost<Element: Codable & Sendable>: SelfDescribing {
    typealias ActorSystem = Bus

    private(set) var elements: [Element]
    private let elementsMax: Int

    init(_ elements: [Element], max elementsMax: Int, actorSystem: Bus) {
        self.elements = elements
        self.elementsMax = elementsMax
        self.actorSystem = actorSystem
    }

    func element(at index: Int) throws -> Element {
        try self.check(index, within: self.elements.indices)
        return self.elements[index]
    }

    func setElement(_ element: Element, at index: Int) throws {
        try self.check(index, within: self.elements.indices)
        self.elements[index] = element
    }

    func append(contentsOf added: [Element]) throws {
        try checkRoom(self.elements.count, adding: added.count, max: self.elementsMax)
        self.elements += added
    }

    func insert(_ element: Element, at index: Int) throws {
        try self.check(index, within: 0..<self.elements.count + 1)
        try checkRoom(self.elements.count, adding: 1, max: self.elementsMax)
        self.elements.insert(element, at: index)
    }

    func remove(at index: Int) throws -> Element {
        try self.check(index, within: self.elements.indices)
        return self.elements.remove(at: index)
    }

    func removeAll() { self.elements = [] }

    func firstIndex(of element: Element) throws -> Int? {
        try self.elements.firstIndex { try isEqual($0, element) }
    }

    func equals(_ others: [Element]) throws -> Bool {
        guard others.count == self.elements.count else { return false }
        return try zip(self.elements, others).allSatisfy { try isEqual($0, $1) }
    }

    func slice(from start: Int, to end: Int) throws -> [Element] {
        try BusAPI.slice(self.elements, from: start, to: end)
    }

    private func check(_ index: Int, within range: Range<Int>) throws {
        guard range.contains(index) else {
            throw BusError(.invalid, "\(index) is no index of a list of \(self.elements.count)")
        }
    }

    nonisolated func ownInterface() async -> Interface? {
        let element = "\(Element.self)"
        return Interface(
            name: "SharedList<\(element)>", documentation: "A list that many may use.",
            methods: [
                .init(name: "count()", returns: "Int", documentation: "How many elements."),
                .reading(
                    "element(at:)", [.labelled("at", "index", "Int")], element,
                    "One element; invalid beyond the end."),
                .changing(
                    "setElement(_:at:)",
                    [.plain("element", element), .labelled("at", "index", "Int")],
                    "Replaces an element."),
                .changing("append(_:)", [.plain("element", element)], "Adds at the end."),
                .changing(
                    "append(contentsOf:)", [.labelled("contentsOf", "elements", "[\(element)]")],
                    "Adds several at the end."),
                .changing(
                    "insert(_:at:)",
                    [.plain("element", element), .labelled("at", "index", "Int")],
                    "Adds before an index."),
                .reading(
                    "remove(at:)", [.labelled("at", "index", "Int")], element,
                    "Removes an element and returns it."),
                .init(name: "removeAll()", documentation: "Removes all elements."),
                .reading("contains(_:)", [.plain("element", element)], "Bool", "Whether it is in."),
                .reading(
                    "firstIndex(of:)", [.labelled("of", "element", element)], "Int?",
                    "Where it is first, null if nowhere."),
                .reading(
                    "slice(from:to:)",
                    [.labelled("from", "start", "Int"), .labelled("to", "end", "Int")],
                    "[\(element)]", "The elements of a range, cut at the list's end."),
                .reading(
                    "equals(_:)", [.plain("elements", "[\(element)]")], "Bool",
                    "Whether the elements are these."),
                .init(
                    name: "copy()", returns: "[\(element)]",
                    documentation: "All elements as a value."),
            ])
    }

    static func busDispatchSync(
        _ call: IncomingCall, on object: isolated ListHost<Element>
    ) throws -> CallResult? {
        switch call.method {
        case "count()": return try call.result(object.elements.count)
        case "element(at:)":
            return try call.result(object.element(at: try call.arguments(as: Int.self)))
        case "setElement(_:at:)":
            let (element, index) = try call.arguments(as: Element.self, Int.self)
            try object.setElement(element, at: index)
        case "append(_:)":
            try object.append(contentsOf: [try call.arguments(as: Element.self)])
        case "append(contentsOf:)":
            try object.append(contentsOf: try call.arguments(as: [Element].self))
        case "insert(_:at:)":
            let (element, index) = try call.arguments(as: Element.self, Int.self)
            try object.insert(element, at: index)
        case "remove(at:)":
            return try call.result(object.remove(at: try call.arguments(as: Int.self)))
        case "removeAll()": object.removeAll()
        case "contains(_:)":
            let element = try call.arguments(as: Element.self)
            return try call.result(object.firstIndex(of: element) != nil)
        case "firstIndex(of:)":
            let element = try call.arguments(as: Element.self)
            return try call.result(object.firstIndex(of: element))
        case "slice(from:to:)":
            let (start, end) = try call.arguments(as: Int.self, Int.self)
            return try call.result(object.slice(from: start, to: end))
        case "equals(_:)":
            return try call.result(object.equals(try call.arguments(as: [Element].self)))
        case "copy()": return try call.result(object.elements)
        default: return nil
        }
        return call.result()
    }
}

extension Interface.Parameter {
    /// Without a label.
    static func plain(_ name: String, _ type: String) -> Self {
        Self(label: "_", name: name, type: type)
    }

    static func labelled(_ label: String, _ name: String, _ type: String) -> Self {
        Self(label: label, name: name, type: type)
    }
}

extension Interface.Method {
    /// With a result.
    static func reading(
        _ name: String, _ parameters: [Interface.Parameter], _ returns: String, _ text: String
    ) -> Self {
        Self(
            name: name, parameters: parameters, returns: returns, documentation: text,
            throwsErrors: "any Error")
    }

    /// Without a result.
    static func changing(
        _ name: String, _ parameters: [Interface.Parameter], _ text: String
    ) -> Self {
        .reading(name, parameters, "Void", text)
    }
}
