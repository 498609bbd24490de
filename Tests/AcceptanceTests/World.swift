// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import ObjectBus
import ObjectBusTesting
import TestObjects
import TestPrograms
import Testing

/// Where a test runs: with everything in this process, or between processes over real sockets.
enum World: Hashable, CaseIterable, Sendable, CustomTestStringConvertible {
    case simulated(seed: UInt64, SimulatedFaults = .all)
    case embedded
    case ipc
    case tcp

    /// Seeds of simulated worlds: `OBJBUS_TEST_SEEDS=7` or `OBJBUS_TEST_SEEDS=1-100`, if it is set.
    private static let chosen: ClosedRange<UInt64>? = {
        let text = ProcessInfo.processInfo.environment["OBJBUS_TEST_SEEDS"] ?? ""
        let ends = text.split(separator: "-").compactMap { UInt64($0) }
        guard let first = ends.first, let last = ends.last, first <= last else { return nil }
        return first...last
    }()

    static let allCases: [World] = worlds(with: .all)

    /// For cases with a node that ends: a call to it that was sent again may have been executed,
    /// and after a restart of the broker the standbys stand in another order. And for those that
    /// count calls, which are counted again when they are sent again.
    static let withoutLosses: [World] = worlds(with: .delays)

    /// For cases that have not been tried in simulated worlds.
    static let unsimulated: [World] = [.embedded, .ipc, .tcp]

    /// Chosen seeds are run without the other worlds: to try many.
    private static func worlds(with faults: SimulatedFaults) -> [World] {
        let simulated = (chosen ?? 1...3).map { World.simulated(seed: $0, faults) }
        return chosen == nil ? simulated + [.embedded, .ipc, .tcp] : simulated
    }

    var testDescription: String {
        switch self {
        case .simulated(let seed, _): "simulated, OBJBUS_TEST_SEEDS=\(seed)"
        case .embedded: "embedded"
        case .ipc: "ipc"
        case .tcp: "tcp"
        }
    }
}

/// A broker, a worker that publishes `TestObjects`, and a client's bus.
struct Stage: Sendable {
    let client: Bus
    /// The broker's address, where other processes can reach it.
    let url: String
    private let attaching: @Sendable (String) async throws -> Bus

    /// Runs `body` with everything set up, and takes it down again.
    static func run(_ world: World, _ body: (Stage) async throws -> Void) async throws {
        switch world {
        case .simulated(let seed, let faults):
            try await self.run(in: .simulated(seed: seed, faults: faults), body)
        case .embedded: try await self.run(in: .embedded, body)
        case .ipc, .tcp: try await self.runBetweenProcesses(world, body)
        }
    }

    /// Another client.
    func attach(name: String) async throws -> Bus { try await self.attaching(name) }

    /// Everything in this process.
    private static func run(
        in world: BusWorld, _ body: (Stage) async throws -> Void
    ) async throws {
        try await world.run { stage in
            let objects = try await TestObjects(on: try await stage.bus(named: "worker"))
            let client = try await stage.bus(named: "client")
            try await body(Stage(client: client, url: "") { try await stage.bus(named: $0) })
            withExtendedLifetime(objects) {}
        }
    }

    private static func runBetweenProcesses(
        _ world: World, _ body: (Stage) async throws -> Void
    ) async throws {
        let folder = try temporaryFolder()
        let listen = world == .tcp ? "tcp://127.0.0.1:*" : "ipc://\(folder)/bus"
        let broker = try Program("objbus", ["broker", "--listen", listen, "--state", folder])
        defer { broker.kill() }
        let line = try await broker.line { $0.contains("listening on") }
        guard let url = line.split(separator: " ").last.map(String.init) else {
            throw Program.Failure(text: "no address in '\(line)'")
        }
        let worker = try Program("TestWorker", [], environment: ["OBJBUS_URL": url])
        defer { worker.kill() }
        _ = try await worker.line { $0 == "ready" }
        let client = try await Bus.connect(to: url, name: "client")
        defer { client.close() }
        try await body(Stage(client: client, url: url) { try await Bus.connect(to: url, name: $0) })
    }
}

func temporaryFolder() throws -> String {
    let folder = FileManager.default.temporaryDirectory.path + "/objbus-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    return folder
}
