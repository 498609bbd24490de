// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Code of docs/guides/functions.md and collections.md: compiled here, run by FunctionGuideTests.

import ObjectBus

/// Tells whoever asked when something was sold.
@BusObject
distributed actor Shop {
    private var listeners: [RemoteFunction<String, Int, NoResult>] = []

    /// Calls `listener` with each article sold and its price.
    distributed func onSale(_ listener: RemoteFunction<String, Int, NoResult>) {
        self.listeners.append(listener)
    }

    /// Sells, and returns how many were told.
    distributed func sell(_ article: String, for price: Int) async throws -> Int {
        for listener in self.listeners { try await listener(article, price) }
        return self.listeners.count
    }

    /// A function of the shop's own.
    distributed func discount(of percent: Int) -> RemoteFunction<Int, Int> {
        self.actorSystem.function("A price with \(percent) % off.") { (price: Int) in
            price * (100 - percent) / 100
        }
    }
}

func listen(to shop: Shop, on bus: Bus, _ note: @escaping @Sendable (String) -> Void) async throws {
    let listener = bus.function { (article: String, price: Int) in
        note("\(article) for \(price)")
    }
    try await shop.onSale(listener)
}

func compute(with shop: Shop) async throws -> Int {
    let reduced = try await shop.discount(of: 20)
    return try await reduced(50)
}

func computeWithoutTypes(on bus: Bus) async throws -> Int {
    let shop = try await bus.object(named: "shop")
    let reduced: RemoteObject = try await shop.discount(of: 10)
    return try await reduced(50)
}

/// Has a cart that everybody fills.
@BusObject
distributed actor Kiosk {
    private let shared: SharedList<String>

    init(actorSystem: Bus) {
        self.actorSystem = actorSystem
        self.shared = actorSystem.list(["milk"])
    }

    /// The cart itself, by reference.
    distributed func cart() -> SharedList<String> { self.shared }

    /// What is in it now, by value.
    distributed func articles() async throws -> [String] { try await self.shared.copy() }
}

func fill(_ kiosk: Kiosk) async throws -> [String] {
    let cart = try await kiosk.cart()
    try await cart.append(contentsOf: ["bread", "eggs"])
    var seen: [String] = []
    for try await article in cart { seen.append(article) }
    return seen
}

func shareAges(on bus: Bus) async throws -> SharedDictionary<String, Int> {
    let ages = bus.dictionary(["ada": 36])
    try await bus.publish(ages, as: "ages")
    return ages
}

func readAges(on bus: Bus) async throws -> Int? {
    let ages = try await bus.find(SharedDictionary<String, Int>.self, named: "ages")
    try await ages.set(37, for: "ada")
    return try await ages["ada"]
}
