// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ObjectBus
import ObjectBusTesting
import TestObjects
import TestPrograms
import Testing

@Suite(.timeLimit(.minutes(2))) struct DeadlockCases {
    /// A turnstile of the client, published as `near`.
    private func near(_ stage: Stage, limit: Int?) async throws -> Turnstile {
        let near = Turnstile(actorSystem: stage.client)
        if let limit { try stage.client.limit(near, toConcurrentCalls: limit) }
        try await stage.client.publish(near, as: "near")
        return near
    }

    /// The error of the one that failed, and the result of the other one.
    private func outcomes<Success: Sendable>(
        _ calls: [Task<Success, any Error>]
    ) async -> (results: [Success], errors: [BusError]) {
        var (results, errors): ([Success], [BusError]) = ([], [])
        for call in calls {
            switch await call.result {
            case .success(let result): results.append(result)
            case .failure(let error): errors += (error as? BusError).map { [$0] } ?? []
            }
        }
        return (results, errors)
    }

    @Test(arguments: World.allCases)
    func `of two calls that wait for each other one fails and tells why, the other is answered`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let kept = try await self.near(stage, limit: 1)
            let third = try await stage.attach(name: "third")
            let gate = try await third.find(Gate.self, named: "gate")
            let far = try await third.find(Turnstile.self, named: "turnstile/0")
            let near = try await third.find(Turnstile.self, named: "near")
            let begin = ContinuousClock.now
            let calls = [
                Task { try await far.meet(near, through: gate) },
                Task { try await near.meet(far, through: gate) },
            ]
            while try await gate.count() < 2 { await Task.yield() }
            try await gate.open()
            let (results, errors) = await self.outcomes(calls)
            #expect(ContinuousClock.now - begin < .seconds(20), "the deadline is 30 s")
            #expect(results == [0])
            let error = try #require(errors.first)
            #expect(error.kind == .overloaded)
            #expect(error.message.contains("a deadlock"), "\(error)")
            for call in ["reach(_:)", "meet(_:through:)"] {
                #expect(error.message.contains("\(call) of near at client"), "\(error)")
                #expect(error.message.contains("\(call) of turnstile/0 at worker"), "\(error)")
            }
            withExtendedLifetime(kept) {}
        }
    }

    @Test(arguments: World.allCases)
    func `an object with a limit that is called back by its own call is told so`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let kept = try await self.near(stage, limit: nil)
            let third = try await stage.attach(name: "third")
            let own = Turnstile(actorSystem: third)
            let far = try await third.find(Turnstile.self, named: "turnstile/0")
            let near = try await third.find(Turnstile.self, named: "near")
            // Between the two are calls that run, which only their own nodes know of.
            let error = await #expect(throws: BusError.self) {
                try await far.reach([near, own, near, far])
            }
            #expect(error?.kind == .overloaded)
            #expect(error?.message.contains("a deadlock") == true, "\(String(describing: error))")
            #expect(error?.message.contains("reach(_:) of near at client") == true)
            #expect(error?.message.contains("at third") == true)
            #expect(try await far.reach([near, own, near]) == 3, "it can be called as before")
            withExtendedLifetime(kept) {}
        }
    }

    @Test(arguments: [World.simulated(seed: 1, .delays), .embedded, .ipc])
    func `calls back into objects without limits are not told of, however long they take`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let kept = try await self.near(stage, limit: nil)
            let third = try await stage.attach(name: "third")
            let gate = try await third.find(Gate.self, named: "gate")
            let far = try await third.find(Turnstile.self, named: "turnstile/3")
            let near = try await third.find(Turnstile.self, named: "near")
            let back = Task { try await far.reach([near, far, near, far], then: gate) }
            // A call that does wait tells that a look at what waits has been taken meanwhile.
            let narrow = try await third.find(Turnstile.self, named: "turnstile/1")
            let first = Task { try await narrow.pass(1, through: gate) }
            while try await gate.count() < 2 { await Task.yield() }
            let second = Task { try await narrow.pass(2, through: gate) }
            var waiting: [Value] = []
            while (waiting.first?["seconds"]?.doubleValue ?? 0) < 2 {
                waiting = try await third.waits()["waiting"]?.arrayValue ?? []
                await Task.yield()
            }
            #expect(waiting.map { $0["method"] } == [.string("pass(_:through:)")])
            #expect(waiting.first?["behind"]?[0]?["method"] == .string("pass(_:through:)"))
            try await gate.open()
            #expect(try await back.value == 4)
            _ = try await first.value
            while try await gate.count() < 1 { await Task.yield() }
            try await gate.open()
            _ = try await second.value
            #expect(try await third.waits()["deadlocks"] == .integer(0))
            try await awaitValue(0) {
                try await third.waits()["waiting"]?.arrayValue?.count ?? 0
            }
            withExtendedLifetime(kept) {}
        }
    }

    @Test(arguments: [World.ipc, .tcp])
    func `two blocking objects of two processes that wait for each other are told so`(
        world: World
    ) async throws {
        try await Site.run(world) { site in
            let workers = [
                try await site.start("narrow", "left"), try await site.start("narrow", "right"),
            ]
            defer { for worker in workers { worker.kill() } }
            let gate = Gate(actorSystem: site.client)
            let left = try await site.client.object(named: "left")
            let right = try await site.client.object(named: "right")
            let begin = ContinuousClock.now
            let calls = [(left, right), (right, left)].map { one, other in
                Task { () async throws -> Int in try await one.visit(other, gate) }
            }
            while try await gate.count() < 2 { await Task.yield() }
            try await gate.open()
            let (results, errors) = await self.outcomes(calls)
            #expect(ContinuousClock.now - begin < .seconds(10), "the deadline is 30 s")
            #expect(results == [1])
            let message = try #require(errors.first).message
            for call in ["reach() of left", "reach() of right", "visit(_:_:) of left"] {
                #expect(message.contains(call), "\(message)")
            }
        }
    }
}
