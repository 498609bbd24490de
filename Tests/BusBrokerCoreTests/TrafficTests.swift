// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore
import BusKernel
import BusValue
import BusWire
import Testing

/// Measuring what is called: docs/protocol/broker.md §9.
@Suite struct TrafficTests {
    let world = BrokerWorld()
    let owner: ScriptedNode
    let client: ScriptedNode
    let door: Reference

    init() {
        self.owner = ScriptedNode(self.world, "owner")
        self.client = ScriptedNode(self.world, "client")
        self.door = self.owner.publish("door", 1, foundBy: self.client)
    }

    private func measure() -> Value? { self.client.ask("traffic()").value }

    /// Calls, one-way calls, replies, failures, calls that are open, holders.
    private func numbers(_ row: Value?) -> [Int] { (4...9).compactMap { row?[$0]?.intValue } }

    @Test func `nothing is measured before somebody asks, or when nobody has asked for long`() {
        self.client.call(self.door)
        #expect(!self.world.core.isObserved)
        let first = self.measure()
        #expect(first?["rows"]?.arrayValue == [])
        #expect(self.world.core.isObserved)
        self.world.pass(.seconds(12)) {
            for node in [self.client, self.owner] { node.send(.heartbeat) }
        }
        #expect(!self.world.core.isObserved)
        self.client.call(self.door)
        #expect(self.measure()?["rows"]?.arrayValue == [])
    }

    @Test func `calls, replies and failures are counted, and how long they took`() throws {
        _ = self.measure()
        self.client.call(self.door, number: 1, name: "door")
        self.client.call(self.door, number: 2)
        self.client.call(self.door, number: 2, flags: .resent)
        self.client.call(self.door, number: 3)
        self.client.call(self.door, number: 3, flags: .oneWay)
        self.world.pass(.milliseconds(8))
        self.owner.reply(to: self.client.incarnation, number: 1)
        self.owner.send(
            Message(
                FrameHeader(
                    kind: .failure, peer: self.client.incarnation, call: CallNumber(rawValue: 2))))
        let answer = try #require(self.measure())
        let row = try #require(answer["rows"]?[0])
        #expect(answer["rows"]?.arrayValue?.count == 1)
        #expect(
            (0...3).map { row[$0]?.stringValue } == [
                "owner", self.door.description, "door", "run()",
            ])
        #expect(self.numbers(row) == [4, 1, 1, 1, 1, 1])
        let counts = row[10]?.arrayValue?.compactMap(\.intValue) ?? []
        try #require(counts.count == 2)
        let latency = LatencyCounts(places: [(counts[0], UInt32(counts[1]))])
        #expect(counts[1] == 2)
        #expect((7_700_000...8_300_000).contains(latency.nanoseconds(at: 0.5) ?? 0))
    }

    @Test func `what the broker refuses is an error of the object`() {
        _ = self.measure()
        self.client.call(self.owner.object(9))
        self.client.call(self.door, number: 2)
        self.owner.send(.goodbye)
        let rows = self.measure()?["rows"]?.arrayValue
        #expect(rows?.map(self.numbers) == [[1, 0, 0, 1, 0, 0], [1, 0, 0, 1, 0, 0]])
    }

    @Test func `a call that was under way when measuring began is not counted`() {
        self.client.call(self.door)
        _ = self.measure()
        self.owner.reply(to: self.client.incarnation)
        #expect(self.measure()?["rows"]?.arrayValue == [])
    }

    @Test func `there are so many rows, and the rest is counted together`() {
        _ = self.measure()
        for object in 0..<UInt64(ObservingLimits.rows + 3) {
            self.owner.call(self.owner.object(100 + object), number: object + 1)
        }
        let answer = self.measure()
        #expect(answer?["rows"]?.arrayValue?.count == ObservingLimits.rows)
        #expect(self.numbers(answer?["others"]) == [3, 0, 0, 0, 3, 0])
        self.owner.reply(
            to: self.owner.incarnation, number: UInt64(ObservingLimits.rows + 3))
        #expect(self.numbers(self.measure()?["others"]) == [3, 0, 1, 0, 2, 0])
    }

    @Test func `measuring and watching do not end each other`() {
        let watcher = ScriptedNode(self.world, "watcher")
        _ = self.measure()
        _ = watcher.ask(later: "watchCalls(_:filter:)", [1, .null])
        watcher.send(.goodbye)
        #expect(self.world.core.isObserved)
        self.client.call(self.door)
        #expect(self.measure()?["rows"]?.arrayValue?.count == 1)
    }
}
