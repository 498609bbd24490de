// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBroker
import BusKernel
import BusWire
import BusZeroMQ
import Foundation
import Glibc
import ServiceLifecycle
import Testing

@Suite(.timeLimit(.minutes(1))) struct LifecycleTests {
    private func broker(
        _ endpoints: String..., change: (inout BrokerConfiguration) -> Void = { _ in }
    ) -> Broker {
        var configuration = BrokerConfiguration(endpoints: endpoints)
        configuration.state = .ephemeral
        configuration.logger = LogBook().logger
        change(&configuration)
        return Broker(configuration)
    }

    @Test func `port 0 becomes a port, and stopping frees it`() throws {
        let first = self.broker("tcp://localhost:0")
        let endpoint = try #require(try first.start().first)
        #expect(endpoint.hasPrefix("tcp://127.0.0.1:") && !endpoint.hasSuffix(":0"))
        #expect(first.endpoints == [endpoint])
        first.stop()
        #expect(first.endpoints.isEmpty)
        let second = self.broker(endpoint)
        #expect(try second.start() == [endpoint])
        second.stop()
    }

    @Test func `stopping removes an ipc path, also in a shared context`() throws {
        for context in [nil, try Context()] {
            let endpoint = Transport.ipc.endpoint
            let path = String(endpoint.dropFirst(6))
            let broker = self.broker(endpoint) { $0.context = context }
            try broker.start()
            #expect(FileManager.default.fileExists(atPath: path))
            broker.stop()
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }

    @Test func `stopping again, or from many threads at once, does nothing more`() throws {
        let broker = self.broker("tcp://127.0.0.1:0")
        try broker.start()
        let threads = try (0..<8).map { _ in
            try SystemThread.start(name: "stopper") {
                broker.stop()
                #expect(broker.endpoints.isEmpty)
            }
        }
        for thread in threads { thread.join() }
        broker.stop()
        #expect(throws: BrokerError.self) { try broker.start() }
    }

    @Test func `nodes are told that the broker stops, as the last thing on their link`() throws {
        let world = try World(.ipc)
        var node = try RawNode.attached(world.endpoint, in: world.context)
        #expect(try node.ask("ping()").header.kind == .reply)
        world.broker.stop()
        #expect(try node.receive().header.kind == .stopping)
    }

    @Test func `dropping a broker stops it`() throws {
        let endpoint = Transport.ipc.endpoint
        do {
            let broker = self.broker(endpoint)
            try broker.start()
        }
        #expect(!FileManager.default.fileExists(atPath: String(endpoint.dropFirst(6))))
    }

    @Test(arguments: [Transport.tcp, .ipc])
    func `an address in use is named, and whoever has it keeps it`(transport: Transport) throws {
        let world = try World(transport)
        let second = self.broker(world.endpoint)
        let error = #expect(throws: BrokerError.self) { try second.start() }
        #expect(error?.reason == .addressInUse)
        #expect(error?.message.contains(world.endpoint) == true)
        var node = try RawNode.attached(world.endpoint, in: world.context)
        #expect(try node.ask("ping()").header.kind == .reply)
        world.broker.stop()
        #expect(try second.start() == [world.endpoint], "a failed start can be repeated")
    }

    @Test(arguments: [
        "", "tcp", "tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:x", "tcp://127.0.0.1:70000",
        "udp://127.0.0.1:1", "ipc://", "ipc:///nonexistent/folder/x",
        "ipc:///tmp/\(String(repeating: "x", count: 120))", "inproc://",
    ])
    func `an address that is none is refused by name`(endpoint: String) {
        let error = #expect(throws: BrokerError.self) { try self.broker(endpoint).start() }
        #expect(error?.reason == .addressInvalid)
        #expect(error?.message.hasPrefix("can't listen on \(endpoint):") == true)
    }

    @Test(arguments: [
        "tcp://0.0.0.0:0", "tcp://*:0", "tcp://192.168.1.1:0", "tcp://eth0:0", "tcp://128.0.0.1:0",
        "tcp://127.0.0.1.example.org:0", "tcp://127.0.0:0", "tcp://:0", "tcp://[::]:0",
    ])
    func `an address beyond this machine is refused, and why is said`(endpoint: String) {
        let error = #expect(throws: BrokerError.self) { try self.broker(endpoint).start() }
        #expect(error?.reason == .insecure)
        #expect(error?.message.contains("not authenticated") == true)
    }

    @Test func `an address beyond this machine is served if that is wanted`() throws {
        let broker = self.broker("tcp://0.0.0.0:0") { $0.insecure = true }
        #expect(try broker.start().first?.hasPrefix("tcp://0.0.0.0:") == true)
        broker.stop()
    }

    // MARK: As a service

    @Test func `a service group shuts it down gracefully`() async throws {
        let endpoint = Transport.ipc.endpoint
        let log = LogBook()
        let broker = self.broker(endpoint) { $0.logger = log.logger }
        let group = ServiceGroup(
            configuration: .init(services: [broker], logger: LogBook().logger))
        async let running: Void = group.run()
        _ = try await Task.detached { try log.wait(for: "broker listens") }.value
        await group.triggerGracefulShutdown()
        try await running
        #expect(!FileManager.default.fileExists(atPath: String(endpoint.dropFirst(6))))
    }

    @Test func `cancelling its task stops it`() async throws {
        let broker = self.broker("tcp://127.0.0.1:0")
        let endpoint = try #require(try broker.start().first)
        let task = Task { try await broker.run() }
        task.cancel()
        try await task.value
        let second = self.broker(endpoint)
        #expect(try second.start() == [endpoint])
    }

    @Test func `a context that is shut down ends it, and it says so`() async throws {
        let context = try Context()
        let log = LogBook()
        let broker = self.broker("inproc://x") {
            ($0.context, $0.logger) = (context, log.logger)
        }
        try broker.start()
        context.shutdown()
        let error = await #expect(throws: BrokerError.self) { try await broker.run() }
        #expect(error?.reason == .system)
        #expect(log.lines(with: "error broker failed").count == 1)
    }

    // MARK: The key

    @Test func `an incarnation outlives a restart of the broker by the key file`() throws {
        let directory = temporaryPath() + "/deep/state"
        let endpoint = Transport.ipc.endpoint
        let first = self.broker(endpoint) { $0.state = .directory(directory) }
        try first.start()
        let resumption: (IncarnationID, Seal, Epoch)
        do {
            let node = try RawNode.attached(endpoint, in: try Context())
            resumption = node.resumption
        }
        first.stop()
        let second = self.broker(endpoint) { $0.state = .directory(directory) }
        try second.start()
        var node = try RawNode.attached(endpoint, in: try Context(), resuming: resumption)
        #expect(node.incarnation == resumption.0)
        #expect(node.secret == resumption.1)
        #expect(try node.ask("ping()").header.kind == .reply)
        second.stop()
    }

    @Test func `a key is made once, for its owner's eyes, and one per address`() throws {
        let directory = temporaryPath()
        let address = try ListenAddress("tcp://127.0.0.1:7420")
        let first = try KeyFile.key(of: address, in: directory)
        #expect(first.key.count == KeyFile.byteCount && !first.existed)
        let again = try KeyFile.key(of: address, in: directory)
        #expect(again.key == first.key && again.existed)
        let other = try KeyFile.key(of: try ListenAddress("tcp://127.0.0.1:7421"), in: directory)
        #expect(other.key != first.key && !other.existed)
        for name in try FileManager.default.contentsOfDirectory(atPath: directory) {
            var facts = stat()
            #expect(stat("\(directory)/\(name)", &facts) == 0)
            #expect(facts.st_mode & 0o777 == 0o600, "\(name)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory).count == 2)
    }

    @Test func `starters at the same time agree on one key`() throws {
        let directory = temporaryPath()
        let address = try ListenAddress("ipc:///run/x")
        let keys = Locked<[[UInt8]]>([])
        let threads = try (0..<8).map { _ in
            try SystemThread.start(name: "starter") {
                let key = try? KeyFile.key(of: address, in: directory).key
                keys.withLock { $0.append(key ?? []) }
            }
        }
        for thread in threads { thread.join() }
        let found = keys.withLock { $0 }
        #expect(Set(found).count == 1 && found.first?.count == KeyFile.byteCount)
    }

    @Test(arguments: [0o644, 0o640, 0o604] as [mode_t])
    func `a key that others may read is refused`(mode: mode_t) throws {
        let (directory, path, address) = try self.madeKey()
        #expect(chmod(path, mode) == 0)
        let error = #expect(throws: BrokerError.self) {
            try KeyFile.key(of: address, in: directory)
        }
        #expect(error?.reason == .state)
        #expect(error?.message.contains(path) == true)
    }

    @Test func `a key of another size, or behind a link, is refused`() throws {
        let (directory, path, address) = try self.madeKey()
        #expect(truncate(path, 31) == 0)
        #expect(throws: BrokerError.self) { try KeyFile.key(of: address, in: directory) }
        #expect(rename(path, path + ".moved") == 0)
        #expect(symlink(path + ".moved", path) == 0)
        #expect(throws: BrokerError.self) { try KeyFile.key(of: address, in: directory) }
    }

    @Test func `a folder that can't be made is named`() {
        let error = #expect(throws: BrokerError.self) {
            try KeyFile.key(of: try ListenAddress("ipc://x"), in: "/dev/null/state")
        }
        #expect(error?.reason == .state)
        #expect(error?.message.contains("/dev/null") == true)
    }

    private func madeKey() throws -> (directory: String, path: String, address: ListenAddress) {
        let directory = temporaryPath()
        let address = try ListenAddress("tcp://127.0.0.1:7420")
        _ = try KeyFile.key(of: address, in: directory)
        let name = try #require(
            try FileManager.default.contentsOfDirectory(atPath: directory).first)
        return (directory, "\(directory)/\(name)", address)
    }

    @Test func `seals depend on the key, the reference and its generation`() {
        let reference = Reference(
            owner: IncarnationID(rawValue: 1), object: ObjectNumber(rawValue: 2))
        let one = MessageAuthenticator(key: [UInt8](repeating: 1, count: 32))
        let other = MessageAuthenticator(key: [UInt8](repeating: 2, count: 32))
        #expect(one.seal(reference, .first) == one.seal(reference, .first))
        let seals = [
            one.seal(reference, .first), other.seal(reference, .first),
            one.seal(reference, Generation.first.next), one.secret(of: reference.owner),
        ]
        #expect(Set(seals).count == 4 && !seals.contains(.none))
    }

    /// RFC 4231, test case 2: key "Jefe".
    @Test func `a seal is the beginning of an HMAC-SHA256`() {
        let authenticator = MessageAuthenticator(key: Array("Jefe".utf8))
        let seal = authenticator.seal(Array("what do ya want for nothing?".utf8))
        #expect(seal == Seal(high: 0x5BDC_C146_BF60_754E, low: 0x6A04_2426_0895_75C7))
    }
}
