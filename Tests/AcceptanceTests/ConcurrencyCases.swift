// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ObjectBus
import TestObjects
import Testing

@Suite struct ConcurrencyCases {
    @Test(arguments: World.allCases)
    func `N5 a thousand calls of a hundred tasks are answered in any order`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let gate = try await stage.client.find(Gate.self, named: "gate")
            try await withThrowingTaskGroup { group in
                for task in 0..<100 {
                    group.addTask {
                        try await withThrowingTaskGroup { calls in
                            for call in 0..<10 {
                                let number = 10 * task + call
                                calls.addTask {
                                    let passed = try await gate.pass(number)
                                    #expect(passed == number)
                                }
                            }
                            try await calls.waitForAll()
                        }
                    }
                }
                while try await gate.count() < 1_000 { await Task.yield() }
                try await gate.open()
                try await group.waitForAll()
            }
        }
    }

    @Test(arguments: World.allCases)
    func `calls of one sender to one object start in their order`(world: World) async throws {
        try await Stage.run(world) { stage in
            let gate = try await stage.client.find(Gate.self, named: "gate")
            let count = 2_000
            // The order of issuing is that of one task's steps up to its first suspension.
            let calls = (0..<count).map { number in
                Task.immediate { try await gate.note(number) }
            }
            for call in calls { try await call.value }
            #expect(try await gate.noted() == Array(0..<count))
        }
    }

    @Test(arguments: World.allCases)
    func `two handlers that block their threads stop nobody else`(world: World) async throws {
        try await Stage.run(world) { stage in
            let mine = try await stage.attach(name: "second")
            let gate = try await stage.client.find(Gate.self, named: "gate")
            let local = Gate(actorSystem: mine)
            try await mine.publish(local, as: "gate/second")
            let counter = try await stage.client.find(Counter.self, named: "counter")
            let clock = ContinuousClock()
            let start = clock.now
            let blocked = Task { try await gate.block(milliseconds: 3_000) }
            let other = try await stage.client.find(Gate.self, named: "gate/second")
            let blockedToo = Task { try await other.block(milliseconds: 3_000) }
            for _ in 0..<100 { _ = try await counter.add(1) }
            // Far less than the three seconds of either; generous for busy machines.
            #expect(clock.now - start < .milliseconds(2_500))
            try await blocked.value
            try await blockedToo.value
            mine.close()
        }
    }

    @Test(arguments: [World.embedded, .ipc])
    func `a cancelled call throws at once`(world: World) async throws {
        try await Stage.run(world) { stage in
            let gate = try await stage.client.find(Gate.self, named: "gate")
            let call = Task { try await gate.pass(1) }
            while try await gate.count() < 1 { await Task.yield() }
            call.cancel()
            let error = await #expect(throws: BusError.self) { try await call.value }
            #expect(error?.kind == .cancelled && error?.executed == .maybe)
            try await gate.open()
        }
    }
}
