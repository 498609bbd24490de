// Part of objbus. SPDX-License-Identifier: Apache-2.0

public import BusValue
import BusWire
import Distributed

/// An object on the bus for threads that may block.
///
/// ```swift
/// let counter = try blocking.object(named: "counter")
/// let total: Int = try counter.add(3)
/// ```
///
/// Method and labels are written as in Swift; the result's type comes from the context. Where it
/// may be called is said at `BlockingBus`. Crosses the bus as the reference that it is.
@dynamicMemberLookup
@dynamicCallable
public struct BlockingObject: Sendable, Hashable, Codable {
    /// The object for async code.
    public let remote: RemoteObject
    /// An object of this process that lives while it is mentioned here.
    private let kept: (any DistributedActor)?

    /// Lets threads that block call `remote`.
    public init(_ remote: RemoteObject) {
        self.init(remote, keeping: nil)
    }

    init(_ remote: RemoteObject, keeping kept: (any DistributedActor)?) {
        self.remote = remote
        self.kept = kept
    }

    /// A method of the object.
    public subscript(dynamicMember member: String) -> BlockingMethod {
        BlockingMethod(object: self, base: member)
    }

    /// Reads a property of the object, or calls a method without parameters.
    public func get<Property: Decodable & Sendable>(
        _ property: String, as type: Property.Type = Property.self
    ) throws -> Property {
        try self.call("\(property)()")
    }

    /// Writes a property of the object.
    public func set(_ property: String, to value: any Encodable & Sendable) throws {
        let remote = self.remote
        try remote.bus.wait { try await remote.set(property, to: value) }
    }

    /// Calls an object that is a function, or has a method `callAsFunction`.
    public func dynamicallyCall<Result: Decodable & Sendable>(
        withKeywordArguments arguments: KeyValuePairs<String, any Encodable & Sendable>
    ) throws -> Result {
        try BlockingMethod(object: self, base: "callAsFunction")
            .dynamicallyCall(withKeywordArguments: arguments)
    }

    /// Calls an object that is a function; the result is whatever value came, or null.
    @discardableResult
    public func dynamicallyCall(
        withKeywordArguments arguments: KeyValuePairs<String, any Encodable & Sendable>
    ) throws -> Value {
        try BlockingMethod(object: self, base: "callAsFunction")
            .dynamicallyCall(withKeywordArguments: arguments)
    }

    /// The same object with calls that may take at most `deadline`; see `RemoteObject`.
    public func with(deadline: Duration) -> BlockingObject {
        BlockingObject(self.remote.with(deadline: deadline), keeping: self.kept)
    }

    /// The same object with calls that nobody waits for; see `RemoteObject`.
    public var oneway: BlockingObject {
        BlockingObject(self.remote.oneway, keeping: self.kept)
    }

    /// The same object without its name, one of several replicas; see `RemoteObject`.
    public var pinned: BlockingObject { BlockingObject(self.remote.pinned, keeping: self.kept) }

    /// The same object with calls that may run twice; see `RemoteObject`.
    public var idempotent: BlockingObject {
        BlockingObject(self.remote.idempotent, keeping: self.kept)
    }

    /// The same object with calls that wait when they are refused `overloaded`, or fail; see
    /// `RemoteObject`.
    public func with(overload: Bus.OverloadPolicy) -> BlockingObject {
        BlockingObject(self.remote.with(overload: overload), keeping: self.kept)
    }

    /// Another word for `idempotent`.
    public var retrying: BlockingObject { self.idempotent }

    /// Calls a method by its full name, `transfer(_:to:)`.
    ///
    /// - Throws: what the object threw, or `BusError`; of kind `invalid` where blocking is not
    ///   allowed.
    public func call<Result: Decodable & Sendable>(
        _ method: String, _ arguments: [any Encodable & Sendable] = [],
        returning type: Result.Type = Result.self
    ) throws -> Result {
        let remote = self.remote
        return try remote.bus.wait {
            try await remote.call(method, arguments, returning: type)
        }
    }

    /// What the object can do.
    public func interface() throws -> Interface {
        let remote = self.remote
        return try remote.bus.wait { try await remote.interface() }
    }

    /// One round trip to the object's node.
    public func ping() throws {
        let remote = self.remote
        try remote.bus.wait { try await remote.ping() }
    }

    /// Whether both name the same object.
    public static func == (left: BlockingObject, right: BlockingObject) -> Bool {
        left.remote == right.remote
    }

    /// Hashes the object named.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(self.remote)
    }

    /// Crosses as the reference that it is.
    public func encode(to encoder: any Encoder) throws {
        try self.remote.encode(to: encoder)
    }

    /// Takes a reference out of a message, whatever its type.
    public init(from decoder: any Decoder) throws {
        self.init(try RemoteObject(from: decoder))
    }
}

/// A method of a `BlockingObject`, ready to be called.
@dynamicCallable
public struct BlockingMethod: Sendable {
    let object: BlockingObject
    let base: String

    /// Calls the method and decodes its result as the context wants it.
    public func dynamicallyCall<Result: Decodable & Sendable>(
        withKeywordArguments arguments: KeyValuePairs<String, any Encodable & Sendable>
    ) throws -> Result {
        try self.object.call(
            MethodName.full(self.base, labels: arguments), arguments.map(\.value))
    }

    /// Calls the method; the result is whatever value came, or null.
    @discardableResult
    public func dynamicallyCall(
        withKeywordArguments arguments: KeyValuePairs<String, any Encodable & Sendable>
    ) throws -> Value {
        try self.object.call(
            MethodName.full(self.base, labels: arguments), arguments.map(\.value),
            returning: Value.self)
    }
}
