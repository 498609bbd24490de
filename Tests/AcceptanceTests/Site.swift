// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusZeroMQ
import Foundation
import ObjectBus
import TestPrograms
import Testing

/// A broker in a process of its own, which can be killed and started again, and a client here.
final class Site: Sendable {
    let client: Bus
    /// The broker's address.
    let url: String
    private let folder: String
    private let options: [String]
    private let broker: Locked<Program>

    /// - Parameter options: of the broker, besides its address and state.
    static func run(
        _ world: World, _ options: [String] = [], _ body: (Site) async throws -> Void
    ) async throws {
        let folder = try temporaryFolder()
        var listen = "ipc://\(folder)/bus"
        if world == .tcp {
            // A broker's state belongs to its address, which is to be the same after a restart.
            let (finder, url) = try await self.startBroker("tcp://127.0.0.1:*", folder, [])
            finder.kill()
            listen = url
        }
        let (broker, url) = try await self.startBroker(listen, folder, options)
        let client = try await Bus.connect(to: url, name: "client")
        let site = Site(
            client: client, url: url, folder: folder, options: options, broker: broker)
        defer {
            client.close()
            site.killBroker()
        }
        try await body(site)
    }

    private init(
        client: Bus, url: String, folder: String, options: [String], broker: Program
    ) {
        (self.client, self.url, self.folder, self.options) = (client, url, folder, options)
        self.broker = Locked(broker)
    }

    private static func startBroker(
        _ listen: String, _ folder: String, _ options: [String]
    ) async throws -> (Program, url: String) {
        let broker = try Program(
            "objbus", ["broker", "--listen", listen, "--state", folder] + options)
        let line = try await broker.line(with: "listening on")
        let url = try #require(line.split(separator: " ").last.map(String.init))
        return (broker, url)
    }

    /// With SIGKILL, and waits for its end.
    func killBroker() { self.broker.withLock { $0.kill() } }

    /// Ends it, and waits for that.
    func endBroker(by signal: Int32) async throws {
        let broker = self.broker.withLock { $0 }
        broker.signal(signal)
        #expect(try await broker.exitStatus() == (signal == SIGTERM ? 0 : 128 + signal))
    }

    /// Starts the next broker at the same address and with the same state.
    func startBroker() async throws {
        let (next, _) = try await Self.startBroker(self.url, self.folder, self.options)
        self.broker.withLock { $0 = next }
    }

    func restartBroker() async throws {
        self.killBroker()
        try await self.startBroker()
    }

    /// Starts a `TestWorker` that publishes what it is asked for as `name`, and waits for that.
    func start(_ object: String, _ name: String) async throws -> Program {
        let worker = try Program(
            "TestWorker", [object, name], environment: ["OBJBUS_URL": self.url])
        try await awaitValue(1) { try await self.client.names(prefix: name).count }
        return worker
    }
}

/// Asks until the answer is `expected`: something that has begun is to end.
func awaitValue<Answer: Equatable & Sendable>(
    _ expected: Answer, within limit: Duration = .seconds(30),
    _ ask: () async throws -> Answer, sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    let end = ContinuousClock.now + limit
    var answer = try await ask()
    while answer != expected {
        try #require(
            ContinuousClock.now < end, "still \(answer), not \(expected)",
            sourceLocation: sourceLocation)
        await Task.yield()
        answer = try await ask()
    }
}
