// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ObjectBus
import ObjectBusTesting
import TestObjects
import Testing

/// A hundred calls, some at a time, each of which a gate notes; says what was noted.
private func noteAHundred(_ stage: BusStage) async throws -> [Int] {
    let owner = try await stage.bus(named: "owner")
    let gate = Gate(actorSystem: owner)
    try await owner.publish(gate, as: "gate")
    let clients = [
        try await stage.bus(named: "first"), try await stage.bus(named: "second"),
    ]
    try await withThrowingTaskGroup { group in
        for (place, client) in clients.enumerated() {
            group.addTask {
                let proxy = try await client.find(Gate.self, named: "gate")
                for number in 0..<50 { try await proxy.note(50 * place + number) }
            }
        }
        try await group.waitForAll()
    }
    return try await gate.noted()
}

@Suite struct WorldTests {
    static let worlds: [BusWorld] =
        [.embedded, .live, .live(.tcp)] + BusWorld.simulated(seeds: 1...8)

    @Test(arguments: worlds)
    func `every call comes back, and runs exactly once and in its order`(
        world: BusWorld
    ) async throws {
        let (noted, simulation) = try await world.run { stage in
            (try await noteAHundred(stage), stage.simulation)
        }
        #expect(noted.sorted() == Array(0..<100))
        #expect(noted.filter { $0 < 50 } == Array(0..<50))
        guard world.seed != nil else { return #expect(simulation == nil) }
        // The faults were there.
        #expect((simulation?.linksLost ?? 0) > 0 && (simulation?.brokerRestarts ?? 0) > 0)
    }

    @Test func `a seed takes the same course again, another one another`() async throws {
        func course(_ seed: UInt64) async throws -> (SimulationReport?, [Int]) {
            try await BusWorld.simulated(seed: seed).run { stage in
                let noted = try await noteAHundred(stage)
                return (stage.simulation, noted)
            }
        }
        let first = try await course(5)
        let again = try await course(5)
        let other = try await course(6)
        #expect(first.0 != nil && first.0 == again.0 && first.1 == again.1)
        #expect(first.0?.digest != other.0?.digest)
    }

    @Test func `a test that is slow to begin takes the same course`() async throws {
        /// What happens to a test that begins so long after its world.
        func course(after pause: Duration) async throws -> SimulationReport? {
            let stage = try BusStage(.simulated(seed: 5))
            defer { stage.tearDown() }
            let start = ContinuousClock.now
            while ContinuousClock.now - start < pause {}
            return try await stage.perform(isolation: #isolation) { stage in
                _ = try await noteAHundred(stage)
                return stage.simulation
            }
        }
        let first = try await course(after: .milliseconds(20))
        #expect(first != nil)
        #expect(try await course(after: .milliseconds(30)) == first)
    }

    @Test func `without faults nothing goes wrong, with some only those`() async throws {
        let calm = try await BusWorld.simulated(seed: 1, faults: []).run { stage in
            _ = try await noteAHundred(stage)
            return stage.simulation
        }
        #expect(calm?.linksLost == 0 && calm?.brokerRestarts == 0)
        #expect((calm?.messages ?? 0) > 400)
        let restarts = try await BusWorld.simulated(seed: 1, faults: .brokerRestarts).run { stage in
            _ = try await noteAHundred(stage)
            return stage.simulation
        }
        #expect(restarts?.linksLost == 0 && (restarts?.brokerRestarts ?? 0) > 0)
    }

    @Test func `a service that relies on one-way calls is found out`() async throws {
        /// How many of fifty notes, sent by calls that nobody answers, have come.
        func arrived(_ world: BusWorld) async throws -> Int {
            try await world.run { stage in
                let owner = try await stage.bus(named: "owner")
                let gate = Gate(actorSystem: owner)
                try await owner.publish(gate, as: "gate")
                let client = try await stage.bus(named: "client")
                let proxy = try await client.find(Gate.self, named: "gate")
                for number in 0..<50 { try await proxy.oneway.note(number) }
                return try await proxy.noted().count
            }
        }
        #expect(try await arrived(.embedded) == 50)
        var losers = 0
        for world in BusWorld.simulated(seeds: 1...10) where try await arrived(world) < 50 {
            losers += 1
        }
        #expect(losers > 0)
    }

    @Test(arguments: [BusWorld.embedded, .live, .simulated(seed: 3)])
    func `deadlines mean time`(world: BusWorld) async throws {
        let clock = ContinuousClock()
        try await world.run { stage in
            let owner = try await stage.bus(named: "owner")
            let gate = Gate(actorSystem: owner)
            try await owner.publish(gate, as: "gate")
            let client = try await stage.bus(named: "client")
            let proxy = try await client.find(Gate.self, named: "gate")
            let start = clock.now
            let error = await #expect(throws: BusError.self) {
                try await proxy.with(deadline: .milliseconds(200)).pass(1)
            }
            #expect(error?.kind == .expired)
            // A part of it passes while messages are under way, which takes no real time.
            #expect(clock.now - start > .milliseconds(100))
            try await gate.open()
        }
    }

    @Test func `what the body throws is thrown, and a world says its seed`() async throws {
        await #expect(throws: TooFew(wanted: 2, present: 1)) {
            try await BusWorld.simulated(seed: 4).run { _ in throw TooFew(wanted: 2, present: 1) }
        }
        #expect("\(BusWorld.simulated(seed: 4))" == "simulated(seed: 4)")
        #expect(BusWorld.allCases.map { $0.seed == nil } == [false, true, true])
    }
}
