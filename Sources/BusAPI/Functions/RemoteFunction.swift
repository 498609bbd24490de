// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusWire

/// A function on the bus, wherever it lives.
///
/// ```swift
/// let add = bus.function { (x: Int, y: Int) in x + y }     // RemoteFunction<Int, Int, Int>
/// let five = try await calculator.apply(add, to: 2, 3)     // there: try await function(2, 3)
/// ```
///
/// The types are those of the arguments, then that of the result; `NoResult` stands for a function
/// without one. It crosses the bus as a reference, in arguments, results and values, and may be
/// kept and called as long as anybody holds it. One that comes home is the original: it is called
/// without the bus. A function lives while this value does, or somebody holds it.
public struct RemoteFunction<each Input: Codable & Sendable, Output: Codable & Sendable>:
    Sendable, Hashable, Codable, ObjectReference
{
    /// The function as an object without types.
    public let object: RemoteObject
    /// A function of this process that lives while it is mentioned here.
    private let kept: FunctionHost?

    init(_ function: LocalFunction<repeat each Input, Output>, on bus: Bus) {
        let host = FunctionHost(function, actorSystem: bus)
        self.kept = host
        self.object = RemoteObject(host.id, bus)
    }

    /// Says which types a function has. If they are others, calls fail as `invalid`.
    public init(_ object: RemoteObject) {
        self.object = object
        self.kept = object.local(as: FunctionHost.self)
    }

    private init(_ object: RemoteObject, keeping kept: FunctionHost?) {
        (self.object, self.kept) = (object, kept)
    }

    /// Calls the function.
    ///
    /// - Throws: what the function threw, or `BusError`.
    @discardableResult
    public func callAsFunction(_ input: repeat each Input) async throws -> Output {
        if let function = await self.kept?.localFunction(),
            let local = function as? LocalFunction<repeat each Input, Output>
        {
            return try await local(repeat each input)
        }
        var encoder = PayloadEncoder(self.object.bus)
        encoder.append(byte: 0x80)
        var count = 0
        for argument in repeat each input {
            count += 1
            do {
                try encoder.append(argument)
            } catch {
                throw BusError(.invalid, "argument \(count) of a function: \(describe(error))")
            }
        }
        encoder.setArrayCount(count)
        return try await self.object.send(functionName(count), encoder, returning: Output.self)
    }

    /// The same function with calls that may take at most `deadline`; see `RemoteObject`.
    public func with(deadline: Duration) -> Self {
        Self(self.object.with(deadline: deadline), keeping: self.kept)
    }

    /// The same function with calls that nobody waits for; see `RemoteObject`. Only for functions
    /// without a result.
    public var oneway: Self { Self(self.object.oneway, keeping: self.kept) }

    /// The same function with calls that wait when they are refused `overloaded`, or fail; see
    /// `RemoteObject`.
    public func with(overload: Bus.OverloadPolicy) -> Self {
        Self(self.object.with(overload: overload), keeping: self.kept)
    }

    /// The same function with calls that may run twice without harm; see `RemoteObject`.
    public var idempotent: Self { Self(self.object.idempotent, keeping: self.kept) }

    /// Whether both name the same function.
    public static func == (left: Self, right: Self) -> Bool { left.object == right.object }

    /// Hashes the function named.
    public func hash(into hasher: inout Hasher) { hasher.combine(self.object) }

    /// Crosses as the reference that it is.
    public func encode(to encoder: any Encoder) throws { try self.object.encode(to: encoder) }

    /// Takes a reference out of a message.
    public init(from decoder: any Decoder) throws { self.init(try RemoteObject(from: decoder)) }
}

/// The result of a function that has none.
public struct NoResult: Codable, Hashable, Sendable {
    /// The only one there is.
    public init() {}

    /// Crosses as null.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encodeNil()
    }

    /// Takes whatever came for no result.
    public init(from decoder: any Decoder) throws {}
}

extension Bus {
    /// Makes a function of this process one that can be handed out.
    ///
    /// Calls start in the order of their arrival, one at a time, as those of an actor.
    /// - Parameters:
    ///   - documentation: what `objbus introspect` tells of it.
    ///   - body: must not block its thread for long: it runs where objects run.
    public func function<each Input: Codable & Sendable, Output: Codable & Sendable>(
        _ documentation: String = "",
        _ body: @escaping @Sendable (repeat each Input) throws -> Output
    ) -> RemoteFunction<repeat each Input, Output> {
        RemoteFunction(LocalFunction(documentation, immediate: body), on: self)
    }

    /// Makes a function that may suspend one that can be handed out.
    ///
    /// While one call is suspended the next one may start.
    public func function<each Input: Codable & Sendable, Output: Codable & Sendable>(
        _ documentation: String = "",
        _ body: @escaping @Sendable (repeat each Input) async throws -> Output
    ) -> RemoteFunction<repeat each Input, Output> {
        RemoteFunction(LocalFunction(documentation, suspending: body), on: self)
    }

    /// Makes a function without a result one that can be handed out.
    public func function<each Input: Codable & Sendable>(
        _ documentation: String = "", _ body: @escaping @Sendable (repeat each Input) throws -> Void
    ) -> RemoteFunction<repeat each Input, NoResult> {
        let function = LocalFunction<repeat each Input, NoResult>(
            documentation,
            immediate: { (input: repeat each Input) in
                try body(repeat each input)
                return NoResult()
            })
        return RemoteFunction(function, on: self)
    }

    /// Makes a function without a result that may suspend one that can be handed out.
    public func function<each Input: Codable & Sendable>(
        _ documentation: String = "",
        _ body: @escaping @Sendable (repeat each Input) async throws -> Void
    ) -> RemoteFunction<repeat each Input, NoResult> {
        let function = LocalFunction<repeat each Input, NoResult>(
            documentation,
            suspending: { (input: repeat each Input) in
                try await body(repeat each input)
                return NoResult()
            })
        return RemoteFunction(function, on: self)
    }
}
