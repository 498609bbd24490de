// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusNode
import BusWire
public import Distributed

extension Bus: DistributedActorSystem {
    /// What identifies an actor and keeps it held.
    public typealias ActorID = HeldReference
    /// What arguments and results must be.
    public typealias SerializationRequirement = any Codable & Sendable
    /// Records a call's arguments.
    public typealias InvocationEncoder = BusInvocationEncoder
    /// Reads a call's arguments.
    public typealias InvocationDecoder = BusInvocationDecoder
    /// Takes a call's result.
    public typealias ResultHandler = BusResultHandler

    /// Numbers a new object of this process.
    public func assignID<Act>(_ actorType: Act.Type) -> HeldReference
    where Act: DistributedActor, Act.ID == HeldReference {
        HeldReference(
            Reference(owner: self.incarnation, object: self.objects.assign()), lease: .own)
    }

    /// The object can be called from now on.
    public func actorReady<Act>(_ actor: Act) where Act: DistributedActor, Act.ID == HeldReference {
        self.objects.ready(actor, actor.id.reference.object)
    }

    /// The object is gone.
    public func resignID(_ id: HeldReference) {
        guard case .own = id.lease else { return }
        self.objects.resign(id.reference.object)
        self.node.resigned(id.reference.object)
        self.lifetimes.resigned(id.reference.object)
    }

    /// The object itself if it lives here; nil, for a proxy, if it lives elsewhere or is found
    /// anew for each call.
    ///
    /// - Throws: `BusError`: `notFound` for an own object that is gone, `invalid` for one of
    ///   another type.
    public func resolve<Act>(id: HeldReference, as actorType: Act.Type) throws -> Act?
    where Act: DistributedActor, Act.ID == HeldReference {
        let current = self.current(id)
        guard self.isOwn(current.reference), !id.isOfGroup else {
            if let type = Act.self as? any BusObjectProtocol.Type {
                self.errors.register(type.busErrorTypes)
            }
            return nil
        }
        guard let object = self.objects.object(current.reference.object) else {
            throw BusError(.notFound, "this node has no object \(current.reference.object)")
        }
        if let actor = object as? Act { return actor }
        // A stub of a protocol is called like a remote object, even at home.
        if "\(Act.self)".hasPrefix("$") { return nil }
        throw BusError(.invalid, "\(current.reference) is a \(type(of: object)), not a \(Act.self)")
    }

    /// Makes the recorder of one call's arguments.
    public func makeInvocationEncoder() -> BusInvocationEncoder { BusInvocationEncoder(self) }

    /// Calls a method with a result.
    ///
    /// Inlinable, as a generic function of a distributed actor system looks up its type parameters'
    /// conformances at each call.
    @inlinable public func remoteCall<Act, Err, Res>(
        on actor: Act, target: RemoteCallTarget, invocation: inout BusInvocationEncoder,
        throwing: Err.Type, returning: Res.Type
    ) async throws -> Res
    where Act: DistributedActor, Act.ID == HeldReference, Err: Error, Res: Codable & Sendable {
        let reply = try await self.call(
            actor.id, target, &invocation, hasNames: Act.self is any BusObjectProtocol.Type)
        return try self.decode(Res.self, from: reply)
    }

    /// Calls a method without a result.
    @inlinable public func remoteCallVoid<Act, Err>(
        on actor: Act, target: RemoteCallTarget, invocation: inout BusInvocationEncoder,
        throwing: Err.Type
    ) async throws where Act: DistributedActor, Act.ID == HeldReference, Err: Error {
        try await self.callVoid(
            actor.id, target, &invocation, hasNames: Act.self is any BusObjectProtocol.Type)
    }

    /// Calls a method of an object.
    ///
    /// - Parameter hasNames: Whether its methods have stable names. Then it needs no hint; of
    ///   others the caller can't know (rules R27).
    @usableFromInline func call(
        _ target: HeldReference, _ method: RemoteCallTarget,
        _ invocation: inout BusInvocationEncoder, hasNames: Bool
    ) async throws -> Reply {
        guard !target.options.isOneWay else {
            throw BusError.noResult(of: MethodName.full(of: method))
        }
        if !hasNames, let error = invocation.genericProblem { throw error }
        return try await self.call(
            target, method: MethodName.full(of: method), hint: hasNames ? nil : method.identifier,
            invocation.takeArguments())
    }

    @usableFromInline func callVoid(
        _ target: HeldReference, _ method: RemoteCallTarget,
        _ invocation: inout BusInvocationEncoder, hasNames: Bool
    ) async throws {
        guard target.options.isOneWay else {
            _ = try await self.call(target, method, &invocation, hasNames: hasNames)
            return
        }
        if !hasNames, let error = invocation.genericProblem { throw error }
        try await self.callOneWay(
            target, method: MethodName.full(of: method), hint: hasNames ? nil : method.identifier,
            invocation.takeArguments())
    }

    /// Runs a call of an object without stable names, by the hint that came with it.
    func dispatchByHint(
        _ call: IncomingCall, on object: any DistributedActor
    ) async throws -> CallResult {
        guard let hint = call.extensions.hint,
            let kind = TargetKind(of: hint, on: type(of: object))
        else {
            throw BusError(
                .unimplemented,
                "\(type(of: object)) has no method \(call.method) for this caller: "
                    + "add @BusObject to it")
        }
        return try await self.execute(call, hint, kind, on: object)
    }

    private func execute(
        _ call: IncomingCall, _ hint: String, _ kind: TargetKind,
        on object: some DistributedActor
    ) async throws -> CallResult {
        let target = RemoteCallTarget(hint)
        let arity = MethodName.arity(of: MethodName.full(of: target))
        let arguments = try call.arguments(arity)
        var decoder = BusInvocationDecoder(
            arguments: arguments, substitution: kind == .ofProtocol ? type(of: object) : nil)
        let handler = BusResultHandler(call)
        try await self.executeDistributedTarget(
            on: object, target: target, invocationDecoder: &decoder, handler: handler)
        return try handler.outcome()
    }
}
