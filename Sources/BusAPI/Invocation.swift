// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusWire
import BusZeroMQ
public import Distributed

/// Records the arguments of one outgoing call.
public struct BusInvocationEncoder: DistributedTargetInvocationEncoder, Sendable {
    /// What arguments must be.
    public typealias SerializationRequirement = any Codable & Sendable

    /// Nil once it was taken.
    private var payload: PayloadEncoder?
    private var count = 0
    /// Why the call can't be made, unless the type parameter is the object's own: those of objects
    /// with stable names are, as `@BusObject` refuses generic methods.
    private(set) var genericProblem: BusError?

    /// The arguments as an array; once, since what two have is copied when one of them goes on.
    mutating func takeArguments() -> PayloadEncoder {
        guard var payload = self.payload.take() else {
            preconditionFailure("the arguments of a call are taken once")
        }
        payload.setArrayCount(self.count)
        return payload
    }

    /// Type parameters of the object, of a method, or the type of a stub; none crosses the bus.
    public mutating func recordGenericSubstitution<T>(_ type: T.Type) throws {
        guard !(type is any DistributedActor.Type) else { return }
        self.genericProblem = BusError(
            .invalid, "generic methods, and generic objects without @BusObject, can't be called")
    }

    /// Encodes the next argument. Inlinable, as a generic function of a distributed actor system
    /// looks up its type parameter's conformances at each call.
    @inlinable public mutating func recordArgument<Value: Codable & Sendable>(
        _ argument: RemoteCallArgument<Value>
    ) throws {
        do {
            try self.append(argument.value)
        } catch {
            throw Self.problem(error, of: argument.label ?? argument.name)
        }
    }

    @usableFromInline mutating func append<Value: Encodable>(_ value: Value) throws {
        try self.payload?.append(value)
        self.count += 1
    }

    @usableFromInline static func problem(_ error: any Error, of argument: String) -> BusError {
        BusError(.invalid, "argument \(argument): \(describe(error))")
    }

    /// The type that the method throws; the owner knows it.
    public mutating func recordErrorType<E: Error>(_ type: E.Type) throws {}

    /// The type that the method returns; the owner knows it.
    public mutating func recordReturnType<R: Codable & Sendable>(_ type: R.Type) throws {}

    /// The last argument has been recorded.
    public mutating func doneRecording() throws {}
}

extension BusInvocationEncoder {
    init(_ bus: Bus) {
        var builder = MessageBuilder()
        builder.frame.append(0x80)
        // All at once: what has a value already is copied when the initialiser returns.
        self.init(payload: PayloadEncoder(bus, consume builder), count: 0, genericProblem: nil)
    }
}

/// Reads the arguments of one incoming call for the runtime's own dispatch.
public struct BusInvocationDecoder: DistributedTargetInvocationDecoder {
    /// What arguments must be.
    public typealias SerializationRequirement = any Codable & Sendable

    private var arguments: ArgumentReader
    private let substitution: (any Any.Type)?
    private var wasAsked = false
    private var position = 0

    init(arguments: ArgumentReader, substitution: (any Any.Type)?) {
        self.arguments = arguments
        self.substitution = substitution
    }

    /// For a method of a protocol: the object's own type; nothing from the wire is ever looked up.
    public mutating func decodeGenericSubstitutions() throws -> [any Any.Type] {
        guard let substitution else {
            throw BusError(.unimplemented, "generic methods can't be called over the bus")
        }
        self.wasAsked = true
        return [substitution]
    }

    /// Decodes the next argument.
    public mutating func decodeNextArgument<Argument: Codable & Sendable>() throws -> Argument {
        self.position += 1
        return try self.arguments.next("\(self.position)", as: Argument.self)
    }

    /// Unknown here: the function itself says.
    public mutating func decodeErrorType() throws -> (any Any.Type)? { nil }

    /// Unknown here: the function itself says. A target that claims to be a protocol's but asked
    /// for no conformance is refused.
    public mutating func decodeReturnType() throws -> (any Any.Type)? {
        if self.substitution != nil, !self.wasAsked {
            throw BusError(.unimplemented, "the target does not belong to the object")
        }
        return nil
    }
}

/// Takes the result of the runtime's own dispatch.
public final class BusResultHandler: DistributedTargetInvocationResultHandler, Sendable {
    /// What results must be.
    public typealias SerializationRequirement = any Codable & Sendable

    private let call: IncomingCall
    private let result = Locked<Result<CallResult, any Error>?>(nil)

    init(_ call: IncomingCall) {
        self.call = call
    }

    /// The method returned a value.
    public func onReturn<Success: Codable & Sendable>(value: Success) async throws {
        let result = try self.call.result(value)
        self.result.withLock { $0 = .success(result) }
    }

    /// The method returned without one.
    public func onReturnVoid() async throws {
        let result = self.call.result()
        self.result.withLock { $0 = .success(result) }
    }

    /// The method threw.
    public func onThrow<Err: Error>(error: Err) async throws {
        self.result.withLock { $0 = .failure(error) }
    }

    func outcome() throws -> CallResult {
        guard let result = self.result.withLock({ $0 }) else {
            throw BusError(.unimplemented, "\(self.call.method) gave no result")
        }
        return try result.get()
    }
}
