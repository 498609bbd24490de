// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ObjectBus
import ObjectBusTesting
import TestObjects
import Testing

/// What users hear and say of the lives of objects.
@Suite(.timeLimit(.minutes(1))) struct LifetimeTests {
    static let worlds: [BusWorld] = [.embedded, .live, .simulated(seed: 1), .simulated(seed: 2)]

    /// Runs with an owner's directory and a client's proxy of it.
    private func run(
        _ world: BusWorld, _ body: (_ owner: Bus, _ client: Bus, Directory) async throws -> Void
    ) async throws {
        try await world.run { stage in
            let owner = try await stage.bus(named: "owner")
            let directory = Directory(actorSystem: owner)
            try await owner.publish(directory, as: "directory")
            let client = try await stage.bus(named: "client")
            try await body(
                owner, client, try await client.find(Directory.self, named: "directory"))
        }
    }

    @Test(arguments: worlds)
    func `a closed owner has left, and whoever asks later hears it too`(
        world: BusWorld
    ) async throws {
        try await self.run(world) { owner, client, directory in
            let counter = try await directory.create()
            async let first = client.death(of: counter)
            async let second = client.death(of: RemoteObject(counter))
            try await client.ping()
            owner.close()
            #expect(try await [first, second] == [.ownerLeft, .ownerLeft])
            #expect(try await client.death(of: counter) == .ownerLeft)
        }
    }

    @Test(arguments: worlds)
    func `letting go of the last proxy is told once, unless it was taken back`(
        world: BusWorld
    ) async throws {
        try await self.run(world) { _, client, directory in
            let (reasons, continuation) = AsyncStream.makeStream(of: DeathReason.self)
            func useOne() async throws {
                let counter = try await directory.create()
                client.onDeath(of: counter) { _ in Issue.record("it was taken back") }.cancel()
                client.onDeath(of: counter) { reason in
                    continuation.yield(reason)
                    continuation.finish()
                }
                #expect(try await counter.add(1) == 1)
            }
            try await useOne()
            var told: [DeathReason] = []
            for await reason in reasons { told.append(reason) }
            #expect(told == [.released])
        }
    }

    @Test(arguments: worlds)
    func `what is revoked is denied at once, dies at its holders, and can be given anew`(
        world: BusWorld
    ) async throws {
        try await self.run(world) { owner, client, directory in
            let mine = Counter(actorSystem: client)
            try await directory.remember(mine)
            #expect(try await directory.addToAll(1) == [1])
            try client.revoke(mine)
            let error = await #expect(throws: BusError.self) { try await directory.addToAll(1) }
            #expect(error?.kind == .denied && error?.executed != .maybe)
            #expect(try await mine.value() == 1)
            try await directory.forget()
            try await directory.remember(mine)
            #expect(try await directory.addToAll(1) == [2])
            #expect(throws: BusError.self) { try client.revoke(directory) }
        }
    }

    @Test(arguments: worlds)
    func `a holder hears that its reference was revoked`(world: BusWorld) async throws {
        try await self.run(world) { owner, client, _ in
            let counter = Counter(actorSystem: owner)
            try await owner.publish(counter, as: "counter")
            let proxy = try await client.find(pinned: Counter.self, named: "counter")
            async let reason = client.death(of: proxy)
            #expect(try await proxy.add(1) == 1)
            try owner.revoke(counter)
            #expect(try await reason == .revoked)
            let error = await #expect(throws: BusError.self) { try await proxy.add(1) }
            #expect(error?.kind == .denied && error?.executed == .no)
            let again = try await client.find(pinned: Counter.self, named: "counter")
            #expect(try await again.add(1) == 2)
        }
    }

    @Test(arguments: worlds)
    func `an owner sees who holds its object, and when nobody does`(world: BusWorld) async throws {
        try await self.run(world) { owner, client, directory in
            let mine = Counter(actorSystem: client)
            let (unheld, continuation) = AsyncStream.makeStream(of: Void.self)
            try client.onUnheld(mine) { continuation.yield() }
            #expect(try await client.holders(of: mine) == [])
            for _ in 0..<2 {
                try await directory.remember(mine)
                try await directory.remember(mine)
                let holders = try await client.holders(of: mine)
                #expect(holders.map(\.node) == ["owner"])
                #expect(holders.first?.incarnation == "\(owner.incarnation)")
                #expect(holders.first?.isRevoked == false)
                #expect((holders.first?.copies ?? 0) >= 1)
                try await directory.forget()
                for await _ in unheld { break }
                #expect(try await client.holders(of: mine) == [])
            }
        }
    }

    @Test func `the death of an own object is its end`() async throws {
        try await BusWorld.embedded.run { stage in
            let bus = try await stage.bus(named: "alone")
            var counter: Counter? = Counter(actorSystem: bus)
            let (reasons, continuation) = AsyncStream.makeStream(of: DeathReason.self)
            if let counter {
                bus.onDeath(of: counter) {
                    continuation.yield($0)
                    continuation.finish()
                }
            }
            counter = nil
            var told: [DeathReason] = []
            for await reason in reasons { told.append(reason) }
            #expect(told == [.released])
        }
    }

    @Test func `whoever waits for a death may stop waiting`() async throws {
        try await self.run(.embedded) { _, client, directory in
            let waiting = Task { try await client.death(of: directory) }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
        }
    }
}
