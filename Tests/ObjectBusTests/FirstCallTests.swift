// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ObjectBus
import TestObjects
import Testing

@Suite struct FirstCallTests {
    @Test func `a typed call through an embedded broker returns the result`() async throws {
        let owner = try await Bus.embedded(name: "owner")
        let counter = Counter(actorSystem: owner)
        try await owner.publish(counter, as: "counter")
        let client = try await owner.attach(name: "client")
        let proxy = try await client.find(Counter.self, named: "counter")
        #expect(try await proxy.add(3) == 3)
        #expect(try await proxy.add(3) == 6)
        let remote = try await client.object(named: "counter")
        let total: Int = try await remote.add(4)
        #expect(total == 10)
        client.close()
        owner.close()
    }
}
