// Part of objbus. SPDX-License-Identifier: Apache-2.0

import CounterInterface
import CounterService
import ObjectBus
import ObjectBusTesting
import Testing

@Suite struct CounterTests {
    @Test func `callers add to one total`() async throws {
        let bus = try await Bus.embedded()
        defer { bus.close() }
        try await bus.publish(Counter(actorSystem: bus), as: "counter")

        let client = try await bus.attach(name: "client")
        defer { client.close() }
        let counter = try await client.find($Counting.self, named: "counter")
        #expect(try await counter.add(3) == 3)
        #expect(try await counter.add(4) == 7)
    }

    @Test(arguments: BusWorld.allCases)
    func `callers lose and repeat nothing`(world: BusWorld) async throws {
        try await world.run { stage in
            let worker = try await stage.bus(named: "worker")
            try await worker.publish(Counter(actorSystem: worker), as: "counter")

            let client = try await stage.bus(named: "client")
            let counter = try await client.find($Counting.self, named: "counter")
            for total in 1...20 { #expect(try await counter.add(1) == total) }
        }
    }

    @Test func `more than there is can't be taken`() async throws {
        let bus = try await Bus.embedded()
        defer { bus.close() }
        let counter = Counter(actorSystem: bus)
        _ = try await counter.add(2)
        await #expect(throws: NotEnough(wanted: 5, present: 2)) { try await counter.take(5) }
        #expect(try await counter.add(0) == 2)
    }
}
