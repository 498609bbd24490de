// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import ObjectBus
import TestObjects
import TestPrograms
import Testing

/// Two of these call each other: one waits for the other, which calls back.
@BusObject
private distributed actor Partner {
    typealias ActorSystem = Bus

    private let counter: Counter
    private let gate: Gate

    init(gate: Gate, actorSystem: Bus) {
        self.actorSystem = actorSystem
        self.counter = Counter(actorSystem: actorSystem)
        self.gate = gate
    }

    distributed func start(with other: Partner) async throws -> Int {
        try await other.answer(self.counter)
    }

    /// Calls back when this one's gate opens.
    distributed func answer(_ counter: Counter) async throws -> Int {
        _ = try await self.gate.pass(0)
        return try await counter.add(5)
    }
}

/// A node that ends while it is called.
@Suite(.timeLimit(.minutes(1))) struct DrainCases {
    @Test(arguments: World.unsimulated)
    func
        `a call that runs finishes, later ones go to the standby or are told that they did not run`(
            world: World
        ) async throws
    {
        try await Stage.run(world) { stage in
            let (first, second) = (
                try await stage.attach(name: "first"), try await stage.attach(name: "second")
            )
            let (ending, standby) = (Gate(actorSystem: first), Gate(actorSystem: second))
            try await first.publish(ending, as: "drained")
            try await second.publish(standby, as: "drained")
            let pinned = try await stage.client.find(pinned: Gate.self, named: "drained")
            let following = try await stage.client.find(Gate.self, named: "drained")
            let call = Task { try await pinned.pass(7) }
            while try await ending.count() < 1 { await Task.yield() }
            let drain = Task { await first.drain() }
            while try await stage.client.names(prefix: "drained").count == 2 { await Task.yield() }
            try await following.note(1)
            #expect(try await standby.noted() == [1])
            let refusal = await #expect(throws: BusError.self) {
                while true { try await pinned.note(2) }
            }
            #expect(refusal?.kind == .disconnected && refusal?.executed == .no)
            try await ending.open()
            #expect(try await call.value == 7)
            await drain.value
            second.close()
        }
    }

    @Test(arguments: World.unsimulated)
    func `a call that runs may be called back, else it could not finish`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let worker = try await stage.attach(name: "ending")
            let gate = Gate(actorSystem: stage.client)
            let mine = Partner(gate: gate, actorSystem: stage.client)
            let theirs = Partner(gate: gate, actorSystem: worker)
            try await worker.publish(theirs, as: "partner")
            try await worker.publish(Counter(actorSystem: worker), as: "other")
            let other = try await stage.client.find(pinned: Counter.self, named: "other")
            let pinned = try await stage.client.find(pinned: Partner.self, named: "partner")
            let call = Task { try await pinned.start(with: mine) }
            while try await gate.count() < 1 { await Task.yield() }
            let drain = Task { await worker.drain() }
            await #expect(throws: BusError.self) {
                while true { _ = try await other.add(1) }
            }
            try await gate.open()
            #expect(try await call.value == 5)
            await drain.value
        }
    }

    @Test func `a worker that is told to end is replaced without an error, and no call runs twice`()
        async throws
    {
        try await Stage.run(.ipc) { stage in
            let first = try await Program.served(by: "serve", at: stage.url)
            let second = try await Program.served(by: "serve", at: stage.url)
            let calls = Calls()
            try await withThrowingTaskGroup(of: Void.self) { group in
                let counter = try await stage.client.find(Counter.self, named: "served")
                for _ in 0..<8 {
                    group.addTask {
                        while !calls.isOver {
                            _ = try await counter.add(1)
                            calls.count()
                        }
                    }
                }
                await calls.grow(by: 200)
                let total = try await first.endCounted()
                await calls.grow(by: 200)
                calls.end()
                try await group.waitForAll()
                #expect(total >= 200)
                #expect(total + (try await second.endCounted()) == calls.number)
            }
        }
    }
}
