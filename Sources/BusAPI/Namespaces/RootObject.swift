// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/names.md §4.

import BusNode
import BusWire

/// Object 0 of a node: what it has published, like the names of a module.
///
/// Every node may call it without holding it: it tells nothing that the broker does not tell.
distributed actor RootObject: BusObjectProtocol {
    typealias ActorSystem = Bus

    /// What is published by this node, sorted by name.
    func list(below prefix: String) -> [Namespace.Entry] {
        self.actorSystem.node.publications
            .filter { $0.name.isBelow(prefix) }
            .map { Namespace.Entry(name: $0.name, interface: $0.interface) }
    }

    func object(_ name: String) throws -> RemoteObject {
        let publications = self.actorSystem.node.publications
        guard let found = publications.first(where: { $0.name == name }) else {
            let names = beginning(of: publications.map(\.name))
            throw BusError(.notFound, "this node has published no '\(name)'; it has \(names)")
        }
        return self.actorSystem.ownObject(found.object)
    }

    static let busInterface = Interface(
        name: "Namespace", documentation: "What a node has published, and has counted.",
        methods: [
            .init(
                name: "list()", returns: "[Entry]",
                documentation: "The names published, sorted, with their interfaces."),
            .reading(
                "list(below:)", [.labelled("below", "prefix", "String")], "[Entry]",
                "The same for names below another: 'bank' has 'bank/ada' below it."),
            .reading(
                "object(_:)", [.plain("name", "String")], "Object", "The object of a name."),
            .init(name: "node()", returns: "String", documentation: "The node's name."),
            .init(
                name: "drops()", returns: "[String: UInt64]",
                documentation: "What the node has refused, dropped or lost, by reason."),
            .reading(
                "awaited(by:number:)",
                [.labelled("by", "caller", "UInt64"), .labelled("number", "number", "UInt64")],
                "[Awaited]", "The calls that the handler of a call waits for."),
        ])

    static func busDispatch(
        _ call: IncomingCall, on object: isolated RootObject
    ) async throws -> CallResult? {
        switch call.method {
        case "list()":
            _ = try call.arguments(0)
            return try call.result(object.list(below: ""))
        case "list(below:)":
            return try call.result(object.list(below: try call.arguments(as: String.self)))
        case "object(_:)":
            return try call.result(object.object(try call.arguments(as: String.self)))
        case "node()":
            _ = try call.arguments(0)
            return try call.result(object.actorSystem.configuration.name)
        case "drops()":
            _ = try call.arguments(0)
            return try call.result(object.actorSystem.drops)
        case "awaited(by:number:)":
            let (caller, number) = try call.arguments(as: UInt64.self, UInt64.self)
            return try call.result(object.awaited(by: caller, number: number))
        default: return nil
        }
    }
}

extension String {
    /// Whether this name lies below `prefix`, from slash to slash; every name lies below "".
    func isBelow(_ prefix: String) -> Bool {
        prefix.isEmpty || self == prefix
            || self.hasPrefix(prefix.hasSuffix("/") ? prefix : "\(prefix)/")
    }
}
