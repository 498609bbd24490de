// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore
import BusKernel
import BusValue
import BusWire
import Testing

/// Bytes that wait for a node that does not take them in: docs/protocol/calls.md §11.
@Suite struct CreditTests {
    static let limit = 4_000
    let world = BrokerWorld { $0.waitingBytesPerNode = Self.limit }
    let callee: ScriptedNode
    let caller: ScriptedNode
    let door: Reference

    init() {
        self.callee = ScriptedNode(self.world, "callee")
        self.caller = ScriptedNode(self.world, "caller")
        self.door = self.callee.publish("door", 1, foundBy: self.caller)
    }

    /// Calls until one is refused; what arrived, and the refusal.
    private func fill(_ flags: MessageFlags = []) -> (arrived: [Message], refusal: Message?) {
        var arrived: [Message] = []
        for number in UInt64(1)...1_000 {
            self.caller.call(self.door, number: number, flags: flags)
            let came = self.callee.take().filter { $0.kind == .call }
            arrived += came
            if came.isEmpty { break }
        }
        return (arrived, self.caller.take().last)
    }

    @Test func `calls to a node that takes nothing in are refused once its credit is used up`() {
        let (arrived, refusal) = self.fill()
        let bytes = arrived.map(\.byteCount).reduce(0, +)
        // Half of the credit, and half of what is left then: the rest is for others.
        let limit = Self.limit * 3 / 4
        #expect(bytes >= limit && bytes < limit + (arrived.first?.byteCount ?? 0))
        #expect(refusal?.kind == .failure)
        #expect(refusal?.header.flags.contains(.byBroker) == true)
        #expect(refusal?.error.kind == .overloaded)
        #expect(refusal?.error.executed == .no)
        #expect(
            refusal?.error.message
                == "node callee is slow: its 4000 bytes are used up, or this node's share of them")
        #expect(self.world.core.counters.drops[.callOverCredit] == 1)
        #expect(self.world.core.counters.callsForwarded == UInt64(arrived.count))
    }

    @Test func `a node that tells what it has taken in is called again`() {
        let bytes = self.fill().arrived.map(\.byteCount).reduce(0, +)
        self.callee.tellTakenIn(calls: UInt64(bytes))
        self.caller.call(self.door, number: 2_000)
        #expect(self.callee.take().map(\.header.call.rawValue) == [2_000])
    }

    @Test func `part of what was taken in gives part of the credit back`() {
        let first = self.fill().arrived
        let size = first[0].byteCount
        var (came, taken) = (first.count * size, 0)
        for _ in 0..<20 {
            taken += size
            self.callee.tellTakenIn(calls: UInt64(taken))
            let next = self.fill().arrived
            #expect(!next.isEmpty)
            came += next.count * size
            #expect(came - taken < Self.limit + size)
        }
    }

    @Test func `buffers count like the first frame`() {
        for number in UInt64(1)...3 {
            let header = FrameHeader(
                kind: .call, peer: self.door.owner, object: self.door.object,
                call: CallNumber(rawValue: number))
            self.caller.send(
                Message(
                    header, payload: [0x80],
                    buffers: [Bytes([UInt8](repeating: 1, count: Self.limit / 2))]))
        }
        #expect(self.callee.take().map(\.header.call.rawValue) == [1, 2])
    }

    @Test func `a one-way call over the credit is dropped and counted`() {
        let (_, answer) = self.fill(.oneWay)
        #expect(answer?.kind == .heartbeat, "which tells what came")
        #expect(self.world.core.counters.drops[.oneWayOverCredit] == 1)
    }

    @Test func `one-way calls that came are told, a quarter of the credit at once`() {
        var told: [UInt64] = []
        for _ in 0..<30 {
            self.caller.call(self.door, flags: .oneWay)
            told += self.caller.take().filter { $0.kind == .heartbeat }.map(\.header.call.rawValue)
        }
        let size = self.callee.take()[0].byteCount
        // Each time when 1,000 bytes have come.
        let step = (1_000 + size - 1) / size
        #expect(told == (1...30 / step).map { UInt64($0 * step * size) })
    }

    @Test func `references of a refused call are not counted for its receiver`() {
        _ = self.fill()
        self.caller.call(self.door, [self.caller.object(9)], number: 2_000)
        #expect(unrefs(self.caller.take()) == [[9, 1]])
    }

    @Test func `a call that was sent before is not refused, nobody could say whether it ran`() {
        _ = self.fill()
        self.caller.call(self.door, number: 1, flags: .resent)
        #expect(self.callee.take().map(\.header.call.rawValue) == [1])
    }

    @Test func `answers and notices are never refused, but then the node's own calls are`() {
        self.caller.call(self.door)
        let call = self.callee.take().last?.byteCount ?? 0
        for _ in 0..<100 { self.callee.reply(to: self.caller.incarnation) }
        #expect(self.caller.take().filter { $0.kind == .reply }.count == 100)
        self.callee.send(
            Message(FrameHeader(kind: .acknowledge, peer: self.caller.incarnation)))
        #expect(self.caller.take().kinds == [.acknowledge])
        self.callee.tellTakenIn(calls: UInt64(call))
        self.caller.call(self.door, number: 2_000)
        let refusal = self.caller.take().last
        #expect(refusal?.error.kind == .overloaded && refusal?.error.executed == .no)
        #expect(
            refusal?.error.message == "this node has 4000 bytes of answers to take in first")
        #expect(self.caller.ask("ping()").error.kind == .overloaded)
    }

    @Test func `a flood of calls to a node leaves its own calls alone`() {
        _ = self.fill()
        self.caller.publish("other", 5)
        self.callee.find("other")
        self.callee.call(self.caller.object(5))
        #expect(self.caller.take().last?.kind == .call)
    }

    @Test(arguments: [1_000_000, 10]) func `who tells more than it was sent, or less than before`(
        bytes: UInt64
    ) {
        _ = self.fill()
        self.callee.tellTakenIn(calls: 100)
        #expect(self.world.core.counters.linksLost == 0)
        self.callee.tellTakenIn(calls: bytes)
        #expect(self.world.core.counters.linksLost == 1)
        #expect(self.callee.take().last?.kind == .refused, "loses its link")
    }

    @Test func `who never tells what it takes in has no such bound`() {
        self.callee.send(.heartbeat)
        for number in UInt64(1)...100 { self.caller.call(self.door, number: number) }
        #expect(self.callee.take().filter { $0.kind == .call }.count == 100)
        self.caller.send(.heartbeat)
        for number in UInt64(1)...100 {
            self.callee.reply(to: self.caller.incarnation, number: number)
        }
        self.caller.call(self.door, number: 101)
        #expect(self.callee.take().last?.kind == .call)
    }

    @Test func `what a full pipe refuses takes nothing of the credit`() {
        self.world.blocked[self.callee.rx] = .pipeFull
        let header = FrameHeader(
            kind: .call, peer: self.door.owner, object: self.door.object,
            call: CallNumber(rawValue: 1))
        let buffers = [Bytes([UInt8](repeating: 1, count: 2 * Self.limit))]
        self.caller.send(Message(header, payload: [0x80], buffers: buffers))
        #expect(self.caller.take().last?.error.message.contains("queue") == true)
        self.world.blocked = [:]
        let bytes = self.fill().arrived.map(\.byteCount).reduce(0, +)
        #expect(bytes >= Self.limit * 3 / 4)
    }

    @Test func `a new link has its whole credit`() {
        _ = self.fill()
        self.callee.names = [
            HelloBody.Name(name: "door", object: self.door.object, interface: "I")
        ]
        self.callee.exports = [
            HelloBody.Export(object: self.door.object, generation: .first, count: 1)
        ]
        self.callee.relink()
        self.caller.call(self.door, number: 2_000, peerEpoch: self.callee.epoch)
        #expect(self.callee.take().kinds.last == .call)
    }
}

extension ScriptedNode {
    /// HEARTBEAT.
    func tellTakenIn(calls: UInt64 = 0, others: UInt64 = 1) {
        self.send(
            Message(
                FrameHeader(
                    kind: .heartbeat, object: ObjectNumber(rawValue: others),
                    call: CallNumber(rawValue: calls))))
    }
}
