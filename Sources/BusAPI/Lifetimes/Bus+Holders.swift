// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusNode
public import BusValue
import BusWire
public import Distributed

/// What an owner may know and do about those who hold its objects.
extension Bus {
    /// Makes every reference to an own object that was given out so far worthless.
    ///
    /// Once this returns, no call of such a reference starts: it is answered `denied`, executed:
    /// no. Calls that run go on. Holders hear of it (`onDeath`, reason `revoked`). What is given
    /// out from now on, and found by name, is good.
    /// - Throws: `BusError` of kind `denied` if `object` lives elsewhere.
    public func revoke<Object: DistributedActor>(
        _ object: Object
    ) throws where Object.ActorSystem == Bus {
        self.node.revoke(try self.ownNumber(of: object.id))
    }

    /// The same for an object without types.
    public func revoke(_ object: RemoteObject) throws {
        self.node.revoke(try self.ownNumber(of: object.id))
    }

    /// The same for a function or collection.
    public func revoke(_ reference: some ObjectReference) throws {
        try self.revoke(reference.object)
    }

    /// One node that holds an object, as the broker knows it.
    public struct Holder: Codable, Hashable, Sendable {
        /// The node's name.
        public let node: String
        /// Its incarnation, as sixteen hexadecimal digits.
        public let incarnation: String
        /// How often the reference was handed to it since it last held none.
        public let copies: Int
        /// Since when it holds the object, or this run of the broker knows of it: seconds ago.
        public let seconds: Double
        /// How the first copy came: the call that carried it, its name, its tag.
        public let through: String
        /// Whether what it holds was revoked: then it may not use it.
        public let isRevoked: Bool
    }

    /// Who holds an own object, in no special order; 1,000 at most. Published names hold it too,
    /// and are not among them.
    ///
    /// - Throws: `BusError` of kind `denied` if `object` lives elsewhere.
    public func holders<Object: DistributedActor>(
        of object: Object
    ) async throws -> [Holder] where Object.ActorSystem == Bus {
        try await self.holders(object.id)
    }

    /// The same for an object without types.
    public func holders(of object: RemoteObject) async throws -> [Holder] {
        try await self.holders(object.id)
    }

    /// The same for a function or collection.
    public func holders(of reference: some ObjectReference) async throws -> [Holder] {
        try await self.holders(reference.object.id)
    }

    private func holders(_ held: HeldReference) async throws -> [Holder] {
        let number = try self.ownNumber(of: held)
        let reference = Reference(owner: self.incarnation, object: number)
        do {
            let answer = try await self.reference("\(reference)")
            return try ValueDecoder().decode(
                [Holder].self, from: (answer["holders"] ?? .array([])).encoded())
        } catch let error as BusError where error.kind == .notFound {
            return []
        }
    }

    /// Runs `body` whenever nobody holds an own object any more that somebody held: the last holder
    /// dropped it, ended or was cut off, and no name means it.
    ///
    /// - Parameter body: runs in a task on the bus's threads, where objects run. The registration
    ///   does not keep the object alive; it ends with it.
    /// - Returns: what takes the registration back; dropping it does not.
    /// - Throws: `BusError` of kind `denied` if `object` lives elsewhere.
    @discardableResult
    public func onUnheld<Object: DistributedActor>(
        _ object: Object, _ body: @escaping @Sendable () async -> Void
    ) throws -> LifetimeWatch where Object.ActorSystem == Bus {
        self.lifetimes.addUnheld(of: try self.ownNumber(of: object.id), body)
    }

    /// The same for an object without types, a function's or a collection's among them.
    @discardableResult
    public func onUnheld(
        _ object: RemoteObject, _ body: @escaping @Sendable () async -> Void
    ) throws -> LifetimeWatch {
        self.lifetimes.addUnheld(of: try self.ownNumber(of: object.id), body)
    }

    /// All references that are counted, as the broker tells them; 1,000 at most, and how many
    /// more there are.
    public func references() async throws -> Value {
        try self.decode(Value.self, from: try await self.callBroker("references()", []))
    }

    /// Who holds what a name or the text of a reference means, as the broker tells it.
    ///
    /// - Throws: `BusError` of kind `notFound` if there is no such name, or nobody holds it.
    public func reference(_ text: String) async throws -> Value {
        let reply = try await self.callBroker("references(of:)", [.string(text)])
        return try self.decode(Value.self, from: reply)
    }

    /// Throws `denied` for an object that lives elsewhere.
    func ownNumber(of held: HeldReference) throws -> ObjectNumber {
        let reference = self.current(held).reference
        guard self.isOwn(reference) else {
            throw BusError(.denied, "\(reference) belongs to another node")
        }
        return reference.object
    }
}
