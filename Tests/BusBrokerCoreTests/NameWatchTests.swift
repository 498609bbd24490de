// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore
import BusKernel
import BusValue
import BusWire
import Testing

/// Watching names: docs/protocol/broker.md §7.
@Suite struct NameWatchTests {
    let world = BrokerWorld()
    let owner: ScriptedNode
    let client: ScriptedNode

    init() {
        self.owner = ScriptedNode(self.world, "owner")
        self.client = ScriptedNode(self.world, "client")
    }

    /// Asks; what the broker says now, nil if it says nothing yet.
    @discardableResult
    private func watch(_ prefix: String, after: Value = 0, run: String? = nil) -> Message? {
        let run = run ?? hexadecimal(self.client.run)
        let method = "watchNames(prefix:run:after:)"
        return self.client.ask(later: method, [.string(prefix), .string(run), after])
    }

    /// The names of the changes told since the last look.
    private func told() -> [[String?]] {
        self.client.take().filter { $0.kind == .reply }.map { message in
            (message.value?["changes"]?.arrayValue ?? []).map { $0[0]?.stringValue }
        }
    }

    @Test func `who knows nothing gets all names, and up to which change that is`() {
        self.owner.publish("a/1", 7)
        self.owner.publish("b", 7)
        let answer = self.watch("a/", run: "")
        let names = answer?.value?["names"]?.arrayValue
        #expect(names?.map { $0["name"]?.stringValue } == ["a/1"])
        #expect(answer?.value?["number"]?.intValue == 2)
        #expect(answer?.value?["run"]?.stringValue == hexadecimal(self.client.run))
    }

    @Test func `changes that were missed are told at once, and in order`() {
        for name in ["a/1", "b", "a/2"] { self.owner.publish(name, 7) }
        self.owner.ask("withdraw(_:)", [.string("a/1")])
        let changes = self.watch("a/", after: 1)?.value?["changes"]?.arrayValue
        #expect(changes?.map { $0[0]?.stringValue } == ["a/2", "a/1"])
        #expect(changes?.map { $0[1]?.arrayValue?.count } == [1, 0])
    }

    @Test func `if nothing was missed, the answer waits for the next change of such a name`() {
        #expect(self.watch("a/") == nil)
        self.owner.publish("b", 7)
        #expect(self.told() == [])
        self.owner.publish("a/1", 7)
        #expect(self.told() == [["a/1"]])
        self.owner.publish("a/2", 7)
        #expect(self.told() == [], "answered once")
        #expect(self.watch("a/", after: 3) == nil)
        self.owner.send(.goodbye)
        #expect(self.told() == [["a/1", "a/2"]])
    }

    @Test func `a change that a node restates is told`() {
        #expect(self.watch("") == nil)
        self.owner.names = [
            HelloBody.Name(name: "new", object: ObjectNumber(rawValue: 9), interface: "I")
        ]
        self.owner.relink()
        #expect(self.told() == [["new"]])
    }

    @Test func `who waits long is told that nothing has changed`() {
        self.watch("")
        self.world.pass(.seconds(9)) { self.client.send(.heartbeat) }
        #expect(self.told() == [])
        self.world.pass(.seconds(2)) { self.client.send(.heartbeat) }
        #expect(self.told() == [[]])
    }

    @Test func `an answer that waits ends with the link`() {
        self.watch("")
        self.client.relink()
        self.owner.publish("a", 7)
        #expect(self.told() == [])
        #expect(self.watch("", after: 0)?.value?["changes"]?.arrayValue?.count == 1)
    }

    @Test func `a node may wait so many times and no more`() {
        for _ in 0..<BrokerStateMachine.watchesPerNode { #expect(self.watch("a") == nil) }
        #expect(self.watch("a")?.error.kind == .overloaded)
        self.owner.publish("a", 7)
        #expect(self.told().count == BrokerStateMachine.watchesPerNode)
    }

    @Test func `who knows of another run gets all names, once everybody is back`() {
        self.owner.publish("a", 7)
        let later = BrokerWorld(after: self.world, seed: 2)
        let client = ScriptedNode(self.client, movedTo: later)
        client.relink()
        let question: [Value] = [
            .string(""), .string(hexadecimal(self.client.run)), .integer(1),
        ]
        let method = "watchNames(prefix:run:after:)"
        #expect(client.ask(later: method, question)?.error.kind == .recovering)
        let owner = ScriptedNode(self.owner, movedTo: later)
        owner.names = [
            HelloBody.Name(name: "a", object: ObjectNumber(rawValue: 7), interface: "I")
        ]
        owner.relink()
        #expect(client.ask(later: method, question)?.value?["names"]?.arrayValue?.count == 1)
    }
}

@Suite struct NameLogTests {
    @Test func `changes are kept up to a bound, and whoever is later begins anew`() {
        var log = NameLog()
        for number in 0..<NameLog.changesMax { log.note("n\(number)", []) }
        #expect(log.changes(after: 0, withPrefix: "")?.count == NameLog.changesMax)
        log.note("last", [])
        #expect(log.changes(after: 0, withPrefix: "") == nil)
        #expect(log.changes(after: log.last - 1, withPrefix: "")?.map(\.name) == ["last"])
        #expect(log.changes(after: log.last, withPrefix: "") == [])
        #expect(log.changes(after: log.last + 1, withPrefix: "") == nil, "a later run's")
    }

    @Test func `so are the claims in them`() {
        var log = NameLog()
        let claim = NameTable.Claim(
            reference: Reference(owner: .broker, object: .root), interface: "I")
        let queue = Array(repeating: claim, count: NameLog.claimsMax / 4)
        for _ in 0..<4 { log.note("n", queue) }
        #expect(log.changes(after: 0, withPrefix: "")?.count == 4)
        log.note("n", queue)
        #expect(log.changes(after: 0, withPrefix: "") == nil)
        #expect(log.changes(after: 3, withPrefix: "")?.count == 2)
    }
}
