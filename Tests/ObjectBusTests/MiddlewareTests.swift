// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusZeroMQ
import ObjectBus
import TestObjects
import Testing

/// Notes what it sees, adds a header at the caller's side, and forbids one method.
private final class Watcher: CallMiddleware {
    let seen = Locked<[String]>([])

    func intercept(
        _ call: CallInfo, next: @Sendable (CallInfo) async throws -> Void
    ) async throws {
        if call.method == "value()" { throw BusError(.denied, "not this one") }
        var call = call
        if call.side == .caller { call.headers["who"] = "me" }
        let who = call.headers["who"] ?? "?"
        self.seen.withLock { $0.append("\(call.side.rawValue) \(call.method) \(who)") }
        try await next(call)
    }
}

/// Makes each call of the caller's twice.
private struct Twice: CallMiddleware {
    func intercept(
        _ call: CallInfo, next: @Sendable (CallInfo) async throws -> Void
    ) async throws {
        if call.side == .caller { try await next(call) }
        try await next(call)
    }
}

@Suite struct MiddlewareTests {
    @Test func `a middleware is around calls at both sides and its headers cross`() async throws {
        let owner = try await Bus.embedded(name: "owner")
        let watcher = Watcher()
        var configuration = owner.configuration
        configuration.middleware = [watcher, LoggingMiddleware(owner.configuration.logger)]
        let worker = try await Bus.connect(configuration)
        let counter = Counter(actorSystem: worker)
        try await worker.publish(counter, as: "counter")
        let client = try await Bus.connect(configuration)
        let proxy = try await client.find(Counter.self, named: "counter")
        #expect(try await proxy.add(2) == 2)
        let error = await #expect(throws: BusError.self) { try await proxy.value() }
        #expect(error?.kind == .denied)
        #expect(watcher.seen.withLock { $0 } == ["caller add(_:) me", "object add(_:) me"])
        client.close()
        worker.close()
        owner.close()
    }

    @Test func `each time that a middleware makes a call it is another replica's turn`()
        async throws
    {
        let owner = try await Bus.embedded(name: "owner")
        let other = try await owner.attach(name: "other")
        let counters = [Counter(actorSystem: owner), Counter(actorSystem: other)]
        try await owner.publish(counters[0], as: "counter", replicas: .roundRobin)
        try await other.publish(counters[1], as: "counter", replicas: .roundRobin)
        var configuration = owner.configuration
        configuration.middleware = [Twice()]
        let client = try await Bus.connect(configuration)
        let proxy = try await client.find(Counter.self, named: "counter")
        #expect(try await proxy.add(2) == 2)
        for counter in counters { #expect(try await counter.value() == 2) }
        client.close()
        other.close()
        owner.close()
    }

    @Test func `a drained bus lets a running handler finish and withdraws its names`() async throws
    {
        let owner = try await Bus.embedded(name: "owner")
        let worker = try await owner.attach(name: "worker")
        let gate = Gate(actorSystem: worker)
        try await worker.publish(gate, as: "gate")
        let proxy = try await owner.find(Gate.self, named: "gate")
        let call = Task { try await proxy.pass(7) }
        while try await gate.count() < 1 { await Task.yield() }
        let drain = Task { await worker.drain() }
        while try await !owner.names().isEmpty { await Task.yield() }
        let late = await #expect(throws: BusError.self) {
            try await worker.publish(gate, as: "late")
        }
        #expect(late?.kind == .disconnected && late?.executed == .no)
        #expect(try await owner.names().isEmpty)
        try await gate.open()
        #expect(try await call.value == 7)
        await drain.value
        owner.close()
    }
}
