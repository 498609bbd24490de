// Part of objbus. SPDX-License-Identifier: Apache-2.0

import CounterInterface
import CounterService
import ObjectBus
import Testing

@Test func `a caller is told when the worker is gone`() async throws {
    let client = try await Bus.embedded()
    defer { client.close() }
    let worker = try await client.attach(name: "worker")
    try await worker.publish(Tally(actorSystem: worker), as: "tally")
    let tally = try await client.find(pinned: Tally.self, named: "tally")
    worker.close()
    let error = await #expect(throws: BusError.self) { try await tally.add(1) }
    #expect(error?.kind == .disconnected)
}

/// That the code of the guides does what they say.
@Suite struct GuideTests {
    @Test func `a mint hands out counters and calls its caller back`() async throws {
        let bus = try await Bus.embedded()
        defer { bus.close() }
        try await bus.publish(Mint(actorSystem: bus), as: "mint")
        let client = try await bus.attach(name: "client")
        defer { client.close() }
        let mint = try await client.find(Mint.self, named: "mint")
        let first = try await mint.counter()
        let second = try await mint.counter()
        #expect(try await first.add(2) == 2)
        #expect(try await second.add(3) == 3)
        let mine = Tally(actorSystem: client)
        #expect(try await mint.count(to: 4, telling: mine) == 4)
        #expect(try await mine.add(0) == 4)
    }

    @Test func `M15 what would trap is thrown, and the object goes on`() async throws {
        let bus = try await Bus.embedded()
        defer { bus.close() }
        try await bus.publish(Divider(actorSystem: bus), as: "divider")
        let client = try await bus.attach(name: "client")
        defer { client.close() }
        let divider = try await client.find(Divider.self, named: "divider")
        let error = await #expect(throws: BusError.self) {
            try await divider.share(of: 6, among: 0)
        }
        #expect(error?.kind == .invalid)
        #expect(try await divider.share(of: 6, among: 3) == 2)
    }

    @Test func `patience adds once, and a foreign error tells its type`() async throws {
        let bus = try await Bus.embedded()
        defer { bus.close() }
        try await bus.publish(Counter(actorSystem: bus), as: "counter")
        let client = try await bus.attach(name: "client")
        defer { client.close() }
        let counter = try await client.find($Counting.self, named: "counter")
        #expect(try await addWithPatience(3, to: counter) == 3)
        let error = await #expect(throws: RemoteError.self) { try await counter.take(5) }
        #expect(error?.typeName == "CounterInterface.NotEnough")
        #expect(error?.hops.first?.method == "take(_:)")
        try await printStranger(from: client.object(named: "counter"))
        client.register(error: NotEnough.self)
        await #expect(throws: NotEnough(wanted: 5, present: 3)) { try await counter.take(5) }
    }
}
