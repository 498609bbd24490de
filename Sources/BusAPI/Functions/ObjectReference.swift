// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// A value that stands for an object and gives its calls a shape: a function, a shared collection.
public protocol ObjectReference: Sendable {
    /// The object that it stands for.
    var object: RemoteObject { get }

    /// Gives `object` this shape; calls fail if it is something else.
    init(_ object: RemoteObject)
}

extension Bus {
    /// Makes a function or collection of this process findable by name; it lives while it is
    /// published.
    ///
    /// - Throws: `BusError`: `denied` if it lives elsewhere, `invalid` if this node has published
    ///   another object as `name`, or others have with another `replicas`; see
    ///   `publish(_:as:replicas:)` of objects.
    public func publish(
        _ reference: some ObjectReference, as name: String, replicas: ReplicaPolicy? = nil
    ) async throws {
        guard let host = reference.object.local(as: (any BusObjectProtocol).self) else {
            throw BusError(.denied, "only objects of this process can be published")
        }
        try await self.publish(host, as: name, replicas: replicas)
    }

    /// Finds a published function or collection; it follows the name, as typed proxies do.
    ///
    /// - Throws: `BusError` of kind `notFound`, naming what is published.
    public func find<Found: ObjectReference>(
        _ type: Found.Type, named name: String
    ) async throws -> Found {
        Found(try await self.object(named: name))
    }
}

extension RemoteObject {
    /// The object itself, if it lives in this process and is of that type.
    func local<Object>(as type: Object.Type) -> Object? {
        let current = self.bus.current(self.id)
        guard self.bus.isOwn(current.reference), !self.id.isOfGroup else { return nil }
        return self.bus.objects.object(current.reference.object) as? Object
    }
}
