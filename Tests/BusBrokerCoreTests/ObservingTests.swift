// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore
import BusKernel
import BusValue
import BusWire
import Testing

/// Watching what passes: docs/protocol/broker.md §8.
@Suite struct ObservingTests {
    let world = BrokerWorld()
    let owner: ScriptedNode
    let client: ScriptedNode
    let watcher: ScriptedNode
    let door: Reference

    init() {
        self.owner = ScriptedNode(self.world, "owner")
        self.client = ScriptedNode(self.world, "client")
        self.watcher = ScriptedNode(self.world, "watcher")
        self.owner.publish("door", 1)
        self.owner.publish("gate", 2)
        self.door = self.owner.object(1)
        self.client.find("door")
        self.client.find("gate")
    }

    /// Asks; the answer, if it comes within the time that answers are gathered.
    @discardableResult
    private func watch(_ filter: ValueMap = ValueMap(), number: Int64 = 1) -> Value? {
        _ = self.watcher.ask(later: "watchCalls(_:filter:)", [.integer(number), .map(filter)])
        self.world.pass(ObservingLimits.gatherTime)
        return self.watcher.take().last { $0.kind == .reply }?.value
    }

    /// Begins to watch, and waits for more.
    private func begin(_ filter: ValueMap = ValueMap(), number: Int64 = 1) {
        #expect(self.watch(filter, number: number)?["isNew"] == true)
        #expect(self.watch(filter, number: number) == nil)
    }

    /// What the watcher who waits is told now.
    private func told() -> Value? {
        self.world.pass(ObservingLimits.gatherTime)
        return self.watcher.take().last { $0.kind == .reply }?.value
    }

    /// Each message as `kind caller>callee method reason`.
    private func lines(_ answer: Value?) -> [String] {
        (answer?["messages"]?.arrayValue ?? []).map { row in
            let words = [row[0], row[4], row[5], row[8], row[12]].map { $0?.stringValue }
            return words.compactMap(\.self).joined(separator: " ")
        }
    }

    @Test func `nothing is remembered while nobody watches, and nothing afterwards`() {
        self.client.call(self.door)
        #expect(!self.world.core.isObserved)
        self.begin()
        #expect(self.world.core.isObserved)
        #expect(self.watcher.ask("status()").value?["watchers"]?.intValue == 1)
        self.owner.reply(to: self.client.incarnation)
        #expect(self.lines(self.told()) == ["reply client owner"], "its call was not seen")
        self.watcher.send(.goodbye)
        #expect(!self.world.core.isObserved)
        #expect(self.client.ask("status()").value?["watchers"]?.intValue == 0)
    }

    @Test func `a call and its answer are told, with the time between them`() throws {
        self.begin()
        self.client.call(self.door, name: "door")
        let first = try #require(self.told())
        #expect(self.lines(first) == ["call client owner run()"])
        #expect(self.watch() == nil)
        self.owner.reply(to: self.client.incarnation)
        let answer = try #require(self.told())
        #expect(self.lines(answer) == ["reply client owner run()"])
        let (call, reply) = (first["messages"]?[0], answer["messages"]?[0])
        #expect(call?[2] == reply?[2] && call?[2]?.intValue == 1)
        #expect(call?[6]?.stringValue == self.door.description)
        #expect(call?[7] == "door" && reply?[7] == "door")
        #expect(call?[11] == .null)
        #expect(reply?[11]?.intValue == 100_000_000)
        #expect(answer["lost"]?.intValue == 0)
    }

    @Test func `one-way calls, failures, cancellations and acknowledgements are told`() {
        self.begin()
        self.client.call(self.door, number: 1, flags: .oneWay)
        self.client.call(self.door, number: 1)
        let peer = self.door.owner
        let number = CallNumber(rawValue: 1)
        self.client.send(Message(FrameHeader(kind: .cancel, peer: peer, call: number)))
        self.owner.send(
            Message(FrameHeader(kind: .failure, peer: self.client.incarnation, call: number)))
        self.client.send(Message(FrameHeader(kind: .acknowledge, peer: peer, call: number)))
        #expect(
            self.lines(self.told()) == [
                "oneWay client owner run()", "call client owner run()",
                "cancel client owner run()", "failure client owner run()",
                "acknowledge client owner",
            ])
    }

    @Test func `what the broker refuses or drops is told, and why`() {
        self.begin()
        self.client.call(self.owner.object(9))
        self.world.blocked[self.owner.rx] = .pipeFull
        self.client.call(self.door, number: 2)
        self.world.blocked = [:]
        self.owner.die()
        self.client.call(self.door, number: 3)
        self.client.call(self.door, number: 4, flags: .oneWay)
        #expect(
            self.lines(self.told()) == [
                "failure client owner run() denied", "call client owner run()",
                "failure client owner run() overloaded",
                "dropped client owner run() callOwnerAway",
                "dropped client owner run() oneWayDropped",
            ])
    }

    @Test func `a call whose callee ends has ended`() {
        self.begin()
        self.client.call(self.door)
        self.owner.send(.goodbye)
        #expect(
            self.lines(self.told()) == [
                "call client owner run()", "failure client owner run() disconnected",
            ])
    }

    @Test func `a call that is sent again keeps its number and its time`() throws {
        self.begin()
        self.client.call(self.door)
        #expect(self.lines(self.told()).count == 1)
        #expect(self.watch() == nil)
        self.client.call(self.door, flags: .resent)
        self.owner.reply(to: self.client.incarnation)
        let rows = try #require(self.told()?["messages"]?.arrayValue)
        #expect(rows.map { $0[2]?.intValue } == [1, 1])
        #expect(rows.last?[11]?.intValue == 100_000_000)
    }

    @Test(
        arguments: [
            (["node": "owner"], 4), (["node": "nobody"], 0), (["method": "run()"], 4),
            (["method": "run"], 4), (["method": "ru"], 0), (["object": "gate"], 2),
            (["object": "door"], 2), (["object": "door", "node": "client"], 2),
            (["object": "nothing"], 0), (["kinds": ["reply"]], 2),
            (["object": "gate", "kinds": ["call"]], 1), (["kinds": []], 0),
        ] as [(ValueMap, Int)])
    func `a filter lets through what all of it applies to`(filter: ValueMap, count: Int) {
        self.begin(filter)
        // By its reference alone, and by its name.
        self.client.call(self.door, number: 1)
        self.client.call(self.owner.object(2), number: 2, name: "gate")
        for number in [1, 2] as [UInt64] {
            self.owner.reply(to: self.client.incarnation, number: number)
        }
        #expect(self.lines(self.told()).count == count)
    }

    @Test func `a reference as text is as good as a name`() {
        self.begin(["object": .string(self.door.description)])
        self.client.call(self.door, number: 1)
        self.client.call(self.owner.object(2), number: 2)
        #expect(self.lines(self.told()) == ["call client owner run()"])
    }

    @Test(arguments: [["node": 1], ["kinds": ["dance"]], ["colour": "red"]] as [ValueMap])
    func `a filter that can't be read is refused`(filter: ValueMap) {
        let answer = self.watcher.ask("watchCalls(_:filter:)", [1, .map(filter)])
        #expect(answer.error.kind == .invalid)
        #expect(!self.world.core.isObserved)
    }

    @Test func `calls made in the handler of a call are told with it, at any depth`() throws {
        let third = ScriptedNode(self.world, "third")
        third.publish("inner", 5)
        for node in [self.owner, self.client] { node.find("inner") }
        self.begin(["object": "door", "nested": true])
        self.client.call(self.door, number: 1)
        self.owner.call(third.object(5), number: 8, parent: (self.client.incarnation, 1))
        third.call(self.owner.object(0), number: 3, parent: (self.owner.incarnation, 8))
        self.client.call(third.object(5), number: 2)
        third.reply(to: self.owner.incarnation, number: 8)
        let rows = try #require(self.told()?["messages"]?.arrayValue)
        #expect(rows.map { $0[4]?.stringValue } == ["client", "owner", "third", "owner"])
        #expect(rows.map { $0[2]?.intValue } == [1, 2, 3, 2])
        #expect(rows.map { $0[3]?.intValue } == [0, 1, 2, 1])
    }

    @Test func `who does not keep up is told how many messages it has lost`() throws {
        self.begin()
        self.client.call(self.door, flags: .oneWay)
        #expect(self.lines(self.told()).count == 1)
        let count = ObservingLimits.records + 5
        for _ in 0..<count { self.client.call(self.door, flags: .oneWay) }
        #expect(self.owner.take().count == count + 1, "the bus goes on")
        let answer = try #require(self.watch())
        #expect(self.lines(answer).count == ObservingLimits.recordsPerAnswer)
        #expect(answer["lost"]?.intValue == 5)
        var rest = 0
        while let more = self.watch() {
            #expect(more["lost"]?.intValue == 0)
            rest += self.lines(more).count
        }
        #expect(rest == ObservingLimits.records - ObservingLimits.recordsPerAnswer)
        let status = self.client.ask("status()").value
        #expect(status?["drops"]?["recordLost"]?.intValue == 5)
    }

    @Test func `answers are gathered, so that many messages don't make many answers`() {
        self.begin()
        self.client.call(self.door, flags: .oneWay)
        self.world.pass(.zero)
        #expect(self.watcher.take().count == 1, "the first one at once")
        _ = self.watcher.ask(later: "watchCalls(_:filter:)", [1, .null])
        self.client.call(self.door, flags: .oneWay)
        self.world.pass(.milliseconds(49))
        #expect(self.watcher.take().isEmpty)
        self.client.call(self.door, flags: .oneWay)
        self.world.pass(.milliseconds(1))
        #expect(self.watcher.take().count == 1)
    }

    @Test func `who waits long is answered, and who asks no more is forgotten`() {
        self.begin()
        let beat = {
            for node in [self.watcher, self.client, self.owner] { node.send(.heartbeat) }
        }
        self.world.pass(.seconds(9), doing: beat)
        #expect(self.watcher.take().filter { $0.kind == .reply }.isEmpty)
        self.world.pass(.seconds(2), doing: beat)
        let answer = self.watcher.take().first { $0.kind == .reply }
        #expect(answer?.value?["messages"]?.arrayValue == [])
        self.world.pass(.seconds(9), doing: beat)
        #expect(self.world.core.isObserved)
        self.world.pass(.seconds(2), doing: beat)
        #expect(!self.world.core.isObserved)
    }

    @Test func `watching ends with the link, and begins anew on the next one`() {
        self.begin()
        self.watcher.relink()
        #expect(!self.world.core.isObserved)
        #expect(self.watch()?["isNew"] == true)
    }

    @Test func `a second question of a watcher ends the first one`() {
        self.begin()
        var header = FrameHeader(kind: .call, call: CallNumber(rawValue: 77))
        var extensions = Extensions()
        extensions.method = "watchCalls(_:filter:)"
        for number in [77, 78] as [UInt64] {
            header.call = CallNumber(rawValue: number)
            let payload = (try? Value.array([1, .null]).encoded()) ?? []
            self.watcher.send(Message(header, payload: payload, extensions: extensions))
        }
        let answers = self.watcher.take()
        #expect(answers.map(\.header.call.rawValue).last == 77)
        #expect(answers.allSatisfy { $0.value?["messages"]?.arrayValue == [] })
        #expect(answers.count == 2, "that of the test's beginning, and the first one here")
    }

    @Test func `so many may watch, and no more`() {
        for number in 1...Int64(ObservingLimits.watchers) { self.begin(number: number) }
        let answer = self.watcher.ask("watchCalls(_:filter:)", [99, .null])
        #expect(answer.error.kind == .overloaded)
        #expect(self.world.core.isObserved)
    }

    @Test func `each watcher is told what it wants, and nothing of those before it`() {
        self.begin(["object": "door"], number: 1)
        let other = ScriptedNode(self.world, "other")
        self.client.call(self.door)
        self.watcher.send(.goodbye)
        _ = other.ask(later: "watchCalls(_:filter:)", [1, ["object": "gate"]])
        self.world.pass(.zero)
        _ = other.ask(later: "watchCalls(_:filter:)", [1, ["object": "gate"]])
        _ = other.take()
        self.owner.reply(to: self.client.incarnation)
        self.world.pass(ObservingLimits.gatherTime)
        #expect(other.take().isEmpty)
    }
}
