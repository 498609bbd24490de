// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusNodeCore
public import BusValue
import BusWire

/// An object on the bus for callers that don't have its type.
///
/// ```swift
/// let remote = try await bus.object(named: "counter")
/// let total: Int = try await remote.add(3)
/// let accounts: Value = try await remote.accounts(of: "ada")
/// ```
///
/// Method and labels are written as in Swift; the result's type comes from the context. A property
/// is read without parentheses, `try await remote.total`, and an object that is a function is
/// called like one, `try await remote(2, 3)`. Crosses the bus as the reference that it is.
@dynamicMemberLookup
@dynamicCallable
public struct RemoteObject: Sendable, Hashable {
    /// What keeps the object held.
    public let id: HeldReference
    let bus: Bus

    init(_ id: HeldReference, _ bus: Bus) {
        self.id = id
        self.bus = bus
    }

    /// A method of the object.
    public subscript(dynamicMember member: String) -> RemoteMethod {
        RemoteMethod(object: self, base: member)
    }

    /// Reads a property of the object, or calls a method without parameters.
    public subscript<Property: Decodable & Sendable>(dynamicMember member: String) -> Property {
        get async throws { try await self.call("\(member)()") }
    }

    /// Writes a property of the object: `try await remote.set("total", to: 5)`.
    public func set(_ property: String, to value: any Encodable & Sendable) async throws {
        let setter = "set" + property.prefix(1).uppercased() + property.dropFirst()
        let _: Value = try await self.call("\(setter)(_:)", [value])
    }

    /// Calls an object that is a function, or has a method `callAsFunction`.
    public func dynamicallyCall<Result: Decodable & Sendable>(
        withKeywordArguments arguments: KeyValuePairs<String, any Encodable & Sendable>
    ) async throws -> Result {
        try await RemoteMethod(object: self, base: "callAsFunction")
            .dynamicallyCall(withKeywordArguments: arguments)
    }

    /// Calls an object that is a function; the result is whatever value came, or null.
    @discardableResult
    public func dynamicallyCall(
        withKeywordArguments arguments: KeyValuePairs<String, any Encodable & Sendable>
    ) async throws -> Value {
        try await RemoteMethod(object: self, base: "callAsFunction")
            .dynamicallyCall(withKeywordArguments: arguments)
    }

    /// Calls a method by its full name, `transfer(_:to:)`.
    ///
    /// - Throws: what the object threw, or `BusError`.
    public func call<Result: Decodable & Sendable>(
        _ method: String, _ arguments: [any Encodable & Sendable] = [],
        returning type: Result.Type = Result.self
    ) async throws -> Result {
        try await self.send(method, try self.encode(method, arguments), returning: type)
    }

    /// Makes a call whose arguments are encoded already.
    func send<Result: Decodable & Sendable>(
        _ method: String, _ encoder: PayloadEncoder, returning type: Result.Type
    ) async throws -> Result {
        guard !self.id.options.isOneWay else {
            guard let nothing = (Value.null as? Result) ?? (NoResult() as? Result) else {
                throw BusError.noResult(of: method)
            }
            try await self.bus.callOneWay(self.id, method: method, encoder)
            return nothing
        }
        let reply = try await self.bus.call(self.id, method: method, encoder)
        return try self.bus.decode(type, from: reply)
    }

    /// What the object can do.
    public func interface() async throws -> Interface {
        try await self.call("$interface()")
    }

    /// One round trip to the object's node.
    public func ping() async throws {
        let _: Value = try await self.call("$ping()")
    }

    fileprivate func encode(
        _ method: String, _ arguments: some Collection<any Encodable & Sendable>
    ) throws -> PayloadEncoder {
        var encoder = PayloadEncoder(self.bus)
        encoder.append(byte: 0x80)
        for (index, argument) in arguments.enumerated() {
            do {
                try encoder.append(argument)
            } catch {
                throw BusError(
                    .invalid, "argument \(index + 1) of \(method): \(describe(error))")
            }
        }
        encoder.setArrayCount(arguments.count)
        return encoder
    }

    /// Whether both name the same object.
    public static func == (left: RemoteObject, right: RemoteObject) -> Bool {
        left.id == right.id
    }

    /// Hashes the object named.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(self.id)
    }
}

extension RemoteObject: Codable {
    /// Crosses as the reference that it is.
    public func encode(to encoder: any Encoder) throws {
        try self.id.encode(to: encoder)
    }

    /// Takes a reference out of a message, whatever its type.
    public init(from decoder: any Decoder) throws {
        guard let bus = decoder.userInfo[.actorSystemKey] as? Bus else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription: "a reference can only come over the bus"))
        }
        self.init(try HeldReference(from: decoder), bus)
    }
}

/// A method of a `RemoteObject`, ready to be called.
@dynamicCallable
public struct RemoteMethod: Sendable {
    let object: RemoteObject
    let base: String

    /// Calls the method and decodes its result as the context wants it.
    public func dynamicallyCall<Result: Decodable & Sendable>(
        withKeywordArguments arguments: KeyValuePairs<String, any Encodable & Sendable>
    ) async throws -> Result {
        let method = MethodName.full(self.base, labels: arguments)
        let encoder = try self.object.encode(method, arguments.lazy.map(\.value))
        return try await self.object.send(method, encoder, returning: Result.self)
    }

    /// Calls the method; the result is whatever value came, or null.
    @discardableResult
    public func dynamicallyCall(
        withKeywordArguments arguments: KeyValuePairs<String, any Encodable & Sendable>
    ) async throws -> Value {
        let method = MethodName.full(self.base, labels: arguments)
        let encoder = try self.object.encode(method, arguments.lazy.map(\.value))
        return try await self.object.send(method, encoder, returning: Value.self)
    }
}
