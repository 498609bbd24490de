// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import ObjectBus
import TestObjects
import TestPrograms
import Testing

/// More calls than somebody takes.
@Suite(.timeLimit(.minutes(10))) struct OverloadCases {
    @Test(arguments: World.withoutLosses)
    func `two nodes that flood each other with full windows get all their answers`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let there = try await stage.client.find(Flooder.self, named: "flooder")
                .with(deadline: .seconds(150))
            let here = Flooder(actorSystem: stage.client)
            let (calls, bytes) = (4_096, 65_536)
            async let answered = there.flood(here, calls: calls, bytes: bytes)
            let mine = try await here.flood(there, calls: calls, bytes: bytes)
            let theirs = try await answered
            #expect(mine == calls && theirs == calls)
        }
    }

    /// A site whose nodes may have 10,000 bytes to take in, and a worker of it.
    private func run(
        _ body: (_ site: Site, _ worker: Program, _ gate: Gate) async throws -> Void
    ) async throws {
        let options = ["--set", "limits.waitingBytesPerNode=10000"]
        try await Site.run(.ipc, options) { site in
            let worker = try await site.start("gate", "gate")
            defer {
                worker.signal(SIGCONT)
                worker.kill()
            }
            try await body(site, worker, try await site.client.find(Gate.self, named: "gate"))
        }
    }

    /// Calls until one is refused; the others go on.
    private func fill(_ gate: Gate) async throws -> (BusError, [Task<Void, any Error>]) {
        var calls: [Task<Void, any Error>] = []
        let refusals = AsyncStream<BusError>.makeStream()
        for number in 1_000..<1_200 {
            calls.append(
                Task.immediate {
                    do {
                        try await gate.note(number)
                    } catch let error as BusError {
                        refusals.continuation.yield(error)
                    }
                })
        }
        for await error in refusals.stream { return (error, calls) }
        throw CancellationError()
    }

    @Test func `calls to a worker that stands still are refused by bytes, or wait, as they like`()
        async throws
    {
        try await self.run { _, worker, gate in
            worker.signal(SIGSTOP)
            let (refusal, calls) = try await self.fill(gate)
            #expect(refusal.kind == .overloaded && refusal.executed == .no)
            #expect(refusal.message.contains("node worker"))
            let patient = gate.with(overload: .wait)
            let waiting = (0..<200).map { number in
                Task.immediate { try await patient.note(number) }
            }
            worker.signal(SIGCONT)
            for call in waiting + calls { try await call.value }
            let noted = try await patient.noted()
            #expect(noted.filter { $0 < 1_000 }.sorted() == Array(0..<200))
            #expect(noted.count < 400, "what was refused has not run")
        }
    }

    @Test func `who waits for a worker that stays overloaded has expired at the deadline`()
        async throws
    {
        try await self.run { _, worker, gate in
            worker.signal(SIGSTOP)
            let (_, calls) = try await self.fill(gate)
            let patient = gate.with(overload: .wait).with(deadline: .milliseconds(200))
            let error = await #expect(throws: BusError.self) { try await patient.note(1) }
            #expect(error?.kind == .expired && error?.executed == .no)
            let remote = RemoteObject(gate).with(overload: .wait)
            let task = Task { try await remote.note(2) as Value }
            task.cancel()
            let cancelled = await #expect(throws: BusError.self) { try await task.value }
            #expect(cancelled?.kind == .cancelled)
            worker.signal(SIGCONT)
            for call in calls { try await call.value }
            // The refusals alone are more than this node may have to take in.
            let noted = try await gate.with(overload: .wait).noted()
            #expect(!noted.contains(1) && !noted.contains(2))
        }
    }

    @Test func `a quota for nodes of one name is that of no other`() async throws {
        let options = ["--set", "quotas=batch-* callsPerNode=2 namesPerNode=1"]
        try await Site.run(.ipc, options) { site in
            let worker = try await site.start("gate", "gate")
            defer { worker.kill() }
            let batch = try await Bus.connect(to: site.url, name: "batch-7")
            defer { batch.close() }
            let (small, large) = (
                try await batch.find(Gate.self, named: "gate"),
                try await site.client.find(Gate.self, named: "gate")
            )
            let passing = [small, small, large, large].map { gate in
                Task { try await gate.pass(1) }
            }
            try await awaitValue(4) { try await large.count() }
            let refusal = await #expect(throws: BusError.self) { try await small.note(1) }
            #expect(refusal?.kind == .overloaded && refusal?.executed == .no)
            #expect(refusal?.message == "this node has 2 calls under way")
            let waiting = Task { try await small.with(overload: .wait).note(2) }
            try await large.open()
            for call in passing { #expect(try await call.value == 1) }
            try await waiting.value
            let counters = (Gate(actorSystem: batch), Gate(actorSystem: batch))
            try await batch.publish(counters.0, as: "one")
            let second = await #expect(throws: BusError.self) {
                try await batch.publish(counters.1, as: "two")
            }
            #expect(second?.kind == .overloaded)
            try await site.client.publish(Gate(actorSystem: site.client), as: "three")
        }
    }

    @Test func `an object of a name with a quota is called so often at once and no more`()
        async throws
    {
        let options = ["--set", "objectQuotas=gate* callsUnderWay=2"]
        try await Site.run(.ipc, options) { site in
            let worker = try await site.start("gate", "gate")
            defer { worker.kill() }
            let other = try await Bus.connect(to: site.url, name: "other")
            defer { other.close() }
            let mine = try await site.client.find(Gate.self, named: "gate")
            let theirs = try await other.find(pinned: Gate.self, named: "gate")
            // These may be refused while somebody asks how many wait.
            let passing = [mine, theirs].map { gate in
                Task { try await gate.with(overload: .wait).pass(1) }
            }
            for gate in [mine, theirs] {
                while (try? await gate.count()) != nil { await Task.yield() }
                let refusal = await #expect(throws: BusError.self) { try await gate.count() }
                #expect(refusal?.kind == .overloaded && refusal?.executed == .no)
            }
            let waiting = Task { try await mine.with(overload: .wait).note(2) }
            try await mine.oneway.open()
            for call in passing { #expect(try await call.value == 1) }
            try await waiting.value
            #expect(try await theirs.noted() == [2])
        }
    }

    /// Up to three times: where other programs keep the processors busy, a caller with few calls
    /// may not get to make the next one for long. A worker that takes no turns fails each time.
    @Test func `who has few calls under way gets its turns beside one that has thousands`()
        async throws
    {
        try await Site.run(.ipc) { site in
            var passed: [Int] = []
            // Two hundred turns are its own, and as many the other one's. If the worker looked for
            // new calls only after some dozens of handlers, it would be all of the thousands.
            while passed.count < 3, passed.allSatisfy({ $0 >= 800 }) {
                passed.append(try await callsThatPass(site))
            }
            #expect(passed.contains { $0 < 800 }, "\(passed)")
        }
    }
}

/// How many of 3,000 calls of one node start at an object between the first and the last of 200
/// that another node makes, of which eight are under way at a time.
private func callsThatPass(_ site: Site) async throws -> Int {
    let worker = try await site.start("gate", "gate")
    defer { worker.kill() }
    let other = try await Bus.connect(to: site.url, name: "other")
    defer { other.close() }
    let busy = try await site.client.find(Gate.self, named: "gate")
    let gate = try await other.find(Gate.self, named: "gate")
    let flood = (0..<3_000).map { number in
        Task.immediate { try await busy.note(number, workingFor: 200) }
    }
    try await withThrowingTaskGroup { group in
        for _ in 0..<8 {
            group.addTask {
                for _ in 0..<25 { try await gate.note(-1, workingFor: 200) }
            }
        }
        try await group.waitForAll()
    }
    let noted = try await gate.noted()
    let first = try #require(noted.firstIndex(of: -1))
    let last = try #require(noted.lastIndex(of: -1))
    for call in flood { try await call.value }
    return noted[first...last].count { $0 >= 0 }
}
