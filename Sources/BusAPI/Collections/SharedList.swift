// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// A list that lives in one process and is used by many.
///
/// ```swift
/// let list = bus.list([1, 2, 3])                    // here
/// try await list.append(contentsOf: [1, 1, 1])      // there, or here
/// for try await number in list { print(number) }    // some hundred at a time
/// let numbers = try await list.copy()               // a plain array, which is a value
/// ```
///
/// Crosses the bus as a reference; a plain array crosses as a value. Each use is one call of the
/// list's process, or none where that is this one. Two lists are equal if they are the same one.
/// The list lives while this value does, or somebody holds it.
public struct SharedList<Element: Codable & Sendable>: Sendable, Hashable, ObjectReference {
    let handle: SharedHandle<ListHost<Element>>

    init(_ handle: SharedHandle<ListHost<Element>>) {
        self.handle = handle
    }

    /// The list as an object without types.
    public var object: RemoteObject { self.handle.object }

    /// Says that an object is a list of such elements; if not, calls fail.
    public init(_ object: RemoteObject) {
        self.init(SharedHandle(object))
    }

    /// How many elements there are.
    public var count: Int {
        get async throws { try await self.handle.perform("count()") { $0.elements.count } }
    }

    /// Whether there are no elements.
    public var isEmpty: Bool { get async throws { try await self.count == 0 } }

    /// One element; throws `BusError` of kind `invalid` beyond the end.
    public subscript(index: Int) -> Element {
        get async throws {
            try await self.handle.perform("element(at:)", [index]) { try $0.element(at: index) }
        }
    }

    /// Replaces an element; throws `BusError` of kind `invalid` beyond the end.
    public func set(_ element: Element, at index: Int) async throws {
        let _: NoResult = try await self.handle.perform("setElement(_:at:)", [element, index]) {
            try $0.setElement(element, at: index)
            return NoResult()
        }
    }

    /// Adds an element at the end; throws `BusError` of kind `overloaded` when the list is full.
    public func append(_ element: Element) async throws {
        let _: NoResult = try await self.handle.perform("append(_:)", [element]) {
            try $0.append(contentsOf: [element])
            return NoResult()
        }
    }

    /// Adds elements at the end, all or none.
    public func append(contentsOf elements: [Element]) async throws {
        let _: NoResult = try await self.handle.perform("append(contentsOf:)", [elements]) {
            try $0.append(contentsOf: elements)
            return NoResult()
        }
    }

    /// Adds an element before `index`, which may be the end.
    public func insert(_ element: Element, at index: Int) async throws {
        let _: NoResult = try await self.handle.perform("insert(_:at:)", [element, index]) {
            try $0.insert(element, at: index)
            return NoResult()
        }
    }

    /// Removes an element and returns it.
    @discardableResult
    public func remove(at index: Int) async throws -> Element {
        try await self.handle.perform("remove(at:)", [index]) { try $0.remove(at: index) }
    }

    /// Removes all elements.
    public func removeAll() async throws {
        let _: NoResult = try await self.handle.perform("removeAll()") {
            $0.removeAll()
            return NoResult()
        }
    }

    /// The elements of a range, cut at the list's end; at most `SharedLimits.sliceMax`.
    public func slice(_ range: Range<Int>) async throws -> [Element] {
        let (start, end) = (range.lowerBound, range.upperBound)
        return try await self.handle.perform("slice(from:to:)", [start, end]) {
            try $0.slice(from: start, to: end)
        }
    }

    /// All elements as a value.
    public func copy() async throws -> [Element] {
        try await self.handle.perform("copy()") { $0.elements }
    }

    /// The same list with calls that may take at most `deadline`; see `RemoteObject`.
    public func with(deadline: Duration) -> Self {
        Self(self.handle.with(self.object.with(deadline: deadline)))
    }
}

extension SharedList where Element: Equatable {
    /// Whether the list has such an element.
    public func contains(_ element: Element) async throws -> Bool {
        try await self.firstIndex(of: element) != nil
    }

    /// Where such an element is first; nil if nowhere.
    public func firstIndex(of element: Element) async throws -> Int? {
        try await self.handle.perform("firstIndex(of:)", [element]) {
            try $0.firstIndex(of: element)
        }
    }

    /// Whether the elements are these, in this order.
    public func equals(_ elements: [Element]) async throws -> Bool {
        try await self.handle.perform("equals(_:)", [elements]) { try $0.equals(elements) }
    }
}

extension SharedList: AsyncSequence {
    /// Goes through the list with `SharedLimits.chunk` elements at a time.
    ///
    /// A list that changes meanwhile is seen as it is at each step: an element may be missed or
    /// come twice.
    public func makeAsyncIterator() -> SharedIterator<Element> {
        self.elements().makeAsyncIterator()
    }

    /// Goes through the list with `chunk` elements at a time, and never holds more.
    public func elements(chunk: Int = SharedLimits.chunk) -> SharedElements<Element> {
        SharedElements(chunk: chunk) {
            let one = SharedList(self.handle.ofOneReplica)
            return { try await one.slice($0) }
        }
    }
}

extension SharedList: Codable {
    /// Crosses as the reference that it is.
    public func encode(to encoder: any Encoder) throws { try self.object.encode(to: encoder) }

    /// Takes a reference out of a message.
    public init(from decoder: any Decoder) throws { self.init(try RemoteObject(from: decoder)) }
}

extension Bus {
    /// Makes a list in this process that can be handed out.
    ///
    /// - Parameter elementsMax: how far others can make it grow.
    public func list<Element: Codable & Sendable>(
        _ elements: [Element] = [], max elementsMax: Int = SharedLimits.elementsMax
    ) -> SharedList<Element> {
        SharedList(SharedHandle(ListHost(elements, max: elementsMax, actorSystem: self)))
    }
}
