// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI

/// Gives out items that it does not keep, and takes some that it does not keep either.
distributed actor Maker {
    typealias ActorSystem = Bus

    init(actorSystem: Bus) {
        self.actorSystem = actorSystem
    }

    /// So many new items, which nobody but the caller holds.
    distributed func make(_ count: Int) -> [Item] {
        (0..<count).map { _ in Item(actorSystem: self.actorSystem) }
    }

    /// Looks at what it gets, and lets it go.
    distributed func see(_ items: [Item]) -> Int { items.count }

    /// How many of its items live, and how many objects others hold.
    distributed func remaining() -> Int { ItemLife.marks.count }
}

extension Maker: BusObjectProtocol {
    static let busInterface = Interface(
        name: "Maker", documentation: "",
        methods: ["make(_:)", "see(_:)", "remaining()"].map { .init(name: $0) })

    static func busDispatchSync(
        _ call: IncomingCall, on object: isolated Maker
    ) throws -> CallResult? {
        switch call.method {
        case "make(_:)":
            var arguments = try call.arguments(1)
            return try call.result(object.make(try arguments.next("count", as: Int.self)))
        case "see(_:)":
            var arguments = try call.arguments(1)
            return try call.result(object.see(try arguments.next("items", as: [Item].self)))
        case "remaining()":
            _ = try call.arguments(0)
            return try call.result(object.remaining())
        default:
            return nil
        }
    }
}
