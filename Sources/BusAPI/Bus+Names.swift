// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusNode
import BusValue
import BusWire
public import Distributed

extension Bus {
    /// Makes an object findable by name; it stays alive while it is published.
    ///
    /// Several nodes may publish one name: the first is what the name means, the others stand by.
    /// - Throws: `BusError`: `invalid` if this node has published another object as `name`.
    public func publish<Object: DistributedActor>(
        _ object: Object, as name: String
    ) async throws where Object.ActorSystem == Bus {
        guard case .own = object.id.lease, self.objects.object(object.id.reference.object) != nil
        else { throw BusError(.denied, "only objects of this process can be published") }
        let interface = await Self.interface(of: object).name
        var encoder = PayloadEncoder(self)
        encoder.append(byte: 0x83)  // an array of three
        try encoder.append(object.id)
        try encoder.append(name)
        try encoder.append(interface)
        var epoch: Epoch
        repeat {
            epoch = self.node.epoch
            _ = try await self.callBroker("publish(_:as:interface:)", encoder, references: [])
            self.node.published(name, object.id.reference.object, interface: interface)
            // A link made meanwhile did not restate the name, and its broker may be another run.
        } while epoch != self.node.epoch
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
    /// new owner.
    /// - Throws: `BusError` of kind `notFound`, naming what is published.
    public func find<Object: DistributedActor>(
        _ type: Object.Type, named name: String
    ) async throws -> Object where Object.ActorSystem == Bus {
        try Object.resolve(id: try await self.bind(name), using: self)
    }

    /// Finds a published object and stays with it: when its owner ends, calls fail.
    public func find<Object: DistributedActor>(
        pinned type: Object.Type, named name: String
    ) async throws -> Object where Object.ActorSystem == Bus {
        try Object.resolve(id: try await self.resolve(name).held, using: self)
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
        if case .own = held.lease { return held }
        return HeldReference(held.reference, lease: .name(NameBinding(name, self, found)))
    }

    /// The number under which this node's object is what `name` means; nil while it stands by, or
    /// if this node has not published the name.
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
    /// `object` does not follow a name.
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
        /// The number of the head, larger than that of any head before; nil for a standby.
        public let fence: UInt64?
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

/// The broker's answer to `find(_:)`: an array of three.
struct FoundName: Decodable, Sendable {
    let held: HeldReference
    let interface: String
    let fence: UInt64

    init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        self.held = try container.decode(HeldReference.self)
        self.interface = try container.decode(String.self)
        self.fence = try container.decode(UInt64.self)
    }
}
