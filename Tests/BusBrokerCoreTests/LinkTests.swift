// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore
import BusKernel
import BusWire
import Testing

@Suite struct LinkTests {
    let world = BrokerWorld()

    @Test(arguments: [0, 1, 3, 1_000] as [UInt64])
    func `a number that is not the next ends the link, and the node is told`(sequence: UInt64) {
        let node = ScriptedNode(self.world, "n")
        node.send(Message(FrameHeader(kind: .heartbeat)), sequence: sequence)
        let end = LinkEnd.sequenceGap(expected: 2, received: sequence)
        #expect(self.world.notices.last == .linkLost(node.incarnation, end))
        #expect(node.take().map(\.error.kind) == [.disconnected])
        #expect(node.relink().isEmpty)
        #expect(node.ask("ping()").kind == .reply)
    }

    @Test func `a message of another epoch ends the link`() {
        let node = ScriptedNode(self.world, "n")
        self.world.deliver(
            Message(FrameHeader(kind: .heartbeat)),
            Transmission(epoch: Epoch(rawValue: 7), sequence: 2), on: node.tx)
        #expect(self.world.core.counters.linksLost == 1)
    }

    @Test func `what arrives after a gap is neither counted nor forwarded`() {
        let (owner, client) = (ScriptedNode(self.world, "o"), ScriptedNode(self.world, "c"))
        owner.publish("x")
        client.find("x")
        client.send(Message(FrameHeader(kind: .heartbeat)), sequence: 99)
        client.call(owner.object(7))
        client.release(owner.object(7))
        #expect(owner.take().isEmpty)
        #expect(self.world.core.counters.callsForwarded == 0)
    }

    @Test func `a silent link is lost after three seconds, one with heartbeats is not`() {
        let (silent, alive) = (ScriptedNode(self.world, "s"), ScriptedNode(self.world, "a"))
        self.world.pass(.milliseconds(3_500)) { alive.send(.heartbeat) }
        #expect(
            self.world.notices.filter { $0 == .linkLost(silent.incarnation, .silence) }.count == 1)
        #expect(!self.world.notices.contains(.linkLost(alive.incarnation, .silence)))
        #expect(silent.take().last?.kind == .refused)
        #expect(alive.ask("ping()").kind == .reply)
    }

    @Test func `an idle link carries a heartbeat each second, a busy one none`() {
        let (idle, busy) = (ScriptedNode(self.world, "i"), ScriptedNode(self.world, "b"))
        self.world.pass(.milliseconds(1_500))
        #expect(idle.take().isEmpty, "the WELCOME counts as traffic")
        self.world.pass(.seconds(2)) {
            idle.send(.heartbeat)
            #expect(busy.ask("ping()").kind == .reply)
        }
        #expect(idle.take().kinds == [.heartbeat, .heartbeat])
        #expect(busy.take().isEmpty)
    }

    @Test(arguments: [true, false])
    func `the end of either connection ends the link at once`(tx: Bool) {
        let node = ScriptedNode(self.world, "n")
        self.world.close(tx ? node.tx : node.rx)
        #expect(self.world.notices.last == .linkLost(node.incarnation, .connectionClosed))
        self.world.close(tx ? node.rx : node.tx)
        #expect(self.world.core.counters.linksLost == 1)
    }

    @Test func `an incarnation without a link ends after the resume window`() {
        let node = ScriptedNode(self.world, "n")
        node.die()
        self.world.pass(.milliseconds(1_999))
        #expect(self.world.core.nodeCount == 1)
        self.world.pass(.milliseconds(2))
        #expect(self.world.core.nodeCount == 0)
        #expect(self.world.notices.last == .incarnationEnded(node.incarnation, .lost))
        #expect(node.relink().map(\.error.kind) == [.notFound])
    }

    @Test func `a resumed incarnation outlives the window of its former link`() {
        let node = ScriptedNode(self.world, "n")
        node.die()
        self.world.pass(.seconds(1))
        node.relink()
        self.world.pass(.milliseconds(500))
        #expect(node.ask("ping()").kind == .reply)
        node.die()
        // The first window closes.
        self.world.pass(.milliseconds(1_900))
        #expect(self.world.core.nodeCount == 1)
        self.world.pass(.milliseconds(100))
        #expect(self.world.core.nodeCount == 0)
    }

    @Test func `a goodbye ends the incarnation at once and tells whom it concerns`() {
        let (owner, holder) = (ScriptedNode(self.world, "o"), ScriptedNode(self.world, "h"))
        let stranger = ScriptedNode(self.world, "s")
        owner.publish("x")
        holder.find("x")
        owner.send(.goodbye)
        let told = holder.take()
        #expect(told.kinds == [.peerEnded])
        #expect(told.first?.header.peer == owner.incarnation)
        #expect(told.first?.header.call.rawValue == IncarnationEnd.left.rawValue)
        #expect(stranger.take().isEmpty)
    }

    @Test func `a broker that is told to end tells every node that is linked`() {
        let (one, other) = (ScriptedNode(self.world, "1"), ScriptedNode(self.world, "2"))
        let gone = ScriptedNode(self.world, "3")
        gone.die()
        _ = [one, other, gone].map { $0.take() }
        self.world.stop()
        #expect([one, other, gone].map { $0.take().kinds } == [[.stopping], [.stopping], []])
    }

    @Test(arguments: [(5, 5), (1, 1), (0, 1), (4, 1)] as [(UInt64, UInt64)])
    func `a goodbye tells whether every call was answered`(said: UInt64, told: UInt64) {
        let (owner, holder) = (ScriptedNode(self.world, "o"), ScriptedNode(self.world, "h"))
        owner.publish("x")
        holder.find("x")
        owner.send(Message(FrameHeader(kind: .goodbye, call: CallNumber(rawValue: said))))
        #expect(holder.take().map(\.header.call.rawValue) == [told])
    }

    @Test func `an owner is told of the end of a holder, after its own link is back`() {
        let (owner, holder) = (ScriptedNode(self.world, "o"), ScriptedNode(self.world, "h"))
        owner.publish("x")
        holder.find("x")
        holder.die()
        self.world.pass(.seconds(2)) { owner.send(.heartbeat) }
        let told = owner.take().filter { $0.kind == .peerEnded }
        #expect(told.map(\.header.peer) == [holder.incarnation])
        #expect(told.first?.header.call.rawValue == IncarnationEnd.lost.rawValue)
    }

    @Test func `garbage on a link ends this link and no other`() {
        let (bad, good) = (ScriptedNode(self.world, "b"), ScriptedNode(self.world, "g"))
        self.world.deliver([0x4F, 0x42, 9], on: bad.tx)
        #expect(bad.take().kinds == [.refused])
        #expect(good.take().isEmpty)
        #expect(good.ask("ping()").kind == .reply)
        bad.relink()
        #expect(bad.ask("ping()").kind == .reply)
    }

    @Test(arguments: [21, 62, 200] as [UInt8])
    func `an unknown kind is echoed with its number, and the link goes on`(kind: UInt8) {
        let node = ScriptedNode(self.world, "n")
        node.send(
            Message(
                FrameHeader(
                    kind: MessageKind(rawValue: kind), call: CallNumber(rawValue: 5))))
        let echo = node.take()
        #expect(echo.kinds == [.unimplemented])
        #expect(echo.first?.header.call.rawValue == 5)
        #expect(echo.first?.header.remaining == UInt64(kind))
        #expect(node.ask("ping()").kind == .reply)
    }

    @Test(arguments: [SendFailure.pipeFull, .unreachable])
    func `a message of the broker that a node can't take ends its link`(failure: SendFailure) {
        let node = ScriptedNode(self.world, "n")
        self.world.blocked[node.rx] = failure
        node.call(Reference(owner: .broker, object: .root))
        let end: LinkEnd = failure == .pipeFull ? .pipeFull : .connectionClosed
        #expect(
            self.world.notices == [
                .nodeAttached(node.incarnation, name: "n", epoch: Epoch(rawValue: 1)),
                .linkLost(node.incarnation, end),
            ])
    }

    @Test func `a node whose full pipe ended its link is told once there is room`() {
        let node = ScriptedNode(self.world, "n")
        self.world.blocked[node.rx] = .pipeFull
        node.call(Reference(owner: .broker, object: .root))
        node.send(.heartbeat)
        self.world.blocked = [:]
        #expect(node.take().isEmpty)
        node.send(.heartbeat)
        #expect(node.take().map(\.error.kind) == [.disconnected])
        node.send(.heartbeat)
        #expect(node.take().isEmpty, "it is told once")
        #expect(node.relink().isEmpty)
        #expect(node.ask("ping()").kind == .reply)
    }

    @Test func `a node that can not be told of a gap is told once there is room`() {
        let node = ScriptedNode(self.world, "n")
        self.world.pass(.milliseconds(500))
        self.world.blocked[node.rx] = .pipeFull
        node.send(Message(FrameHeader(kind: .heartbeat)), sequence: 9)
        self.world.blocked = [:]
        #expect(node.take().isEmpty)
        node.send(.heartbeat)
        #expect(node.take().map(\.error.kind) == [.disconnected])
    }

    @Test func `a connection can't be part of a link and begin another one`() {
        let node = ScriptedNode(self.world, "n")
        let other = ScriptedNode(self.world, "o")
        var header = FrameHeader(kind: .attach)
        header.object = ObjectNumber(rawValue: 4_711)
        node.send(Message(header))
        #expect(node.take().kinds == [.unimplemented])
        #expect(other.ask("ping()").kind == .reply)
        #expect(node.ask("ping()").kind == .reply)
    }
}
