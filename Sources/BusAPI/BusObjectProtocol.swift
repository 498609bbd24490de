// Part of objbus. SPDX-License-Identifier: Apache-2.0

public import Distributed

/// A distributed actor with stable method names; `@BusObject` writes the conformance.
public protocol BusObjectProtocol: DistributedActor where ActorSystem == Bus {
    /// What callers may know of the object.
    static var busInterface: Interface { get }

    /// Errors that methods throw by type, `throws(E)`, so that callers can catch them as such.
    static var busErrorTypes: [any Error.Type] { get }

    /// Runs `call` on `object`, which lives in this process, if its method is not `async`. Nil if
    /// there is no such method: `busDispatch` is asked then.
    static func busDispatchSync(_ call: IncomingCall, on object: isolated Self) throws
        -> CallResult?

    /// Runs `call` on `object`, which lives in this process. Nil if there is no such method.
    static func busDispatch(
        _ call: IncomingCall, on object: isolated Self
    ) async throws -> CallResult?
}

extension BusObjectProtocol {
    /// No method; those of an object that has none either are told to be missing.
    public static func busDispatch(
        _ call: IncomingCall, on object: isolated Self
    ) async throws -> CallResult? {
        nil
    }

    /// Leaves all methods to `busDispatch`, which costs each call a little more.
    public static func busDispatchSync(
        _ call: IncomingCall, on object: isolated Self
    ) throws -> CallResult? {
        nil
    }

    /// No typed errors.
    public static var busErrorTypes: [any Error.Type] { [] }

    /// Hops to the object, and nowhere else, so that calls start in the order of their arrival.
    nonisolated func run(_ call: IncomingCall) async throws -> CallResult? {
        try await self.whenLocal { (local: isolated Self) in
            call.started()
            try call.checkStart()
            if let result = try Self.busDispatchSync(call, on: local) { return result }
            return try await Self.busDispatch(call, on: local)
        } ?? nil
    }
}

/// What interfaces of objects on a bus refine: `@Resolvable protocol Greeter: BusInterface { … }`.
public protocol BusInterface: DistributedActor where ActorSystem == Bus {}
