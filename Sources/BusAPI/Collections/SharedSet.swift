// Part of objbus. SPDX-License-Identifier: Apache-2.0

import OrderedCollections

/// A set that lives in one process and is used by many; see `SharedList`.
///
/// The order in which it is gone through is that of insertion.
public struct SharedSet<Element: Codable & Hashable & Sendable>:
    Sendable, Hashable, ObjectReference
{
    let handle: SharedHandle<SetHost<Element>>

    init(_ handle: SharedHandle<SetHost<Element>>) {
        self.handle = handle
    }

    /// The set as an object without types.
    public var object: RemoteObject { self.handle.object }

    /// Says that an object is a set of such members; if not, calls fail.
    public init(_ object: RemoteObject) {
        self.init(SharedHandle(object))
    }

    /// How many members there are.
    public var count: Int {
        get async throws { try await self.handle.perform("count()") { $0.members.count } }
    }

    /// Whether there are no members.
    public var isEmpty: Bool { get async throws { try await self.count == 0 } }

    /// Whether it is a member.
    public func contains(_ member: Element) async throws -> Bool {
        try await self.handle.perform("contains(_:)", [member]) { $0.members.contains(member) }
    }

    /// Adds a member; false if it was one already. Throws `BusError` of kind `overloaded` when the
    /// set is full.
    @discardableResult
    public func insert(_ member: Element) async throws -> Bool {
        try await self.handle.perform("insert(_:)", [member]) { try $0.insert(member) }
    }

    /// Removes a member; false if it was none.
    @discardableResult
    public func remove(_ member: Element) async throws -> Bool {
        try await self.handle.perform("remove(_:)", [member]) { $0.remove(member) }
    }

    /// Removes all members.
    public func removeAll() async throws {
        let _: NoResult = try await self.handle.perform("removeAll()") {
            $0.removeAll()
            return NoResult()
        }
    }

    /// Whether the members are these.
    public func equals(_ members: Set<Element>) async throws -> Bool {
        try await self.handle.perform("equals(_:)", [members]) { Set($0.members) == members }
    }

    /// The members at these places, cut at the end; at most `SharedLimits.sliceMax`.
    public func slice(_ range: Range<Int>) async throws -> [Element] {
        let (start, end) = (range.lowerBound, range.upperBound)
        return try await self.handle.perform("slice(from:to:)", [start, end]) {
            try $0.slice(from: start, to: end)
        }
    }

    /// All members as a value.
    public func copy() async throws -> Set<Element> {
        try await self.handle.perform("copy()") { Set($0.members) }
    }

    /// The same set with calls that may take at most `deadline`; see `RemoteObject`.
    public func with(deadline: Duration) -> Self {
        Self(self.handle.with(self.object.with(deadline: deadline)))
    }
}

extension SharedSet: AsyncSequence {
    /// Goes through the set with `SharedLimits.chunk` members at a time.
    public func makeAsyncIterator() -> SharedIterator<Element> {
        self.elements().makeAsyncIterator()
    }

    /// Goes through the set with `chunk` members at a time, and never holds more.
    public func elements(chunk: Int = SharedLimits.chunk) -> SharedElements<Element> {
        SharedElements(chunk: chunk) {
            let one = SharedSet(self.handle.ofOneReplica)
            return { try await one.slice($0) }
        }
    }
}

extension SharedSet: Codable {
    /// Crosses as the reference that it is.
    public func encode(to encoder: any Encoder) throws { try self.object.encode(to: encoder) }

    /// Takes a reference out of a message.
    public init(from decoder: any Decoder) throws { self.init(try RemoteObject(from: decoder)) }
}

extension Bus {
    /// Makes a set in this process that can be handed out.
    ///
    /// - Parameter elementsMax: how far others can make it grow.
    public func set<Element: Codable & Hashable & Sendable>(
        _ members: Set<Element> = [], max elementsMax: Int = SharedLimits.elementsMax
    ) -> SharedSet<Element> {
        SharedSet(SharedHandle(SetHost(members, max: elementsMax, actorSystem: self)))
    }
}
