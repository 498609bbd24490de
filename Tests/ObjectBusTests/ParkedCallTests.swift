// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Dispatch
import ObjectBus
import ObjectBusTesting
import Synchronization
import Testing

/// What a test sees of a `Slow` that does not answer.
private final class Sluice: CallMiddleware {
    let isBlocked = Atomic<Bool>(false)
    /// Calls that have arrived at the node.
    let arrived = Atomic<Int>(0)
    private let semaphore = DispatchSemaphore(value: 0)

    func wait() {
        self.isBlocked.store(true, ordering: .sequentiallyConsistent)
        self.semaphore.wait()
    }

    func open() { self.semaphore.signal() }

    func intercept(
        _ call: CallInfo, next: @Sendable (CallInfo) async throws -> Void
    ) async throws {
        self.arrived.add(1, ordering: .sequentiallyConsistent)
        try await next(call)
    }
}

/// Keeps its thread, and so all other calls, until its sluice opens.
@BusObject
private distributed actor Slow {
    typealias ActorSystem = Bus

    private let sluice: Sluice
    private var notes: [Int] = []

    init(_ sluice: Sluice, actorSystem: Bus) {
        self.sluice = sluice
        self.actorSystem = actorSystem
    }

    distributed func block() { self.sluice.wait() }
    distributed func note(_ number: Int) { self.notes.append(number) }
    distributed func noted() -> [Int] { self.notes }
}

/// A call that has arrived, and waits for its object, does not start when it should not any more.
@Suite(.timeLimit(.minutes(1))) struct ParkedCallTests {
    /// What `Slow` notes: 1, if that call starts, which waits behind one that blocks; then 2.
    ///
    /// - Parameter meanwhile: what happens while it waits; opens the sluice.
    private func noted(
        within deadline: Duration = .seconds(30),
        _ meanwhile: (
            _ proxy: Slow, _ object: Slow, Sluice, Task<Void, any Error>
        ) async throws -> Void
    ) async throws -> [Int] {
        try await BusWorld.embedded.run { stage in
            let sluice = Sluice()
            let owner = try await stage.bus(named: "owner") { $0.middleware = [sluice] }
            let slow = Slow(sluice, actorSystem: owner)
            try await owner.publish(slow, as: "slow")
            let client = try await stage.bus(named: "client")
            let proxy = try await client.find(Slow.self, named: "slow")
            let blocking = Task { try await proxy.block() }
            while !sluice.isBlocked.load(ordering: .sequentiallyConsistent) { await Task.yield() }
            let late = Task { try await proxy.with(deadline: deadline).note(1) }
            while sluice.arrived.load(ordering: .sequentiallyConsistent) < 2 { await Task.yield() }
            try await meanwhile(proxy, slow, sluice, late)
            try await blocking.value
            _ = await late.result
            let last = try await client.find(Slow.self, named: "slow")
            try await last.note(2)
            return try await last.noted()
        }
    }

    @Test func `one whose deadline has passed`() async throws {
        let deadline = Duration.milliseconds(300)
        let noted = try await self.noted(within: deadline) { _, _, sluice, late in
            // It arrived before now, with no more than all of its time.
            let end = ContinuousClock.now + deadline
            let error = await #expect(throws: BusError.self) { try await late.value }
            #expect(error?.kind == .expired)
            while ContinuousClock.now < end { await Task.yield() }
            sluice.open()
        }
        #expect(noted == [2])
    }

    @Test func `one whose caller gave up`() async throws {
        let noted = try await self.noted { proxy, _, sluice, late in
            late.cancel()
            await #expect(throws: BusError.self) { try await late.value }
            // Overtakes nothing on its way, and waits for nobody there.
            try await RemoteObject(proxy).ping()
            sluice.open()
        }
        #expect(noted == [2])
    }

    @Test func `one whose right was revoked`() async throws {
        let noted = try await self.noted { _, slow, sluice, late in
            try slow.actorSystem.revoke(slow)
            sluice.open()
            let error = await #expect(throws: BusError.self) { try await late.value }
            #expect(error?.kind == .denied && error?.executed == .no)
        }
        #expect(noted == [2])
    }

    @Test func `but one starts against which nothing stands`() async throws {
        let noted = try await self.noted { _, _, sluice, late in
            sluice.open()
            try await late.value
        }
        #expect(noted == [1, 2])
    }
}
