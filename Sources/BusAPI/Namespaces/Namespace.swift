// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusValue
import BusWire
public import Distributed

/// What one node has published, as an object: the node's root.
///
/// ```swift
/// let desk = try await bus.namespace(ofNode: "desk")
/// for entry in try await desk.list() { print(entry.name, entry.interface) }
/// let counter = try await desk.find(Counter.self, named: "counter")
/// ```
///
/// Names may be nested, with slashes between: `bank/accounts/7`.
public struct Namespace: ObjectReference, Hashable {
    /// The root as an object without types.
    public let object: RemoteObject

    /// Says that an object is a node's root; if not, calls fail.
    public init(_ object: RemoteObject) {
        self.object = object
    }

    /// One name.
    public struct Entry: Codable, Hashable, Sendable {
        /// The name, `bank/accounts/7`.
        public let name: String
        /// What the object's type is called.
        public let interface: String

        /// Makes an entry.
        public init(name: String, interface: String) {
            (self.name, self.interface) = (name, interface)
        }
    }

    /// The node's name.
    public var nodeName: String { get async throws { try await self.object.call("node()") } }

    /// What the node has refused, dropped or lost since its start, by reason; see `Bus.drops`.
    public var drops: [String: UInt64] {
        get async throws { try await self.object.call("drops()") }
    }

    /// What is published, sorted by name; with `prefix` only that name and those below it.
    public func list(below prefix: String = "") async throws -> [Entry] {
        try await self.object.call("list(below:)", [prefix])
    }

    /// The object of a name; throws `BusError` of kind `notFound`, naming what there is.
    ///
    /// It stays with this node, and does not follow the name to another one.
    public func lookUp(_ name: String) async throws -> RemoteObject {
        try await self.object.call("object(_:)", [name])
    }

    /// The object of a name as a typed proxy.
    public func find<Object: DistributedActor>(
        _ type: Object.Type, named name: String
    ) async throws -> Object where Object.ActorSystem == Bus {
        try Object.resolve(id: try await self.lookUp(name).id, using: self.object.bus)
    }
}

extension Bus {
    /// The namespace of the node that listings call `name`; of several the first.
    ///
    /// - Throws: `BusError` of kind `notFound`, naming the nodes that there are.
    public func namespace(ofNode name: String) async throws -> Namespace {
        let nodes = try await self.nodes().arrayValue ?? []
        guard let node = nodes.first(where: { $0["node"]?.stringValue == name }),
            let text = node["incarnation"]?.stringValue, let number = UInt64(text, radix: 16)
        else {
            let names = beginning(of: nodes.compactMap { $0["node"]?.stringValue })
            throw BusError(.notFound, "no node is called '\(name)'; there is \(names)")
        }
        return Namespace(self.root(of: IncarnationID(rawValue: number)))
    }

    /// This node's own namespace, to be handed out.
    public var namespace: Namespace { Namespace(self.root(of: self.incarnation)) }

    func root(of incarnation: IncarnationID) -> RemoteObject {
        let reference = Reference(owner: incarnation, object: .root)
        return RemoteObject(HeldReference(reference, lease: .none), self)
    }

    /// An object of this process by its number.
    func ownObject(_ number: ObjectNumber) -> RemoteObject {
        let reference = Reference(owner: self.incarnation, object: number)
        return RemoteObject(HeldReference(reference, lease: .own), self)
    }
}

/// The first names, and how many more there are, for an error message.
func beginning(of names: [String]) -> String {
    let shown = names.prefix(8)
    let others = names.count - shown.count
    return shown.joined(separator: ", ") + (others > 0 ? " and \(others) more" : "")
}
