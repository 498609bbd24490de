// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Code of docs/guides/types.md and evolving-interfaces.md: compiled here, run by TypeGuideTests.

import ObjectBus

/// Makes meters: what other languages would call a class method.
@BusObject
distributed actor MeterFactory {
    private var made = 0

    /// A new meter, which lives here while anybody holds it.
    distributed func create(named name: String) -> Meter {
        self.made += 1
        return Meter(name, actorSystem: self.actorSystem)
    }

    /// How many there have been.
    distributed func count() -> Int { self.made }
}

/// Measures.
@BusObject
distributed actor Meter {
    private let name: String
    private var limit = 100

    init(_ name: String, actorSystem: Bus) {
        self.name = name
        self.actorSystem = actorSystem
    }

    /// What it is called.
    distributed func label() -> String { self.name }

    /// The property `threshold`.
    distributed func threshold() -> Int { self.limit }

    /// Writes the property `threshold`.
    distributed func setThreshold(_ value: Int) { self.limit = value }
}

func useAsMeter(_ remote: RemoteObject) async throws -> String {
    let meter = try await remote.as(Meter.self)
    return try await meter.label()
}

func readAndWrite(_ remote: RemoteObject) async throws -> Int {
    let threshold: Int = try await remote.threshold
    try await remote.set("threshold", to: threshold + 1)
    return try await remote.threshold
}

func listModule(of node: String, on bus: Bus) async throws -> [String] {
    let root = try await bus.namespace(ofNode: node)
    return try await root.list(below: "meters").map(\.name)
}

func readMany(_ remote: RemoteObject) async throws -> [Value] {
    var batch = Batch()
    batch.add("label()")
    batch.add("setThreshold(_:)", 5)
    batch.add("threshold()")
    return try await remote.perform(batch).map { try $0.get() }
}

/// A colour, of which later versions may know more.
enum Colour: String, Codable, Sendable {
    case red
    case blue
    /// Whatever this version does not know.
    case other

    init(from decoder: any Decoder) throws {
        let word = try decoder.singleValueContainer().decode(String.self)
        self = Colour(rawValue: word) ?? .other
    }
}

/// A measurement; `note` was added later, and older callers do without.
struct Measurement: Codable, Sendable {
    var value: Double
    var colour: Colour
    var note: String?
}
