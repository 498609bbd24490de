// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import ObjectBus
import TestObjects
import TestPrograms
import Testing

/// Where a test runs: with everything in this process, or between processes over real sockets.
enum World: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case embedded
    case ipc
    case tcp

    var testDescription: String { self.rawValue }
}

/// A broker, a worker that publishes `TestObjects`, and a client's bus.
final class Stage: Sendable {
    let client: Bus
    /// In `.embedded` only: the worker's bus and objects.
    private let owner: Bus?
    private let objects: TestObjects?
    private let broker: Program?
    let worker: Program?
    let url: String

    private init(
        client: Bus, owner: Bus?, objects: TestObjects?, broker: Program?, worker: Program?,
        url: String
    ) {
        self.client = client
        self.owner = owner
        self.objects = objects
        self.broker = broker
        self.worker = worker
        self.url = url
    }

    /// Runs `body` with everything set up, and takes it down again.
    static func run(_ world: World, _ body: (Stage) async throws -> Void) async throws {
        let stage = try await self.setUp(world)
        do {
            try await body(stage)
            stage.tearDown()
        } catch {
            stage.tearDown()
            throw error
        }
    }

    private static func setUp(_ world: World) async throws -> Stage {
        switch world {
        case .embedded:
            let owner = try await Bus.embedded(name: "worker")
            let objects = try await TestObjects(on: owner)
            return Stage(
                client: try await owner.attach(name: "client"), owner: owner, objects: objects,
                broker: nil, worker: nil, url: "inproc://objbus")
        case .ipc, .tcp:
            let folder = try temporaryFolder()
            let listen = world == .tcp ? "tcp://127.0.0.1:*" : "ipc://\(folder)/bus"
            let broker = try Program(
                "objbus", ["broker", "--listen", listen, "--state", folder])
            let line = try await broker.line { $0.contains("listening on") }
            guard let url = line.split(separator: " ").last.map(String.init) else {
                throw Program.Failure(text: "no address in '\(line)'")
            }
            let worker = try Program("TestWorker", [], environment: ["OBJBUS_URL": url])
            _ = try await worker.line { $0 == "ready" }
            return Stage(
                client: try await Bus.connect(to: url, name: "client"), owner: nil, objects: nil,
                broker: broker, worker: worker, url: url)
        }
    }

    /// Another client.
    func attach(name: String) async throws -> Bus {
        if let owner { return try await owner.attach(name: name) }
        return try await Bus.connect(to: self.url, name: name)
    }

    private func tearDown() {
        self.client.close()
        self.owner?.close()
        self.worker?.kill()
        self.broker?.kill()
    }
}

func temporaryFolder() throws -> String {
    let folder = FileManager.default.temporaryDirectory.path + "/objbus-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    return folder
}
