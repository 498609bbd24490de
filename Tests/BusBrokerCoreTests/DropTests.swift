// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore
import BusKernel
import BusValue
import BusWire
import Testing

/// What is refused, dropped or lost is counted, each reason by itself: docs/operating/counters.md.
@Suite struct DropTests {
    let world = BrokerWorld { limits in
        limits.nodes = 4
        limits.handshakes = 2
        limits.referencesPerNode = 2
    }
    let owner: ScriptedNode
    let client: ScriptedNode
    let door: Reference

    init() {
        self.owner = ScriptedNode(self.world, "owner")
        self.client = ScriptedNode(self.world, "client")
        self.door = self.owner.publish("door", 1, foundBy: self.client)
    }

    /// What was counted while `body` ran, `reason count`.
    private func counted(_ body: () -> Void) -> [String] {
        let before = self.world.core.counters.drops
        body()
        return self.world.core.counters.drops.added(since: before)
            .map { "\($0.reason.name) \($0.count)" }
    }

    private func unlinked() -> ScriptedNode {
        let node = ScriptedNode(self.client, movedTo: self.world)
        node.forget()
        return node
    }

    @Test func `a bus on which all goes well counts nothing`() {
        let counted = self.counted {
            self.client.call(self.door)
            self.owner.reply(to: self.client.incarnation)
            self.client.send(Message(FrameHeader(kind: .acknowledge, peer: self.door.owner)))
            self.client.release(self.door)
            self.client.send(.goodbye)
        }
        #expect(counted == [])
    }

    @Test func `calls that are refused are counted by the reason`() {
        let hidden = self.owner.object(2)
        #expect(self.counted { self.client.call(hidden) } == ["callNotHeld 1"])
        #expect(self.counted { self.client.call(self.door, [hidden]) } == ["passedNotHeld 1"])
        #expect(self.counted { self.client.call(self.door, name: "gate") } == ["callMoved 1"])
        let held = [1, 2, 3].map { self.client.object($0) }
        #expect(self.counted { self.client.call(self.door, held) } == ["receiverFull 1"])
        let revocation = FrameHeader(
            kind: .revoke, object: self.door.object, call: CallNumber(rawValue: 2))
        self.owner.send(Message(revocation))
        #expect(self.counted { self.client.call(self.door) } == ["callRevoked 1"])
        let passed = self.counted { self.client.call(self.owner.object(0), [self.door]) }
        #expect(passed == ["passedRevoked 1"])
        self.owner.send(.goodbye)
        #expect(self.counted { self.client.call(self.door) } == ["callOwnerEnded 1"])
    }

    @Test func `what does not reach its receiver is counted by what it is`() {
        self.client.call(self.door)
        self.world.blocked[self.owner.rx] = .pipeFull
        #expect(self.counted { self.client.call(self.door) } == ["callPipeFull 1"])
        let oneWay = self.counted { self.client.call(self.door, flags: .oneWay) }
        #expect(oneWay == ["oneWayDropped 1"])
        let resent = self.counted { self.client.call(self.door, flags: .resent) }
        #expect(resent == ["linkPipeFull 1", "callPipeFull 1"])
        #expect(self.counted { self.client.call(self.door) } == ["callOwnerAway 1"])
        let lost = self.counted { self.client.call(self.door, flags: .oneWay) }
        #expect(lost == ["oneWayDropped 1"])
        let notice = Message(FrameHeader(kind: .cancel, peer: self.door.owner))
        #expect(self.counted { self.client.send(notice) } == ["noticePeerAway 1"])
        self.world.blocked = [:]
        self.owner.relink()
        #expect(self.counted { self.client.call(self.door) } == ["callBeforeNews 1"])
        #expect(self.counted { self.client.die() } == ["linkClosed 1"])
        let reply = self.counted { self.owner.reply(to: self.client.incarnation) }
        #expect(reply == ["replyCallerAway 1"])
    }

    @Test func `a reply that carries what it may not is counted`() {
        self.client.call(self.door)
        let reply = self.counted {
            self.owner.reply(to: self.client.incarnation, [self.client.object(9)])
        }
        #expect(reply == ["passedNotHeld 1", "replyRefused 1"])
    }

    @Test func `links that end are counted by why`() {
        let gap = self.counted {
            self.client.send(Message(FrameHeader(kind: .heartbeat)), sequence: 99)
        }
        #expect(gap == ["linkGap 1"])
        #expect(self.counted { self.client.relink() } == [])
        #expect(self.counted { self.client.relink() } == ["linkReplaced 1"])
        #expect(self.counted { self.world.deliver([1], on: self.client.tx) } == ["linkViolation 1"])
        #expect(self.counted { self.client.send(.heartbeat) } == ["noLink 1"])
        let silent = self.counted { self.world.pass(.seconds(4)) }
        #expect(silent == ["linkSilence 1"])
    }

    @Test func `handshakes that fail are counted by why`() {
        let secret = self.unlinked()
        let forged = ScriptedNode(self.owner, movedTo: self.world)
        #expect(self.counted { forged.relink(secret: Seal.none) } == ["handshakeSecret 1"])
        let old = ScriptedNode(self.client, movedTo: self.world)
        #expect(self.counted { old.relink(epoch: self.client.epoch) } == ["handshakeEpoch 1"])
        self.client.send(.goodbye)
        #expect(self.counted { self.client.relink() } == ["handshakeEnded 1"])
        for name in ["b", "c", "d"] { _ = ScriptedNode(self.world, name) }
        #expect(self.counted { secret.relink() } == ["handshakeNodes 1"])
        #expect(self.counted { secret.send(.heartbeat) } == ["noLink 1"])
        #expect(self.counted { secret.send(.heartbeat) } == ["ignored 1"])
        let halves = [self.unlinked(), self.unlinked(), self.unlinked()]
        let crowd = self.counted {
            for half in halves {
                half.relink()
            }
        }
        #expect(crowd == ["handshakeNodes 3"])
    }

    @Test func `half handshakes, versions and noise are counted`() {
        let crowd = self.counted { for _ in 0..<3 { self.unlinked().sayHello() } }
        #expect(crowd == ["handshakeCrowd 1"])
        let later = self.counted { self.world.pass(.seconds(7)) }
        #expect(later.contains("handshakeUnfinished 2"))
        let noise = self.counted {
            let connection = self.world.connect()
            for _ in 0..<3 { self.world.deliver([1, 2, 3], on: connection) }
        }
        #expect(noise == ["unreadable 1", "ignored 2"])
        var hello = HelloBody(node: "n", program: "p", processID: 1)
        hello.versions = [9]
        for (payload, reason) in [
            (hello.encoded(), "handshakeVersion 1"), ([0xFF], "handshakeUnreadable 1"),
        ] {
            let (tx, rx) = (self.world.connect(), self.world.connect())
            let counted = self.counted {
                self.world.deliver(
                    Message(FrameHeader(kind: .hello), payload: payload), nil, on: tx)
                self.world.deliver(Message(FrameHeader(kind: .attach)), nil, on: rx)
            }
            #expect(counted == [reason])
        }
    }

    @Test func `calls of the broker's own object that fail are counted by their kind`() {
        #expect(self.counted { self.client.find("gate") } == ["serviceNotFound 1"])
        #expect(self.counted { self.client.ask("dance()") } == ["serviceUnimplemented 1"])
        #expect(self.counted { self.client.ask("find(_:)", [1]) } == ["serviceInvalid 1"])
        let tag = ReferenceEntry(reference: self.door)
        let claim = self.counted { self.client.ask("claim(_:)", references: [tag]) }
        #expect(claim == ["serviceDenied 1"])
    }

    @Test func `what breaks the protocol is counted`() {
        let unknown = self.counted { self.client.send(MessageKind(rawValue: 99)) }
        #expect(unknown == ["kindUnknown 1"])
        #expect(self.counted { self.client.send(.cancel) } == ["noticeMalformed 1"])
        let released = self.counted { self.client.release(self.door, 5) }
        #expect(released == ["linkViolation 1", "releaseTooMany 1"])
    }

    @Test func `what a HELLO claims in vain is counted`() {
        let stranger = IncarnationID(rawValue: 99)
        let foreign = Reference(owner: stranger, object: ObjectNumber(rawValue: 1))
        let claims = [foreign, self.owner.object(2), self.owner.object(3)]
        self.client.holdings = claims.map {
            HelloBody.Holding(entry: ReferenceEntry(reference: $0), count: 1)
        }
        let counted = self.counted { self.client.relink() }
        #expect(
            counted == [
                "linkReplaced 1", "holdingUnproven 1", "holdingOwnerEnded 1", "holdingsOverLimit 1",
            ])
    }

    @Test func `status tells every reason, and how often`() {
        self.client.find("gate")
        let drops = self.client.ask("status()").value?["drops"]?.mapValue
        #expect(drops?.count == BrokerDrop.allCases.count)
        #expect(drops?["serviceNotFound"]?.intValue == 1)
        #expect(drops?["callNotHeld"]?.intValue == 0)
    }
}
