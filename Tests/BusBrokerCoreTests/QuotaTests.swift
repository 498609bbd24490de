// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore
import BusKernel
import BusValue
import BusWire
import Testing

/// What one node may have under way, by its name, and its share of another one's credit.
@Suite struct QuotaTests {
    /// A callee with a published object, and a caller of it.
    private struct Pair {
        let world: BrokerWorld
        let callee: ScriptedNode
        let caller: ScriptedNode
        let door: Reference

        init(_ world: BrokerWorld, caller name: String = "caller") {
            self.world = world
            self.callee = ScriptedNode(world, "callee")
            self.caller = ScriptedNode(world, name)
            self.door = self.callee.publish("door", 1, foundBy: self.caller)
        }
    }

    // MARK: Calls under way

    @Test func `one call more than the quota is refused until one is answered`() {
        let pair = Pair(BrokerWorld { $0.callsPerNode = 2 })
        for number in UInt64(1)...2 { pair.caller.call(pair.door, number: number) }
        #expect(pair.callee.take().map(\.header.call.rawValue) == [1, 2])
        pair.caller.call(pair.door, number: 3)
        let refusal = pair.caller.take().last
        #expect(refusal?.error.kind == .overloaded && refusal?.error.executed == .no)
        #expect(refusal?.error.message == "this node has 2 calls under way")
        #expect(pair.callee.take().isEmpty)
        pair.caller.call(pair.door, number: 4, flags: .oneWay)
        #expect(pair.callee.take().count == 1, "a one-way call is not under way for long")
        pair.callee.reply(to: pair.caller.incarnation, number: 1)
        pair.caller.call(pair.door, number: 5)
        #expect(pair.callee.take().map(\.header.call.rawValue) == [5])
    }

    @Test func `others call on while one has used up its quota`() {
        let pair = Pair(BrokerWorld { $0.callsPerNode = 1 })
        let other = ScriptedNode(pair.world, "other")
        other.find("door")
        for number in UInt64(1)...5 { pair.caller.call(pair.door, number: number) }
        other.call(pair.door)
        #expect(
            pair.callee.take().map(\.header.peer) == [pair.caller.incarnation, other.incarnation])
    }

    @Test func `a call that a full pipe refused is not under way`() {
        let pair = Pair(BrokerWorld { $0.callsPerNode = 1 })
        pair.world.blocked[pair.callee.rx] = .pipeFull
        for number in UInt64(1)...3 { pair.caller.call(pair.door, number: number) }
        #expect(pair.caller.take().allSatisfy { $0.error.message.contains("queue") })
        pair.world.blocked = [:]
        pair.caller.call(pair.door, number: 4)
        #expect(pair.callee.take().map(\.header.call.rawValue) == [4])
    }

    @Test func `what will never be answered does not count for ever`() {
        let pair = Pair(BrokerWorld { $0.callsPerNode = 1 })
        pair.caller.call(pair.door)
        pair.callee.send(.goodbye)
        let next = ScriptedNode(pair.world, "next")
        next.publish("door", 1)
        pair.caller.find("door")
        pair.caller.call(next.object(1), number: 2)
        #expect(next.take().last?.kind == .call, "the callee has ended")
        pair.caller.holdings = [
            HelloBody.Holding(entry: ReferenceEntry(reference: next.object(1)), count: 1)
        ]
        pair.caller.relink()
        pair.caller.call(next.object(1), number: 3)
        #expect(next.take().last?.kind == .call, "the caller has a new link")
    }

    // MARK: Rules

    @Test(arguments: [
        ("batch-*", ["batch-", "batch-1"], ["batch", "a-batch-1", ""]),
        ("*", ["", "anything"], []),
        ("web", ["web"], ["web1", "aweb", ""]),
        ("*-test", ["-test", "a-test", "a-test-test"], ["a-tes", "test"]),
        ("a*b*c", ["abc", "a1b2c", "abbcc"], ["ac", "abcd", "acb"]),
        ("a*a", ["aa", "aba"], ["a"]),
    ])
    func `a star stands for any characters`(pattern: String, fits: [String], others: [String]) {
        let rule = QuotaRule(pattern: pattern)
        for name in fits { #expect(rule.fits(name), "\(name)") }
        for name in others { #expect(!rule.fits(name), "\(name)") }
    }

    @Test func `the first rule that fits a name counts, and is silent about the rest`() throws {
        var (first, second) = (QuotaRule(pattern: "batch-1"), QuotaRule(pattern: "batch-*"))
        (first.names, second.names, second.references) = (1, 2, 0)
        let world = BrokerWorld(quotas: [first, second]) { $0.namesPerNode = 3 }
        for (name, most) in [("batch-1", 1), ("batch-2", 2), ("web", 3)] {
            let node = ScriptedNode(world, name)
            for index in 0..<most {
                #expect(node.publish("\(name)/\(index)", UInt64(index + 1)).kind == .reply)
            }
            #expect(node.publish("\(name)/\(most)", 9).error.kind == .overloaded)
        }
        #expect(ScriptedNode(world, "batch-1").find("web/0").kind == .reply)
        #expect(ScriptedNode(world, "batch-2").find("web/0").error.kind == .overloaded)
    }

    @Test func `a node is told its own credit, and has it`() throws {
        var rule = QuotaRule(pattern: "callee")
        rule.waitingBytes = 300
        let pair = Pair(BrokerWorld(quotas: [rule]))
        for number in UInt64(1)...20 { pair.caller.call(pair.door, number: number) }
        let count = pair.callee.take().count
        #expect(count > 0 && count < 6)
        #expect(pair.callee.credit == 300)
        #expect(pair.caller.credit == UInt64(BrokerLimits().waitingBytesPerNode))
    }

    // MARK: Shares

    @Test func `a caller that floods a slow node leaves room for others`() {
        let pair = Pair(BrokerWorld { $0.waitingBytesPerNode = 20_000 }, caller: "flood")
        let victim = ScriptedNode(pair.world, "victim")
        victim.find("door")
        var taken = UInt64(0)
        for round in UInt64(1)...20 {
            for number in 1...200 {
                pair.caller.call(pair.door, number: UInt64(number), flags: .oneWay)
            }
            victim.call(pair.door, number: round)
            #expect(victim.take().isEmpty, "in round \(round)")
            // It takes in a few, always fewer than came.
            let came = pair.callee.take()
            #expect(came.last?.header.peer == victim.incarnation)
            taken += UInt64(came.prefix(3).map(\.byteCount).reduce(0, +))
            pair.callee.tellTakenIn(calls: taken)
        }
        #expect(pair.world.core.counters.drops[.oneWayOverCredit] > 3_000)
    }

    @Test func `shares are for those who call now`() {
        let pair = Pair(BrokerWorld { $0.waitingBytesPerNode = 20_000 })
        func flood(_ first: UInt64) -> Int {
            for number in first..<first + 400 {
                pair.caller.call(pair.door, number: number, flags: .oneWay)
            }
            return pair.callee.take().map(\.byteCount).reduce(0, +)
        }
        let first = flood(1)
        // Half of the credit, and half of the rest.
        #expect(first >= 15_000 && first < 15_200)
        pair.callee.tellTakenIn(calls: UInt64(first))
        let second = flood(1_000)
        #expect(second >= 15_000 && second < 15_200)
    }
}
