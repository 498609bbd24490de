// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Code of docs/guides/replicas.md: compiled here, run by ReplicaGuideTests.

import ObjectBus

/// Makes pictures smaller.
@BusObject
distributed actor Resizer {
    private var known: [String] = []

    distributed func resize(_ picture: String, to width: Int) -> String { "\(width)-\(picture)" }

    distributed func load(_ picture: String) { self.known.append(picture) }

    /// What is loaded here.
    distributed func sizes() -> Int { self.known.count }
}

func publishResizer(_ bus: Bus) async throws {
    let resizer = Resizer(actorSystem: bus)
    try await bus.publish(resizer, as: "resizer", replicas: .roundRobin)
}

func resize(_ bus: Bus) async throws -> (Resizer, String) {
    let resizer = try await bus.find(Resizer.self, named: "resizer")
    let small = try await resizer.resize("cat.png", to: 64)
    return (resizer, small)
}

func loadAndCount(_ resizer: Resizer) async throws -> Int {
    let one = resizer.pinned
    try await one.load("cat.png")
    let sizes = try await one.sizes()
    return sizes
}
