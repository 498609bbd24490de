// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ObjectBus
import Testing

/// That the code of the guide on replicas does what it says.
@Suite struct ReplicaGuideTests {
    @Test func `replicas are called by turns, and what is pinned stays`() async throws {
        let bus = try await Bus.embedded()
        defer { bus.close() }
        try await publishResizer(bus)
        let other = try await bus.attach(name: "other")
        defer { other.close() }
        try await publishResizer(other)
        let client = try await bus.attach(name: "client")
        defer { client.close() }
        let (resizer, small) = try await resize(client)
        #expect(small == "64-cat.png")
        #expect(try await loadAndCount(resizer) == 1)
        #expect(try await loadAndCount(resizer) == 1, "the other one")
        #expect(try await loadAndCount(resizer) == 2)
    }
}
