// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/decisions/0006-blocking.md.

import BusNodeCore
import BusWire
import Distributed

/// An object whose methods are one plain function, which may block its thread.
distributed actor BlockingHost: SelfDescribing {
    typealias ActorSystem = Bus
    typealias Handler = @Sendable (IncomingCall) throws -> any Encodable & Sendable

    private let interface: Interface
    private let handler: Handler
    private let lane = CallLane()

    init(_ interface: Interface, actorSystem: Bus, _ handler: @escaping Handler) {
        self.interface = interface
        self.handler = handler
        self.actorSystem = actorSystem
    }

    nonisolated func ownInterface() async -> Interface? {
        await self.whenLocal { (local: isolated BlockingHost) in local.interface }
    }

    /// Hands the call to a thread without leaving the actor before that: the order of calls is
    /// that of their hops to it (rules R17).
    static func busDispatch(
        _ call: IncomingCall, on object: isolated BlockingHost
    ) async throws -> CallResult? {
        let methods = object.interface.methods
        guard methods.isEmpty || methods.contains(where: { $0.name == call.method }),
            let context = CallContext.current
        else { return nil }
        return try await object.run(HandlerRun(call, context, object.handler)).get()
    }

    private func run(_ run: HandlerRun) async -> Result<CallResult, any Error> {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { self.place(run, $0) }
        } onCancel: {
            run.cancel()
        }
    }

    /// The actor's own, so that nobody can get here off the actor: a closure that does not mention
    /// its actor runs elsewhere, and the order would be that of the threads.
    private func place(
        _ run: HandlerRun, _ continuation: UnsafeContinuation<Result<CallResult, any Error>, Never>
    ) {
        run.place(in: self.lane, self.actorSystem.blocking, continuation)
    }
}

extension IncomingCall {
    /// The object that is called, to be passed on or called itself.
    public var object: RemoteObject {
        let reference = Reference(owner: self.bus.incarnation, object: self.delivered.object)
        return RemoteObject(HeldReference(reference, lease: .own), self.bus)
    }

    /// The arguments, if they are as many and of these types; else throws `invalid`.
    ///
    /// ```swift
    /// let (name, times) = try call.arguments(as: String.self, Int.self)
    /// ```
    public func arguments<each Argument: Decodable & Sendable>(
        as types: repeat (each Argument).Type
    ) throws -> (repeat each Argument) {
        var count = 0
        for _ in repeat each types { count += 1 }
        var reader = try self.arguments(count)
        return (repeat try reader.next("_", as: each types))
    }

    /// Encodes the result of a handler that does not say its type.
    func encoded(_ value: any Encodable & Sendable) throws -> CallResult {
        try self.result(value)
    }
}
