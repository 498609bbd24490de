// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusNodeCore
import BusWire
import Testing

@Suite struct ReplicaChoiceTests {
    private func reference(_ owner: UInt64) -> Reference {
        Reference(owner: IncarnationID(rawValue: owner), object: .root)
    }

    private func choice(
        _ policy: ReplicaPolicy, _ owners: [UInt64], start: UInt64 = 0
    ) -> ReplicaChoice {
        ReplicaChoice(policy, owners.map { self.reference($0) }, start: start)
    }

    /// The places of the next choices.
    private func places(_ choice: inout ReplicaChoice, _ count: Int) -> [Int] {
        (0..<count).map { _ in choice.choose() }
    }

    @Test func `by turns each is called as often as the others`() {
        var choice = self.choice(.roundRobin, [1, 2, 3])
        #expect(self.places(&choice, 7) == [0, 1, 2, 0, 1, 2, 0])
    }

    @Test(arguments: [0, 1, 2, 3, .max] as [UInt64])
    func `callers begin where they are told`(start: UInt64) {
        var choice = self.choice(.roundRobin, [1, 2, 3], start: start)
        #expect(choice.choose() == Int(start % 3))
    }

    @Test func `a call goes to who has the fewest, by turns if there are several`() {
        var choice = self.choice(.leastOutstanding, [1, 2, 3])
        #expect(self.places(&choice, 3) == [0, 1, 2])
        choice.ended(at: self.reference(2))
        #expect(self.places(&choice, 2) == [1, 2], "then all have one, and the turns go on")
        choice.ended(at: self.reference(3))
        choice.ended(at: self.reference(3))
        #expect(choice.choose() == 2, "it has none, and what ends twice does not count")
    }

    @Test(arguments: ReplicaPolicy.allCases)
    func `who has just failed is left out, unless it is the only one`(policy: ReplicaPolicy) {
        var two = self.choice(policy, [1, 2])
        #expect((0..<4).map { _ in two.choose(avoiding: self.reference(1)) } == [1, 1, 1, 1])
        var one = self.choice(policy, [1])
        #expect(one.choose(avoiding: self.reference(1)) == 0)
    }

    @Test func `who comes is called from now on, and who has left no more`() {
        var choice = self.choice(.roundRobin, [1, 2])
        #expect(choice.choose() == 0)
        choice.replace(.roundRobin, [1, 2, 3].map { self.reference($0) })
        #expect(self.places(&choice, 4) == [1, 2, 0, 1])
        choice.replace(.roundRobin, [1, 2].map { self.reference($0) })
        #expect(choice.turn == 0, "it was the turn of the one that left")
        choice.replace(.roundRobin, [self.reference(9)])
        #expect(self.places(&choice, 2) == [0, 0])
    }

    @Test func `calls under way count on when others come and go`() {
        var choice = self.choice(.leastOutstanding, [1, 2])
        _ = self.places(&choice, 4)
        choice.ended(at: self.reference(1))
        choice.replace(.leastOutstanding, [2, 1, 3].map { self.reference($0) })
        #expect(self.places(&choice, 3) == [2, 1, 2], "the new one has none, the first has one")
        choice.ended(at: self.reference(7))
    }
}
