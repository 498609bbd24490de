// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusWire
import Distributed

/// What stands for a shared collection: a reference, and the host itself where that lives here.
struct SharedHandle<Host: BusObjectProtocol>: Sendable, Hashable {
    let object: RemoteObject
    /// A host of this process lives while it is mentioned here.
    private let kept: Host?

    init(_ host: Host) {
        self.object = RemoteObject(host.id, host.actorSystem)
        self.kept = host
    }

    init(_ object: RemoteObject) {
        self.object = object
        self.kept = object.local(as: Host.self)
    }

    private init(_ object: RemoteObject, keeping kept: Host?) {
        (self.object, self.kept) = (object, kept)
    }

    func with(_ object: RemoteObject) -> Self { Self(object, keeping: self.kept) }

    /// The same collection; of several replicas one.
    var ofOneReplica: Self { self.object.id.isOfGroup ? self.with(self.object.pinned) : self }

    /// Does the same at the host, in this process or by a call.
    func perform<Outcome: Codable & Sendable>(
        _ method: String, _ arguments: [any Encodable & Sendable] = [],
        _ here: @Sendable (isolated Host) throws -> Outcome
    ) async throws -> Outcome {
        let outcome = try await self.kept?.whenLocal { (host: isolated Host) in try here(host) }
        if let outcome { return outcome }
        return try await self.object.call(method, arguments)
    }

    static func == (left: Self, right: Self) -> Bool { left.object == right.object }

    func hash(into hasher: inout Hasher) { hasher.combine(self.object) }
}

/// Bounds of shared collections, which peers can make grow.
public enum SharedLimits {
    /// Elements that a collection has at most unless its maker says otherwise; one more is refused
    /// as `overloaded`. A million numbers take some 16 MB.
    public static let elementsMax = 1_000_000
    /// Elements that one message brings at most; larger slices are refused as `invalid`.
    public static let sliceMax = 65_536
    /// Elements that an iteration asks for at a time unless told otherwise.
    public static let chunk = 256
}

/// Whether two elements are equal; throws `invalid` for types that can't be compared.
func isEqual<Element>(_ left: Element, _ right: Element) throws -> Bool {
    func compare<Left: Equatable>(_ left: Left) -> Bool { (right as? Left) == left }
    guard let left = left as? any Equatable else {
        throw BusError(.invalid, "elements of type \(Element.self) can't be compared")
    }
    return compare(left)
}

/// Refuses growth beyond a bound.
func checkRoom(_ count: Int, adding: Int, max: Int) throws {
    guard count + adding <= max else {
        throw BusError(.overloaded, "the collection takes \(max) elements at most")
    }
}

/// Elements of an ordered collection between two positions, cut at its end.
func slice<Elements: RandomAccessCollection>(
    _ elements: Elements, from start: Int, to end: Int
) throws -> [Elements.Element] where Elements.Index == Int {
    guard start >= 0, start <= end, end - start <= SharedLimits.sliceMax else {
        throw BusError(
            .invalid, "from \(start) to \(end) is no slice of at most \(SharedLimits.sliceMax)")
    }
    let count = elements.count
    return Array(elements[min(start, count)..<min(end, count)])
}
