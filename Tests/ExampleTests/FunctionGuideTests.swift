// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ObjectBus
import Synchronization
import Testing

/// That the code of the guides to functions and collections does what they say.
@Suite struct FunctionGuideTests {
    @Test func `a shop calls its listeners and hands out functions`() async throws {
        let bus = try await Bus.embedded()
        let client = try await bus.attach(name: "client")
        try await bus.publish(Shop(actorSystem: bus), as: "shop")
        let shop = try await client.find(Shop.self, named: "shop")
        let notes = Mutex<[String]>([])
        try await listen(to: shop, on: client) { note in notes.withLock { $0.append(note) } }
        #expect(try await shop.sell("bread", for: 3) == 1)
        #expect(notes.withLock { $0 } == ["bread for 3"])
        #expect(try await compute(with: shop) == 40)
        #expect(try await computeWithoutTypes(on: client) == 45)
        client.close()
        bus.close()
    }

    @Test func `a cart and a table are shared`() async throws {
        let bus = try await Bus.embedded()
        let client = try await bus.attach(name: "client")
        try await bus.publish(Kiosk(actorSystem: bus), as: "kiosk")
        let kiosk = try await client.find(Kiosk.self, named: "kiosk")
        #expect(try await fill(kiosk) == ["milk", "bread", "eggs"])
        #expect(try await kiosk.articles() == ["milk", "bread", "eggs"])
        let ages = try await shareAges(on: bus)
        #expect(try await readAges(on: client) == 37)
        #expect(try await ages.equals(["ada": 37]))
        client.close()
        bus.close()
    }
}
