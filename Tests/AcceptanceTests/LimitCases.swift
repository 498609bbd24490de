// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ObjectBus
import Synchronization
import TestObjects
import Testing

@Suite struct LimitCases {
    @Test(arguments: World.allCases, [1, 2, nil])
    func `as many calls of an object run at a time as its owner allows`(
        world: World, limit: Int?
    ) async throws {
        try await Stage.run(world) { stage in
            let gate = try await stage.client.find(Gate.self, named: "gate")
            let index = try #require(Turnstiles.limits.firstIndex(of: limit))
            let turnstile = try await stage.client.find(
                Turnstile.self, named: "turnstile/\(index)")
            let calls = (0..<5).map { number in
                Task { try await turnstile.pass(number, through: gate) }
            }
            let most = limit ?? calls.count
            while try await gate.count() < most { await Task.yield() }
            let opening = Task {
                while !Task.isCancelled { try? await gate.open() }
            }
            var seen = 0
            for call in calls { seen = max(seen, try await call.value) }
            opening.cancel()
            await opening.value
            #expect(seen == most)
        }
    }

    @Test(arguments: World.allCases)
    func `calls of an object with a limit start in their order`(world: World) async throws {
        try await Stage.run(world) { stage in
            let notes = Gate(actorSystem: stage.client)
            try stage.client.limit(notes, toConcurrentCalls: 1)
            try await stage.client.publish(notes, as: "notes")
            let other = try await stage.attach(name: "other")
            let proxy = try await other.find(Gate.self, named: "notes")
            let count = 200
            let calls = (0..<count).map { number in
                Task.immediate { try await proxy.note(number) }
            }
            for call in calls { try await call.value }
            #expect(try await proxy.noted() == Array(0..<count))
        }
    }

    @Test func `only the owner of an object limits its calls`() async throws {
        try await Stage.run(.embedded) { stage in
            let counter = try await stage.client.find(Counter.self, named: "counter")
            let error = #expect(throws: BusError.self) {
                try stage.client.limit(counter, toConcurrentCalls: 1)
            }
            #expect(error?.kind == .denied)
        }
    }

    @Test(arguments: World.allCases)
    func `a function with a limit runs one call at a time`(world: World) async throws {
        try await Stage.run(world) { stage in
            let toolbox = try await stage.client.find(Toolbox.self, named: "toolbox")
            let inside = Mutex((now: 0, most: 0))
            let function = stage.client.function { (x: Int) async throws in
                inside.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
                for _ in 0..<10 { _ = try await toolbox.addHere(x, x) }
                inside.withLock { $0.now -= 1 }
                return x + 1
            }
            try stage.client.limit(function, toConcurrentCalls: 1)
            try await toolbox.keep(function)
            try await withThrowingTaskGroup { group in
                for number in 0..<8 {
                    group.addTask {
                        let answer = try await toolbox.callKept(number)
                        #expect(answer == number + 4)
                    }
                }
                try await group.waitForAll()
            }
            #expect(inside.withLock { $0.most } == 1)
        }
    }
}
