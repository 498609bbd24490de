// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusNode
import BusValue
import BusWire
public import Distributed
import Synchronization

extension Bus {
    /// Makes an object findable by name; it stays alive while it is published.
    ///
    /// Several nodes may publish one name: the first is what the name means, the others stand by.
    /// With `replicas` the name means all of them: each call goes to one.
    ///
    /// ```swift
    /// try await bus.publish(resizer, as: "resizer", replicas: .roundRobin)
    /// ```
    /// - Parameter replicas: how callers choose one for each call; the same at all who publish the
    ///   name. Nil for one object with others that stand by.
    /// - Throws: `BusError`: `invalid` if this node has published another object as `name`, or
    ///   others have published the name with another `replicas`; `overloaded` if the name has 64
    ///   replicas; `disconnected` once this bus drains.
    public func publish<Object: DistributedActor>(
        _ object: Object, as name: String, replicas: ReplicaPolicy? = nil
    ) async throws where Object.ActorSystem == Bus {
        guard case .own = object.id.lease, self.objects.object(object.id.reference.object) != nil
        else { throw BusError(.denied, "only objects of this process can be published") }
        try self.checkIsServing()
        let interface = await Self.interface(of: object).name
        var encoder = PayloadEncoder(self)
        encoder.append(byte: replicas == nil ? 0x83 : 0x84)  // an array of three or four
        try encoder.append(object.id)
        try encoder.append(name)
        try encoder.append(interface)
        if let replicas { try encoder.append(replicas.rawValue) }
        let method =
            replicas == nil ? "publish(_:as:interface:)" : "publish(_:as:interface:replicas:)"
        var epoch: Epoch
        repeat {
            epoch = self.node.epoch
            _ = try await self.callBroker(method, encoder, references: [])
            self.node.published(
                name, object.id.reference.object, interface: interface, replicas: replicas)
            // A link made meanwhile did not restate the name, and its broker may be another run.
        } while epoch != self.node.epoch
        do {
            try self.checkIsServing()
        } catch {
            // It may have been published after all others were taken back.
            try? await self.withdraw(name)
            throw error
        }
    }

    /// A name published by a node that drains would lead to one that refuses its calls.
    private func checkIsServing() throws(BusError) {
        guard !self.isDraining.load(ordering: .sequentiallyConsistent) else {
            throw BusError(.disconnected, "this node drains, and publishes nothing any more")
        }
    }

    /// Takes back a name that this node has published.
    public func withdraw(_ name: String) async throws {
        let wasPublished = self.node.withdrawn(name)
        do {
            _ = try await self.callBroker("withdraw(_:)", [.string(name)])
        } catch let error as BusError where error.kind == .notFound && wasPublished {
            // The broker was restarted, and this node did not tell it of the name any more.
        }
    }

    /// Takes back every name that this node has published, in one step.
    func withdrawAll() async throws {
        self.node.withdrewAll()
        _ = try await self.callBroker("withdrawAll()", [])
    }

    /// Finds a published object.
    ///
    /// The proxy follows the name: when the object's owner is replaced, the next call goes to the
    /// new owner. If the name means several replicas, each call goes to one of them, as the
    /// publisher's policy says; `pinned` of the proxy stays with one.
    /// - Throws: `BusError` of kind `notFound`, naming what is published.
    public func find<Object: DistributedActor>(
        _ type: Object.Type, named name: String
    ) async throws -> Object where Object.ActorSystem == Bus {
        try Object.resolve(id: try await self.bind(name), using: self)
    }

    /// Finds a published object, or one of several replicas, and stays with it: when its owner
    /// ends, calls fail.
    public func find<Object: DistributedActor>(
        pinned type: Object.Type, named name: String
    ) async throws -> Object where Object.ActorSystem == Bus {
        let found = try await self.resolve(name)
        return try Object.resolve(id: NameBinding(name, self, found).aim().held, using: self)
    }

    /// Finds a published object of whatever type.
    public func object(named name: String) async throws -> RemoteObject {
        RemoteObject(try await self.bind(name), self)
    }

    /// Takes up a reference from its text, which is a right to the object: whoever has it may use
    /// the object while somebody keeps it alive.
    ///
    /// - Throws: `BusError`: `invalid` if the text is none, `denied` if it was not given out,
    ///   `notFound` if nobody keeps the object alive.
    public func object(tagged text: String) async throws -> RemoteObject {
        guard let entry = ReferenceEntry(tag: text) else {
            throw BusError(.invalid, "'\(text)' is no reference tag")
        }
        var encoder = PayloadEncoder(self)
        encoder.append(byte: 0x80)  // no arguments: the reference is in the table
        let reply = try await self.callBroker("claim(_:)", encoder, references: [entry])
        return RemoteObject(try self.decode(HeldReference.self, from: reply), self)
    }

    /// The text that `object(tagged:)` takes, on any node; nil for an own object.
    public func tag(of object: RemoteObject) -> String? {
        self.node.entry(of: self.current(object.id).reference)?.tag
    }

    func resolve(_ name: String) async throws -> FoundName {
        let reply = try await self.callBroker("find(_:)", [.string(name)])
        return try self.decode(FoundName.self, from: reply)
    }

    private func bind(_ name: String) async throws -> HeldReference {
        let found = try await self.resolve(name)
        let held = found.held
        if case .own = held.lease, found.policy == nil { return held }
        return HeldReference(held.reference, lease: .name(NameBinding(name, self, found)))
    }

    /// The same object as one that does not follow its name.
    func pinned(_ held: HeldReference) -> HeldReference {
        held.binding.map { $0.aim().held.with(held.options) } ?? held
    }

    /// The number under which this node's object is what `name` means; nil while it stands by, if
    /// it is one of several replicas, or if this node has not published the name.
    ///
    /// Each time a name gets another head, the new one has a larger number than any before, also
    /// after a restart of the broker. So whoever guards what only one may change, a file or a
    /// database, can refuse a former head that does not know yet: it keeps the largest number that
    /// it has seen, and refuses smaller ones.
    public func fence(ofOwn name: String) async throws -> UInt64? {
        let own = "\(self.incarnation)/"
        return try await self.names(prefix: name)
            .first { $0.name == name && $0.standby == 0 && $0.reference.hasPrefix(own) }?.fence
    }

    /// The number of the head that `object`'s name led to when it was last looked up; nil if
    /// `object` does not follow a name, or its name means several replicas.
    public func fence<Object: DistributedActor>(
        of object: Object
    ) -> UInt64? where Object.ActorSystem == Bus {
        object.id.binding?.fence
    }

    /// The same for an object of whatever type.
    public func fence(of object: RemoteObject) -> UInt64? { object.id.binding?.fence }

    /// One published name.
    public struct NameEntry: Codable, Hashable, Sendable {
        /// The name.
        public let name: String
        /// The object's type.
        public let interface: String
        /// The node that owns the object.
        public let node: String
        /// The object.
        public let reference: String
        /// 0 for what the name means, else the place in the queue behind it.
        public let standby: Int
        /// The number of the head, larger than that of any head before; nil for a standby, and for
        /// a replica.
        public let fence: UInt64?
        /// How callers choose among the replicas that the name means, of which this is one; nil if
        /// the name means one object.
        public let replicas: ReplicaPolicy?
    }

    /// Everything published whose name begins with `prefix`, sorted by name.
    public func names(prefix: String = "") async throws -> [NameEntry] {
        let reply = try await self.callBroker("names(prefix:)", [.string(prefix)])
        return try self.decode([NameEntry].self, from: reply)
    }

    /// The nodes attached, and the broker's counters, as the broker tells them.
    public func nodes() async throws -> Value {
        try self.decode(Value.self, from: try await self.callBroker("nodes()", []))
    }

    /// The broker's state and counters.
    public func status() async throws -> Value {
        try self.decode(Value.self, from: try await self.callBroker("status()", []))
    }

    /// One round trip to the broker.
    public func ping() async throws {
        _ = try await self.callBroker("ping()", [])
    }
}

/// The broker's answer to `find(_:)`: an array of three, or of five if the name means replicas.
struct FoundName: Decodable, Sendable {
    let held: HeldReference
    let interface: String
    /// Of the head, or of the replicas.
    let fence: UInt64
    let policy: ReplicaPolicy?
    /// All, at least one if there is a policy, else none.
    let replicas: [HeldReference]

    init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        self.held = try container.decode(HeldReference.self)
        self.interface = try container.decode(String.self)
        self.fence = try container.decode(UInt64.self)
        guard !container.isAtEnd else {
            (self.policy, self.replicas) = (nil, [])
            return
        }
        self.policy = try container.decode(ReplicaPolicy.self)
        let replicas = try container.decode([HeldReference].self)
        self.replicas = replicas.isEmpty ? [self.held] : replicas
    }
}
