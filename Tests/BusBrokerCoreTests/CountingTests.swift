// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore
import BusKernel
import BusWire
import Testing

/// Rules R9-R12, R24: `E`, `H`, and who may pass on what.
@Suite struct CountingTests {
    let world = BrokerWorld()
    let owner: ScriptedNode
    let client: ScriptedNode
    let third: ScriptedNode
    /// Published, and held by the client.
    let door: Reference

    init() {
        self.owner = ScriptedNode(self.world, "owner")
        self.client = ScriptedNode(self.world, "client")
        self.third = ScriptedNode(self.world, "third")
        self.door = self.owner.publish("door", 1, foundBy: self.client)
        self.third.find("door")
    }

    /// The owner hands out object `number` in a reply to the client, and `count` copies of it.
    private func handOut(_ number: UInt64, copies count: Int = 1) -> Reference {
        let reference = self.owner.object(number)
        self.client.call(self.door)
        _ = self.owner.take()
        self.owner.reply(
            to: self.client.incarnation, [Reference](repeating: reference, count: count))
        return reference
    }

    @Test func `a copy makes a holder, and brings the seal each time`() {
        let reference = self.handOut(5)
        let first = self.client.take().flatMap(\.references)
        #expect(first.map(\.reference) == [reference])
        #expect(first.first?.seal == TestAuthority().seal(reference, .first))
        _ = self.handOut(5)
        #expect(self.client.take().flatMap(\.references) == first)
        self.client.call(reference, number: 2)
        #expect(self.owner.take().kinds == [.call])
    }

    @Test func `the owner learns how many exports are unused when the last copy is released`() {
        let reference = self.handOut(5, copies: 3)
        _ = self.handOut(5)
        self.client.release(reference, 1)
        self.client.release(reference, 2)
        #expect(unrefs(self.owner.take()).isEmpty)
        self.client.release(reference, 1)
        #expect(unrefs(self.owner.take()) == [[5, 4]])
        self.client.call(reference, number: 9)
        #expect(self.client.take().last?.error.kind == .denied)
    }

    @Test func `a third party keeps an object alive after the one who passed it on`() {
        let reference = self.handOut(5)
        _ = self.handOut(6)
        self.third.publish("desk", 2)
        self.client.find("desk")
        self.client.call(self.third.object(2), [reference])
        self.client.release(reference)
        self.client.release(self.owner.object(6))
        #expect(unrefs(self.owner.take()) == [[6, 1]])
        let passed = self.third.take().flatMap(\.references)
        #expect(passed.map(\.reference) == [reference])
        #expect(passed.first?.seal == TestAuthority().seal(reference, .first))
        self.third.call(reference)
        #expect(self.owner.take().kinds == [.call])
        self.third.release(reference)
        #expect(unrefs(self.owner.take()) == [[5, 1]])
    }

    @Test func `a reference that comes home makes no holder of its owner`() {
        let reference = self.handOut(5)
        self.client.call(self.door, [reference], number: 2)
        #expect(self.owner.take().flatMap(\.references).map(\.seal) == [Seal.none])
        self.client.release(reference)
        #expect(unrefs(self.owner.take()) == [[5, 1]])
    }

    @Test func `what a node passes to itself is given back behind it`() {
        self.owner.call(self.owner.object(9), [self.owner.object(5)], peerEpoch: self.owner.epoch)
        let came = self.owner.take()
        #expect(came.kinds == [.call, .unref])
        #expect(unrefs(came) == [[5, 1]])
    }

    @Test func `whoever does not hold an object can neither call it nor pass it on`() {
        let reference = self.handOut(5)
        self.third.call(reference, number: 3)
        let denied = self.third.take()
        #expect(denied.map(\.error.kind) == [.denied])
        #expect(denied.first?.header.call.rawValue == 3)
        #expect(denied.first?.header.peer == self.owner.incarnation)
        self.third.call(self.door, [reference], number: 4)
        #expect(self.third.take().map(\.error.kind) == [.denied])
        #expect(self.owner.take().isEmpty)
        self.client.release(reference)
        #expect(unrefs(self.owner.take()) == [[5, 1]])
    }

    @Test func `a result that the callee may not pass on fails at the caller`() {
        let reference = self.handOut(5)
        self.third.publish("desk", 2)
        self.client.find("desk")
        self.client.call(self.third.object(2), number: 8)
        _ = self.client.take()
        self.third.reply(to: self.client.incarnation, [reference, self.third.object(4)], number: 8)
        let failed = self.client.take()
        #expect(failed.kinds == [.failure])
        #expect(failed.first?.error.kind == .denied)
        #expect(failed.first?.error.executed == .yes)
        #expect(failed.first?.header.peer == self.third.incarnation)
        #expect(unrefs(self.third.take()) == [[4, 1]])
    }

    @Test func `a one-way call that is not allowed is not answered`() {
        self.third.call(self.owner.object(5), flags: .oneWay)
        #expect(self.third.take().isEmpty)
        #expect(self.world.core.counters.undelivered == 1)
    }

    // MARK: R11

    @Test func `exports in a call that is refused are given back to their owner`() {
        let mine = self.client.object(3)
        self.client.call(self.owner.object(99), [mine, mine])
        let answers = self.client.take()
        #expect(answers.map(\.kind) == [.unref, .failure])
        #expect(unrefs(answers) == [[3, 2]])
    }

    @Test func `exports in a call to a node without a link are given back, it is not answered`() {
        self.owner.die()
        self.client.call(self.door, [self.client.object(3)])
        #expect(self.client.take().kinds == [.unref])
    }

    @Test func `exports in a reply to a caller that has ended are given back`() {
        self.client.call(self.door)
        self.client.send(.goodbye)
        _ = self.owner.take()
        self.owner.reply(to: self.client.incarnation, [self.owner.object(5)])
        #expect(unrefs(self.owner.take()) == [[5, 1]])
    }

    @Test func `a call that a full pipe refuses is taken back and answered overloaded`() {
        let reference = self.handOut(5)
        _ = self.client.take()
        self.third.publish("desk", 2)
        self.client.find("desk")
        self.world.blocked[self.third.rx] = .pipeFull
        self.client.call(self.third.object(2), [reference, self.client.object(3)], number: 6)
        let answers = self.client.take()
        #expect(answers.kinds == [.unref, .failure])
        #expect(answers.last?.error.kind == .overloaded)
        #expect(answers.last?.error.executed == .no)
        #expect(answers.last?.header.peer == self.third.incarnation)
        self.world.blocked = [:]
        self.client.release(reference)
        #expect(unrefs(self.owner.take()) == [[5, 1]], "the third one does not hold it")
        self.client.call(self.third.object(2), number: 7)
        #expect(self.third.take().kinds == [.call], "and its sequence has no gap")
    }

    @Test func `a call whose receiver has just gone waits for its new link`() {
        self.world.blocked[self.owner.rx] = .unreachable
        self.client.call(self.door, [self.client.object(3)])
        #expect(self.client.take().kinds == [.unref])
        #expect(self.world.notices.last == .linkLost(self.owner.incarnation, .connectionClosed))
        self.owner.exports = [self.export(1, 1)]
        self.owner.relink()
        #expect(self.client.take().kinds == [.peerRelinked])
    }

    @Test func `a reply that meets a full pipe ends the caller's link`() {
        self.client.call(self.door)
        self.world.blocked[self.client.rx] = .pipeFull
        self.owner.reply(to: self.client.incarnation, [self.owner.object(5)])
        #expect(self.world.notices.last == .linkLost(self.client.incarnation, .pipeFull))
        #expect(unrefs(self.owner.take()) == [[5, 1]])
    }

    @Test func `a full pipe to itself ends a node's link, because more is numbered already`() {
        self.world.blocked[self.owner.rx] = .pipeFull
        self.owner.call(
            self.owner.object(9), [self.owner.object(5)], peerEpoch: self.owner.epoch)
        #expect(self.world.notices.last == .linkLost(self.owner.incarnation, .pipeFull))
    }

    // MARK: Ends

    @Test func `releasing more than is held ends the link and counts nothing`() {
        let reference = self.handOut(5)
        _ = self.client.take()
        self.client.release(reference, 2)
        #expect(self.client.take().kinds == [.refused])
        #expect(unrefs(self.owner.take()).isEmpty)
        self.client.holdings = [self.holding(reference, 1), self.holding(self.door, 1)]
        self.client.relink()
        self.client.release(reference, 1)
        #expect(unrefs(self.owner.take()) == [[5, 1]])
    }

    @Test func `what an ended node held is released`() {
        _ = self.handOut(5)
        _ = self.handOut(6, copies: 2)
        self.client.send(.goodbye)
        let came = self.owner.take().filter { $0.kind != .call }
        #expect(came.map(\.kind) == [.peerEnded, .unref, .unref])
        #expect(unrefs(came) == [[5, 1], [6, 2]])
    }

    @Test func `a new link sets the counts to what the nodes say`() {
        let reference = self.handOut(5)
        _ = self.client.take()
        // Three more copies, of which the client never hears.
        _ = self.handOut(5, copies: 3)
        _ = self.client.take()
        self.client.die()
        self.client.holdings = [self.holding(reference, 1), self.holding(self.door, 1)]
        self.client.relink()
        self.client.release(reference, 1)
        #expect(unrefs(self.owner.take()) == [[5, 4]])
    }

    @Test func `what a new link does not restate is released`() {
        _ = self.handOut(5)
        self.client.die()
        self.client.relink()
        #expect(unrefs(self.owner.take()) == [[5, 1]])
    }

    @Test func `an owner's new link sets what it has exported`() {
        let reference = self.handOut(5)
        self.owner.die()
        // One transmission was lost with the link: it counted two.
        self.owner.exports = [self.export(5, 2), self.export(1, 1), self.export(8, 3)]
        let came = self.owner.relink()
        #expect(unrefs(came) == [[8, 3]], "nobody holds 8")
        self.client.release(reference)
        #expect(unrefs(self.owner.take()) == [[5, 2]])
    }

    @Test func `a holding that is neither known nor sealed is not believed`() {
        let reference = self.handOut(5)
        self.third.holdings = [self.holding(reference, 1)]
        self.third.relink()
        self.third.call(reference)
        #expect(self.third.take().last?.error.kind == .denied)
        self.client.release(reference)
        #expect(unrefs(self.owner.take()) == [[5, 1]])
    }

    @Test func `calls of a revoked reference are denied, also after a new link`() {
        let reference = self.handOut(5)
        _ = self.client.take()
        self.owner.send(
            Message(
                FrameHeader(
                    kind: .revoke, object: reference.object, call: CallNumber(rawValue: 2))))
        #expect(self.client.take().kinds == [.revoked])
        self.client.call(reference)
        #expect(self.client.take().map(\.error.kind) == [.denied])
        self.client.holdings = [self.holding(reference, 1)]
        #expect(self.client.relink().kinds == [.revoked])
        self.client.call(reference)
        #expect(self.client.take().map(\.error.kind) == [.denied])
    }

    @Test func `references over the quota are refused and not counted`() {
        let world = BrokerWorld { $0.referencesPerNode = 2 }
        let (owner, client) = (ScriptedNode(world, "o"), ScriptedNode(world, "c"))
        client.publish("desk", 1)
        owner.find("desk")
        owner.call(client.object(1), [owner.object(1), owner.object(2)])
        #expect(owner.take().isEmpty)
        owner.call(client.object(1), [owner.object(3)], number: 2)
        let answers = owner.take()
        #expect(unrefs(answers) == [[3, 1]])
        #expect(answers.last?.error.kind == .overloaded)
    }

    @Test func `a node that holds all it may finds and claims no more`() {
        let world = BrokerWorld { $0.referencesPerNode = 1 }
        let (owner, client) = (ScriptedNode(world, "o"), ScriptedNode(world, "c"))
        for name in ["first", "second"] { owner.publish(name, name == "first" ? 1 : 2) }
        #expect(client.find("first").references.count == 1)
        #expect(client.find("first").references.count == 1)
        #expect(client.find("second").error.kind == .overloaded)
        let tag = ReferenceEntry(
            reference: owner.object(2), seal: TestAuthority().seal(owner.object(2), .first))
        let answer = client.ask("claim(_:)", references: [tag])
        #expect(answer.error.kind == .overloaded)
        // An owner needs no right.
        #expect(owner.find("first").references.count == 1)
    }

    private func holding(_ reference: Reference, _ count: UInt64) -> HelloBody.Holding {
        HelloBody.Holding(entry: ReferenceEntry(reference: reference), count: count)
    }

    private func export(_ object: UInt64, _ count: UInt64) -> HelloBody.Export {
        HelloBody.Export(
            object: ObjectNumber(rawValue: object), generation: .first, count: count)
    }
}
