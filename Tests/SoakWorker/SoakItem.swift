// Part of objbus. SPDX-License-Identifier: Apache-2.0
// A program, not an interface; public only to be seen in what crosses the bus.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

import BusAPI
import Foundation
import Synchronization

/// What is copied, passed on and dropped.
distributed actor Item {
    typealias ActorSystem = Bus

    /// Proxies have none: it lives as long as the object itself.
    private let life = ItemLife()

    init(actorSystem: Bus) {
        self.actorSystem = actorSystem
    }

    /// Which object this is, among those of all processes.
    distributed func mark() -> String { self.life.mark }
}

extension Item: BusObjectProtocol {
    static let busInterface = Interface(
        name: "Item", documentation: "", methods: [.init(name: "mark()", returns: "String")])

    static func busDispatchSync(
        _ call: IncomingCall, on object: isolated Item
    ) throws -> CallResult? {
        guard call.method == "mark()" else { return nil }
        _ = try call.arguments(0)
        return try call.result(object.mark())
    }
}

/// Registers an item while it lives.
final class ItemLife: Sendable {
    private static let living = Mutex<Set<Int>>([])
    private static let made = Atomic<Int>(0)

    /// The items of this process that live now.
    static var marks: [String] {
        self.living.withLock { Array($0) }.map { "\(getpid()):\($0)" }
    }

    private let number: Int

    init() {
        self.number = Self.made.add(1, ordering: .relaxed).newValue
        _ = Self.living.withLock { $0.insert(self.number) }
    }

    deinit {
        _ = Self.living.withLock { $0.remove(self.number) }
    }

    var mark: String { "\(getpid()):\(self.number)" }
}
