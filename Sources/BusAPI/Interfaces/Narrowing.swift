// Part of objbus. SPDX-License-Identifier: Apache-2.0

public import Distributed

extension RemoteObject {
    /// The object of a proxy, or of this process, for callers that don't have its type.
    public init<Object: DistributedActor>(_ object: Object) where Object.ActorSystem == Bus {
        self.init(object.id, object.actorSystem)
    }

    /// The object as a proxy of another type, if it has what that type has.
    ///
    /// ```swift
    /// let counter = try await remote.as(Counter.self)       // a distributed actor
    /// let counting = try await remote.as($Counting.self)    // an @Resolvable protocol
    /// ```
    ///
    /// An object that lives in this process is given back itself. Of another one its interface is
    /// asked for: it must have every method of an actor with `@BusObject`, or name the protocol
    /// among its conformances.
    /// - Throws: `BusError`: `invalid`, saying what is missing; `unimplemented` if the object does
    ///   not describe itself, or the type is an actor without `@BusObject`, which can't be
    ///   compared.
    public func `as`<Object: DistributedActor>(
        _ type: Object.Type
    ) async throws -> Object where Object.ActorSystem == Bus {
        if let own = self.local(as: Object.self) { return own }
        try Self.check(try await self.interface(), is: type)
        return try Object.resolve(id: self.id, using: self.bus)
    }

    private static func check(_ interface: Interface, is type: any DistributedActor.Type) throws {
        guard !interface.methods.isEmpty else {
            throw BusError(
                .unimplemented, "\(interface.name) does not describe itself: add @BusObject to it")
        }
        if let type = type as? any BusObjectProtocol.Type {
            let offered = Set(interface.methods.flatMap(\.forms).map(\.name))
            let missing = type.busInterface.methods.map(\.name).filter { !offered.contains($0) }
            guard missing.isEmpty else {
                throw BusError(
                    .invalid,
                    "\(interface.name) is no \(type): it lacks \(missing.joined(separator: ", "))")
            }
            return
        }
        let name = "\(type)"
        guard name.hasPrefix("$") else {
            throw BusError(.unimplemented, "\(name) can't be compared: add @BusObject to it")
        }
        let wanted = String(name.dropFirst())
        // A protocol may be named with its module, or another type that it is in.
        let named = interface.conformances.map { $0.split(separator: ".").last.map(String.init) }
        guard named.contains(wanted) else {
            let what = interface.conformances.joined(separator: ", ")
            throw BusError(
                .invalid,
                "\(interface.name) is no \(wanted); it is \(what.isEmpty ? "nothing else" : what)")
        }
    }
}

extension DistributedActor where ActorSystem == Bus {
    /// The object as a proxy of another type, if it has what that type has; see
    /// `RemoteObject.as(_:)`.
    public nonisolated func `as`<Object: DistributedActor>(
        _ type: Object.Type
    ) async throws -> Object where Object.ActorSystem == Bus {
        try await RemoteObject(self).as(type)
    }
}
