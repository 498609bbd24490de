// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusZeroMQ
import Foundation
import ObjectBus
import TestObjects
import TestPrograms
import Testing

/// Several objects under one name, of which each call goes to one.
@Suite(.timeLimit(.minutes(1))) struct ReplicaCases {
    @Test(arguments: World.withoutLosses)
    func `calls go to one replica after another, and a pinned proxy stays with one`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let (buses, counters) = try await Self.publish(3, on: stage, .roundRobin)
            let all = try await stage.client.find(Counter.self, named: "replicas")
            for _ in 0..<30 { _ = try await all.add(1) }
            #expect(try await Self.totals(counters) == [10, 10, 10])
            let one = all.pinned
            for round in 1...5 { #expect(try await one.add(1) == 10 + round) }
            #expect(try await Self.totals(counters).sorted() == [10, 10, 15])
            let found = try await stage.client.find(pinned: Counter.self, named: "replicas")
            let before = try await found.value()
            #expect(try await found.add(1) == before + 1)
            #expect(stage.client.fence(of: all) == nil)
            #expect(try await buses[0].fence(ofOwn: "replicas") == nil)
            for bus in buses { bus.close() }
        }
    }

    @Test(arguments: World.withoutLosses)
    func `a replica that comes is called from the next call on, one that leaves no more`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let (buses, counters) = try await Self.publish(2, on: stage, .roundRobin)
            let all = try await stage.client.find(Counter.self, named: "replicas")
            for _ in 0..<4 { _ = try await all.add(1) }
            let third = try await stage.attach(name: "third")
            let late = Counter(actorSystem: third)
            try await third.publish(late, as: "replicas", replicas: .roundRobin)
            for _ in 0..<6 { _ = try await all.add(1) }
            #expect(try await late.value() == 2)
            try await buses[0].withdraw("replicas")
            let left = try await counters[0].value()
            for _ in 0..<6 { _ = try await all.add(1) }
            #expect(try await counters[0].value() == left)
            #expect(try await late.value() == 5)
            for bus in buses + [third] { bus.close() }
        }
    }

    @Test(arguments: World.withoutLosses)
    func `a node calls the replicas of its own name, itself among them`(world: World) async throws {
        try await Stage.run(world) { stage in
            let (buses, counters) = try await Self.publish(2, on: stage, .leastOutstanding)
            let all = try await buses[0].find(Counter.self, named: "replicas")
            for _ in 0..<6 { _ = try await all.add(1) }
            #expect(try await Self.totals(counters) == [3, 3])
            for bus in buses { bus.close() }
        }
    }

    @Test(arguments: World.withoutLosses)
    func `the replica with the fewest calls under way is called`(world: World) async throws {
        try await Stage.run(world) { stage in
            let buses = [try await stage.attach(name: "a"), try await stage.attach(name: "b")]
            let gates = buses.map { Gate(actorSystem: $0) }
            for (bus, gate) in zip(buses, gates) {
                try await bus.publish(gate, as: "gates", replicas: .leastOutstanding)
            }
            let all = try await stage.client.find(Gate.self, named: "gates")
            let call = Task { try await all.pass(7) }
            while try await Self.waiting(gates) == [0, 0] { await Task.yield() }
            for number in 0..<4 { try await all.note(number) }
            let busy = try await Self.waiting(gates).firstIndex(of: 1) ?? 0
            #expect(try await gates[busy].noted().isEmpty)
            #expect(try await gates[1 - busy].noted() == [0, 1, 2, 3])
            try await gates[busy].open()
            #expect(try await call.value == 7)
            for bus in buses { bus.close() }
        }
    }

    @Test(arguments: World.withoutLosses)
    func `what a replica hands out, and an iteration, stay with it`(world: World) async throws {
        try await Stage.run(world) { stage in
            let buses = [try await stage.attach(name: "a"), try await stage.attach(name: "b")]
            let lists = buses.enumerated().map { index, bus in
                bus.list([Int](repeating: index, count: 50))
            }
            let directories = buses.map { Directory(actorSystem: $0) }
            for (index, bus) in buses.enumerated() {
                try await bus.publish(lists[index], as: "lists", replicas: .roundRobin)
                try await bus.publish(directories[index], as: "makers", replicas: .roundRobin)
            }
            let list = try await stage.client.find(SharedList<Int>.self, named: "lists")
            var seen: [Int] = []
            for _ in 0..<2 {
                var elements: [Int] = []
                for try await element in list.elements(chunk: 7) { elements.append(element) }
                #expect(elements.count == 50 && Set(elements).count == 1)
                seen.append(elements.first ?? -1)
            }
            #expect(seen.sorted() == [0, 1], "and the next iteration goes to the other")
            let makers = try await stage.client.find(Directory.self, named: "makers")
            let counters = [try await makers.create(), try await makers.create()]
            for counter in counters {
                for round in 1...3 { #expect(try await counter.add(1) == round) }
            }
            for bus in buses { bus.close() }
        }
    }

    @Test(arguments: World.allCases)
    func `no call is lost or doubled while links are lost and the broker restarts`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let (buses, counters) = try await Self.publish(3, on: stage, .roundRobin)
            let all = try await stage.client.find(Counter.self, named: "replicas")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask { for _ in 0..<25 { _ = try await all.add(1) } }
                }
                try await group.waitForAll()
            }
            #expect(try await Self.totals(counters).reduce(0, +) == 200)
            for bus in buses { bus.close() }
        }
    }

    @Test(arguments: World.withoutLosses)
    func `a name is what its first publisher says`(world: World) async throws {
        try await Stage.run(world) { stage in
            let (buses, _) = try await Self.publish(2, on: stage, .roundRobin)
            let mine = Counter(actorSystem: stage.client)
            let error = await #expect(throws: BusError.self) {
                try await stage.client.publish(mine, as: "replicas")
            }
            #expect(error?.kind == .invalid)
            #expect(error?.message.contains("a group of replicas by roundRobin") == true)
            let names = try await stage.client.names(prefix: "replicas")
            #expect(names.map(\.replicas) == [.roundRobin, .roundRobin])
            #expect(names.map(\.standby) == [0, 0] && names.allSatisfy { $0.fence == nil })
            for bus in buses { bus.close() }
        }
    }

    @Test func `workers share the load of clients, come and go, and a killed one costs its own`()
        async throws
    {
        try await Site.run(.ipc) { site in
            let other = try await Bus.connect(to: site.url, name: "other")
            defer { other.close() }
            var workers: [Program] = []
            for _ in 0..<3 { workers.append(try await Program.served(by: "replica", at: site.url)) }
            let load = Load()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for bus in [site.client, other] {
                    let counter = try await bus.find(Counter.self, named: "served")
                    for _ in 0..<8 { group.addTask { await load.run(counter) } }
                }
                await load.calls.grow(by: 900)
                let before = load.calls.number
                let first = try await workers[0].endCounted()
                let after = load.calls.number + 16
                #expect(first >= before / 3 * 8 / 10 && first <= after / 3 * 12 / 10)
                #expect(load.failures.isEmpty, "who is told to end is replaced without an error")
                workers[0] = try await Program.served(by: "replica", at: site.url)
                let since = load.calls.number
                await load.calls.grow(by: 900)
                let share = (load.calls.number - since) / 3
                let fourth = try await workers[0].endCounted()
                #expect(fourth >= share * 8 / 10, "\(fourth) of \(3 * share)")
                #expect(load.failures.isEmpty)
                workers[1].kill()
                await load.calls.grow(by: 300)
                let failures = load.failures
                #expect(failures.count <= 16 && failures.allSatisfy { $0.executed == .maybe })
                #expect(failures.allSatisfy { $0.kind == .disconnected })
                try await site.restartBroker()
                workers[1] = try await Program.served(by: "replica", at: site.url)
                await load.calls.grow(by: 300)
                #expect(load.failures == failures)
                load.calls.end()
                try await group.waitForAll()
                #expect(try await workers[1].endCounted() > 0)
                _ = try await workers[2].endCounted()
            }
        }
    }

    // MARK: What the cases need

    private static func publish(
        _ count: Int, on stage: Stage, _ policy: ReplicaPolicy
    ) async throws -> ([Bus], [Counter]) {
        var (buses, counters): ([Bus], [Counter]) = ([], [])
        for index in 0..<count {
            let bus = try await stage.attach(name: "replica \(index)")
            let counter = Counter(actorSystem: bus)
            try await bus.publish(counter, as: "replicas", replicas: policy)
            buses.append(bus)
            counters.append(counter)
        }
        return (buses, counters)
    }

    private static func totals(_ counters: [Counter]) async throws -> [Int] {
        var totals: [Int] = []
        for counter in counters { totals.append(try await counter.value()) }
        return totals
    }

    private static func waiting(_ gates: [Gate]) async throws -> [Int] {
        var counts: [Int] = []
        for gate in gates { counts.append(try await gate.count()) }
        return counts
    }
}

/// Calls without end, and what went wrong.
private final class Load: Sendable {
    let calls = Calls()
    private let errors = Locked<[BusError]>([])

    var failures: [BusError] { self.errors.withLock { $0 } }

    func run(_ counter: Counter) async {
        while !self.calls.isOver {
            do {
                _ = try await counter.add(1)
                self.calls.count()
            } catch let error as BusError {
                self.errors.withLock { $0.append(error) }
            } catch {
                Issue.record(error)
            }
        }
    }
}
