// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ObjectBus
import TestObjects
import Testing

@Suite struct DerivedProxyTests {
    @Test func `a call that takes longer than its proxy allows has expired`() async throws {
        let stage = try await TimedStage()
        let gate = try await stage.client.find(Gate.self, named: "gate")
        let error = await #expect(throws: BusError.self) {
            try await gate.with(deadline: .milliseconds(50)).pass(1)
        }
        #expect(error?.kind == .expired)
        let remote = try await stage.client.object(named: "gate")
        let same = await #expect(throws: BusError.self) {
            try await remote.with(deadline: .milliseconds(50)).pass(1)
        }
        #expect(same?.kind == .expired)
        let none = await #expect(throws: BusError.self) {
            try await gate.with(deadline: .seconds(-1)).count()
        }
        #expect(none?.kind == .expired && none?.executed == .no)
        stage.close()
    }

    @Test func `a handler knows what time its caller has left`() async throws {
        let stage = try await TimedStage()
        let usual = try await stage.timer.remaining()
        #expect(usual > 20 && usual <= 30)
        let less = try await stage.timer.with(deadline: .seconds(10)).remaining()
        #expect(less > 0 && less <= 10)
        let more = try await stage.timer.with(deadline: .seconds(100)).remaining()
        #expect(more > 30 && more <= 100)
        stage.close()
    }

    @Test func `a call inside a handler has the smaller deadline`() async throws {
        let stage = try await TimedStage()
        let other = Timer(actorSystem: stage.client)
        let timer = stage.timer.with(deadline: .seconds(10))
        let outer = try await timer.remaining(at: other, allowing: 100)
        #expect(outer > 0 && outer <= 10)
        let inner = try await timer.remaining(at: other, allowing: 5)
        #expect(inner > 0 && inner <= 5)
        stage.close()
    }

    @Test func `one-way calls have no result and arrive in order`() async throws {
        let stage = try await TimedStage()
        let gate = try await stage.client.find(Gate.self, named: "gate")
        for number in 0..<100 { try await gate.oneway.note(number) }
        #expect(try await gate.noted() == Array(0..<100))
        let typed = await #expect(throws: BusError.self) { try await gate.oneway.count() }
        #expect(typed?.kind == .invalid)
        let remote = try await stage.client.object(named: "gate").oneway
        let untyped = await #expect(throws: BusError.self) { let _: Int = try await remote.count() }
        #expect(untyped?.kind == .invalid)
        try await remote.note(100)
        #expect(try await gate.noted().last == 100)
        stage.close()
    }

    @Test func `derived proxies are equal, and combine`() async throws {
        let stage = try await TimedStage()
        let gate = try await stage.client.find(Gate.self, named: "gate")
        let derived = gate.idempotent.with(deadline: .seconds(9)).retrying
        #expect(derived == gate && derived.id == gate.id && derived !== gate)
        #expect(try await derived.count() == 0)
        let combined = try await stage.timer.idempotent.with(deadline: .seconds(9)).remaining()
        #expect(combined <= 9)
        let local = Timer(actorSystem: stage.client)
        #expect(local.with(deadline: .seconds(1)) === local && local.oneway === local)
        stage.close()
    }
}

/// An owner of a gate and a timer, and a client of both.
private struct TimedStage {
    let owner: Bus
    let client: Bus
    let timer: Timer

    init() async throws {
        self.owner = try await Bus.embedded(name: "owner")
        try await self.owner.publish(Gate(actorSystem: self.owner), as: "gate")
        try await self.owner.publish(Timer(actorSystem: self.owner), as: "timer")
        self.client = try await self.owner.attach(name: "client")
        self.timer = try await self.client.find(Timer.self, named: "timer")
    }

    func close() {
        self.client.close()
        self.owner.close()
    }
}

/// Tells what time a call has left.
@BusObject
distributed actor Timer {
    typealias ActorSystem = Bus

    /// Seconds that the caller still waits.
    distributed func remaining() -> Double {
        CallContext.current?.remaining.map { $0 / .seconds(1) } ?? .infinity
    }

    /// Asks `other` with a proxy that allows `seconds`.
    distributed func remaining(at other: Timer, allowing seconds: Int) async throws -> Double {
        try await other.with(deadline: .seconds(seconds)).remaining()
    }
}
