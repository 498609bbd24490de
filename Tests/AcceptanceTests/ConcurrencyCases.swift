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
    func `calls start in their order while others take over from handlers that hog`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let gate = try await stage.client.find(Gate.self, named: "gate")
            let count = 300
            let calls = (0..<count).map { number in
                Task.immediate {
                    try await gate.note(number, hoggingFor: number % 30 == 20 ? 120 : 0)
                }
            }
            for call in calls { try await call.value }
            #expect(try await gate.noted() == Array(0..<count))
        }
    }

    @Test(arguments: World.allCases)
    func `two handlers that block their threads stop nobody else`(world: World) async throws {
        try await Stage.run(world) { stage in
            let releaser = try await stage.client.find(Releaser.self, named: "releaser")
            let counter = try await stage.client.find(Counter.self, named: "counter")
            let blocked = try await withThrowingTaskGroup { group in
                for index in 0..<2 {
                    let blocker = try await stage.client.find(
                        Blocker.self, named: "blocker/\(index)")
                    group.addTask { try await blocker.block() }
                }
                while try await releaser.blocked() < 2 { await Task.yield() }
                for _ in 0..<100 { _ = try await counter.add(1) }
                let blocked = try await releaser.blocked()
                try await releaser.release(2)
                try await group.waitForAll()
                return blocked
            }
            #expect(blocked == 2)
        }
    }

    @Test(arguments: World.allCases)
    func `what handlers answered arrives while the next one blocks their thread`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let releaser = try await stage.client.find(Releaser.self, named: "releaser")
            let counter = try await stage.client.find(Counter.self, named: "counter")
            let blocker = try await stage.client.find(Blocker.self, named: "blocker/0")
            for _ in 0..<20 {
                let adds = (0..<5).map { _ in Task.immediate { try await counter.add(1) } }
                let block = Task.immediate { try await blocker.block() }
                for add in adds { _ = try await add.value }
                try await releaser.release(1)
                try await block.value
            }
            #expect(try await counter.add(0) == 100)
        }
    }

    @Test(arguments: World.allCases)
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
