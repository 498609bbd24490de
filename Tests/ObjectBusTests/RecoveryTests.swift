// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import BusBroker
import Foundation
import Logging
import ObjectBus
import TestObjects
import Testing

/// A broker that can be taken away and brought back at the same address.
private final class Brokers {
    private let state: String
    private var broker: Broker
    let url: String

    init() throws {
        self.state = FileManager.default.temporaryDirectory.path + "/objbus-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: self.state, withIntermediateDirectories: true)
        self.url = "ipc://\(self.state)/bus"
        self.broker = try Self.start(self.url, self.state)
    }

    func restart() throws {
        self.broker.stop()
        self.broker = try Self.start(self.url, self.state)
    }

    func stop() { self.broker.stop() }

    private static func start(_ url: String, _ state: String) throws -> Broker {
        var configuration = BrokerConfiguration(endpoints: [url])
        configuration.state = .directory(state)
        configuration.logger.logLevel = .critical
        let broker = Broker(configuration)
        _ = try broker.start()
        return broker
    }
}

@Suite struct RecoveryTests {
    @Test func `a call under way survives the broker's restart and runs once`() async throws {
        let brokers = try Brokers()
        let worker = try await Bus.connect(to: brokers.url, name: "worker")
        let client = try await Bus.connect(to: brokers.url, name: "client")
        let gate = Gate(actorSystem: worker)
        try await worker.publish(gate, as: "gate")
        let proxy = try await client.find(Gate.self, named: "gate")
        let before = worker.incarnation
        let call = Task { try await proxy.pass(7) }
        while try await gate.count() < 1 { await Task.yield() }
        try brokers.restart()
        let during = Task { try await proxy.note(1) }
        try await during.value
        #expect(try await gate.count() == 1)
        try await gate.open()
        #expect(try await call.value == 7)
        #expect(try await gate.noted() == [1])
        #expect(worker.incarnation == before)
        #expect(try await client.names().map(\.name) == ["gate"])
        client.close()
        worker.close()
        brokers.stop()
    }

    @Test func `references given out survive the broker's restart`() async throws {
        let brokers = try Brokers()
        let worker = try await Bus.connect(to: brokers.url, name: "worker")
        let client = try await Bus.connect(to: brokers.url, name: "client")
        let directory = Directory(actorSystem: worker)
        try await worker.publish(directory, as: "directory")
        let proxy = try await client.find(Directory.self, named: "directory")
        let created = try await proxy.create()
        let mine = Counter(actorSystem: client)
        try await proxy.remember(mine)
        try brokers.restart()
        #expect(try await created.add(2) == 2)
        #expect(try await proxy.addToAll(3) == [3])
        client.close()
        worker.close()
        brokers.stop()
    }

    @Test func `an object dies at its owner when its last holder drops it`() async throws {
        let owner = try await Bus.embedded(name: "owner")
        let client = try await owner.attach(name: "client")
        let directory = Directory(actorSystem: owner)
        try await owner.publish(directory, as: "directory")
        let proxy = try await client.find(Directory.self, named: "directory")
        let base = owner.exportCount
        func useOne() async throws {
            let created = try await proxy.create()
            #expect(try await created.add(1) == 1)
            #expect(owner.exportCount == base + 1)
        }
        for _ in 0..<10 { try await useOne() }
        while owner.exportCount > base { try await client.ping() }
        client.close()
        owner.close()
    }
}
