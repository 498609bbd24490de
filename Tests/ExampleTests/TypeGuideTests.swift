// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ObjectBus
import Testing

/// That the code of the guides to types and evolving interfaces does what they say.
@Suite struct TypeGuideTests {
    @Test func `a meter is made, held as itself, read, written and listed`() async throws {
        let bus = try await Bus.embedded(name: "desk")
        let client = try await bus.attach(name: "client")
        try await bus.publish(MeterFactory(actorSystem: bus), as: "meters")
        let factory = try await client.find(MeterFactory.self, named: "meters")
        let meter = try await factory.create(named: "north")
        #expect(try await factory.count() == 1)
        let remote = RemoteObject(meter)
        #expect(try await useAsMeter(remote) == "north")
        #expect(try await readAndWrite(remote) == 101)
        #expect(try await readMany(remote) == [.string("north"), .null, .integer(5)])
        #expect(try await listModule(of: "desk", on: client) == ["meters"])
        client.close()
        bus.close()
    }

    @Test func `a colour that is not known is other, and a missing note is none`() throws {
        struct Newer: Encodable {
            var value = 1.5
            var colour = "green"
        }
        let bytes = try ValueEncoder().encode(Newer())
        let measurement = try ValueDecoder().decode(Measurement.self, from: bytes)
        #expect(measurement.value == 1.5)
        #expect(measurement.colour == .other && measurement.note == nil)
    }
}
