// Part of objbus. SPDX-License-Identifier: Apache-2.0
// A program, not an interface; public only to be seen in what crosses the bus.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

import BusAPI

/// What is made, handed on, called and dropped; its journal knows whether it lives.
distributed actor Parcel {
    typealias ActorSystem = Bus

    /// Proxies have none: it lives as long as the object itself.
    private let life: Life

    init(_ journal: Journal, actorSystem: Bus) {
        self.actorSystem = actorSystem
        self.life = Life(journal)
    }

    /// The number of the object at its owner.
    distributed func number() -> Int { Int(self.id.reference.object.rawValue) }

    private final class Life: Sendable {
        private let journal: Journal
        private let number: UInt32

        init(_ journal: Journal) {
            self.journal = journal
            self.number = journal.made()
        }

        deinit { self.journal.gone(self.number) }
    }
}

extension Parcel: BusObjectProtocol {
    static let busInterface = Interface(
        name: "Parcel", documentation: "", methods: [.init(name: "number()", returns: "Int")])

    static func busDispatch(
        _ call: IncomingCall, on object: isolated Parcel
    ) async throws -> CallResult? {
        guard call.method == "number()" else { return nil }
        _ = try call.arguments(0)
        return try call.result(object.number())
    }
}

/// Where a worker makes objects for others, and keeps and calls those of others.
distributed actor Market {
    typealias ActorSystem = Bus

    private let bag: Bag

    init(_ bag: Bag, actorSystem: Bus) {
        self.actorSystem = actorSystem
        self.bag = bag
    }

    /// A new object, which nobody holds here.
    distributed func make() -> Parcel { self.bag.make() }

    /// Keeps an object, and calls it or another one back.
    distributed func keep(_ parcel: Parcel) async {
        self.bag.put(parcel)
        await self.bag.callSome()
    }

    /// An object that is not kept here any more.
    distributed func give() -> Parcel? { self.bag.take()?.parcel }
}

extension Market: BusObjectProtocol {
    static let busInterface = Interface(
        name: "Market", documentation: "",
        methods: ["make()", "keep(_:)", "give()"].map { .init(name: $0) })

    static func busDispatch(
        _ call: IncomingCall, on object: isolated Market
    ) async throws -> CallResult? {
        switch call.method {
        case "make()":
            _ = try call.arguments(0)
            return try call.result(object.make())
        case "keep(_:)":
            var arguments = try call.arguments(1)
            await object.keep(try arguments.next("_", as: Parcel.self))
            return call.result()
        case "give()":
            _ = try call.arguments(0)
            return try call.result(object.give())
        default:
            return nil
        }
    }
}
