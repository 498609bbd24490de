// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ObjectBus
import TestObjects
import TestPrograms
import Testing

/// That an error tells the way that it took, whichever API the caller uses, and whichever the
/// object between uses that only lets it pass.
@Suite(.timeLimit(.minutes(2))) struct ErrorCases {
    /// Runs `body` with a node between the client and the worker, and the worker's object that
    /// throws.
    private func passing(
        _ world: World, _ body: (Stage, Bus, Thrower) async throws -> Void
    ) async throws {
        try await Stage.run(world) { stage in
            let middle = try await stage.attach(name: "middle")
            let thrower = try await stage.client.find(Thrower.self, named: "thrower")
            try await body(stage, middle, thrower)
            middle.close()
        }
    }

    private func expectWay(
        _ error: RemoteError?, through method: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(error?.typeName == "TestObjects.Opaque", sourceLocation: sourceLocation)
        #expect(error?.hops.map(\.node) == ["worker", "middle"], sourceLocation: sourceLocation)
        #expect(error?.hops.map(\.method) == ["opaque()", method], sourceLocation: sourceLocation)
        let objects = Set(error?.hops.map(\.object) ?? [])
        #expect(objects.count == 2 && !objects.contains(""), sourceLocation: sourceLocation)
        #expect(
            error?.description.contains("\n  in opaque() of ") == true,
            sourceLocation: sourceLocation)
    }

    @Test(arguments: World.allCases)
    func `M15 an error that passed an object tells both, by the object's type`(
        world: World
    ) async throws {
        try await self.passing(world) { stage, middle, thrower in
            let relay = Thrower(actorSystem: middle)
            try await middle.publish(relay, as: "relay")
            let found = try await stage.client.find(Thrower.self, named: "relay")
            let error = await #expect(throws: RemoteError.self) { try await found.relay(thrower) }
            self.expectWay(error, through: "relay(_:)")
            #expect(error?.hops.last?.object == "relay")
        }
    }

    @Test(arguments: World.allCases)
    func `M15 an error that passed an object tells both, without types`(
        world: World
    ) async throws {
        try await self.passing(world) { stage, middle, thrower in
            // It has no types either.
            let relay = middle.function { (object: RemoteObject) async throws -> Int in
                try await object.opaque()
            }
            try await middle.publish(relay, as: "relay")
            let found = try await stage.client.object(named: "relay")
            let error = await #expect(throws: RemoteError.self) {
                try await found(RemoteObject(thrower))
            }
            self.expectWay(error, through: "callAsFunction(_:)")
            var batch = Batch()
            batch.add("callAsFunction(_:)", RemoteObject(thrower))
            let results = try await found.perform(batch)
            let inBatch = #expect(throws: RemoteError.self) { try results[0].get() }
            #expect(inBatch?.hops.map(\.node) == ["worker", "middle"])
            #expect(inBatch?.hops.map(\.method) == ["opaque()", "callAsFunction(_:)"])
        }
    }

    @Test(arguments: World.allCases)
    func `M15 an error that passed an object tells both, on threads that block`(
        world: World
    ) async throws {
        try await self.passing(world) { stage, middle, thrower in
            let kept = try await onOwnThread {
                try BlockingBus(middle).publish(as: "relay") { call in
                    let other = try call.arguments(as: BlockingObject.self)
                    return try other.opaque() as Value
                }
            }
            let error = try await onOwnThread {
                let relay = try BlockingBus(stage.client).object(named: "relay")
                return #expect(throws: RemoteError.self) {
                    try relay.pass(RemoteObject(thrower)) as Value
                }
            }
            self.expectWay(error, through: "pass(_:)")
            withExtendedLifetime(kept) {}
        }
    }
}
