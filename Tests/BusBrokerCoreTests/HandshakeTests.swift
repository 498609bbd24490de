// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore
import BusKernel
import BusValue
import BusWire
import Testing

@Suite struct HandshakeTests {
    @Test(arguments: [true, false])
    func `a link needs both connections, in either order`(helloFirst: Bool) {
        let world = BrokerWorld()
        let node = ScriptedNode(world, "n")
        #expect(node.incarnation != .broker)
        let other = ScriptedNode(node, movedTo: world)
        helloFirst ? other.sayHello() : other.sayAttach()
        #expect(other.take().isEmpty)
        helloFirst ? other.sayAttach() : other.sayHello()
        #expect(other.take().count == 1)
        #expect(world.watched.isSuperset(of: [other.tx, other.rx]))
    }

    @Test func `connections with different tokens make no link`() {
        let world = BrokerWorld()
        let (one, other) = (self.unlinked(world), self.unlinked(world))
        one.sayHello()
        other.sayAttach()
        #expect(one.take().isEmpty && other.take().isEmpty)
        #expect(world.core.nodeCount == 0)
    }

    @Test func `each node gets an incarnation and a secret of its own`() {
        let world = BrokerWorld()
        let nodes = (0..<50).map { ScriptedNode(world, "n\($0)") }
        #expect(Set(nodes.map(\.incarnation)).count == 50)
        #expect(Set(nodes.map(\.secret)).count == 50)
        #expect(Set(nodes.map(\.run)) == [world.core.run])
        #expect(world.core.nodeCount == 50)
    }

    @Test func `a version that is not spoken is refused on the receiving connection`() {
        let world = BrokerWorld()
        let (tx, rx) = (world.connect(), world.connect())
        var hello = HelloBody(node: "n", program: "p", processID: 1)
        hello.versions = [2, 3]
        world.deliver(
            Message(FrameHeader(kind: .hello), payload: hello.encoded()), nil, on: tx)
        world.deliver(Message(FrameHeader(kind: .attach)), nil, on: rx)
        #expect(world.take(tx).isEmpty)
        #expect(world.take(rx).map(\.error.kind) == [.unimplemented])
        #expect(world.core.nodeCount == 0)
    }

    @Test(arguments: [true, false])
    func `a HELLO that can't be read is refused where the node listens`(helloFirst: Bool) {
        let world = BrokerWorld()
        let (tx, rx) = (world.connect(), world.connect())
        let hello = Message(FrameHeader(kind: .hello), payload: [0xFF])
        if helloFirst { world.deliver(hello, nil, on: tx) }
        world.deliver(Message(FrameHeader(kind: .attach)), nil, on: rx)
        if !helloFirst { world.deliver(hello, nil, on: tx) }
        #expect(world.take(rx).map(\.error.kind) == [.invalid])
        #expect(world.take(tx).isEmpty)
    }

    @Test func `half a handshake is forgotten in time`() {
        let world = BrokerWorld { $0.handshakes = 1 }
        let node = self.unlinked(world)
        node.sayHello()
        let other = self.unlinked(world)
        other.sayHello()
        #expect(world.take(other.tx).map(\.error.kind) == [.overloaded])
        world.pass(.seconds(7))
        node.sayAttach()
        #expect(node.take().isEmpty)
        world.pass(.seconds(7))
        #expect(ScriptedNode(world, "late").incarnation != .broker)
    }

    @Test func `one node too many is refused and harms nobody`() {
        let world = BrokerWorld { $0.nodes = 2 }
        let nodes = [ScriptedNode(world, "a"), ScriptedNode(world, "b")]
        let third = self.unlinked(world)
        third.sayHello()
        third.sayAttach()
        #expect(third.take().map(\.error.kind) == [.overloaded])
        for node in nodes { #expect(node.ask("ping()").kind == .reply) }
    }

    @Test func `noise on a connection is answered and logged once`() {
        let world = BrokerWorld()
        let connection = world.connect()
        for _ in 0..<5 { world.deliver([1, 2, 3], on: connection) }
        world.deliver(Message(FrameHeader(kind: .heartbeat)), nil, on: connection)
        #expect(world.take(connection).kinds == [.refused])
        #expect(world.notices.count == 1)
        #expect(world.core.counters.garbage == 5)
        world.close(connection)
        #expect(world.core.nodeCount == 0)
    }

    @Test func `garbage of many connections is bounded`() {
        let world = BrokerWorld { $0.offenders = 3 }
        for _ in 0..<9 { world.deliver([], on: world.connect()) }
        #expect(world.notices.count == 3)
    }

    @Test func `buffers that the header does not announce make a message garbage`() {
        let world = BrokerWorld()
        let node = ScriptedNode(world, "n")
        var frame = Message(FrameHeader(kind: .heartbeat)).frame
        frame[FrameOffset.epoch] = 1
        frame[FrameOffset.sequence] = 2
        world.deliver(frame, buffers: [Bytes([1])], on: node.tx)
        #expect(node.take().kinds == [.refused])
        #expect(world.core.counters.linksLost == 1)
    }

    // MARK: Resuming

    @Test func `the secret resumes an incarnation with a new epoch`() {
        let world = BrokerWorld()
        let node = ScriptedNode(world, "n")
        let (incarnation, secret) = (node.incarnation, node.secret)
        node.die()
        node.relink()
        #expect(node.incarnation == incarnation && node.secret == secret)
        #expect(node.epoch.rawValue == 2)
        #expect(node.ask("ping()").kind == .reply)
    }

    @Test func `a wrong secret is refused and displaces nobody`() {
        let world = BrokerWorld()
        let node = ScriptedNode(world, "n")
        let thief = ScriptedNode(node, movedTo: world)
        let answers = thief.relink(secret: Seal(high: 1, low: 2))
        #expect(answers.map(\.error.kind) == [.denied])
        #expect(node.ask("ping()").kind == .reply)
        node.die()
        #expect(thief.relink(secret: Seal.none).map(\.error.kind) == [.denied])
    }

    @Test(arguments: [1, 2] as [UInt32])
    func `an epoch that is not new is refused and displaces nobody`(epoch: UInt32) {
        let world = BrokerWorld()
        let node = ScriptedNode(world, "n")
        node.relink()
        let late = ScriptedNode(node, movedTo: world)
        let answers = late.relink(epoch: Epoch(rawValue: epoch))
        #expect(answers.map(\.error.kind) == [.denied])
        #expect(node.ask("ping()").kind == .reply)
    }

    @Test func `a newer link of the same incarnation replaces the older one`() {
        let world = BrokerWorld()
        let node = ScriptedNode(world, "n")
        let newer = ScriptedNode(node, movedTo: world)
        newer.relink()
        #expect(newer.incarnation == node.incarnation)
        #expect(world.notices.contains(.linkLost(node.incarnation, .replaced)))
        node.send(.goodbye)
        #expect(newer.ask("ping()").kind == .reply)
        world.close(node.tx, node.rx)
        #expect(newer.ask("ping()").kind == .reply)
    }

    @Test func `an incarnation that has ended is not resumed`() {
        let world = BrokerWorld()
        let node = ScriptedNode(world, "n")
        node.send(.goodbye)
        #expect(world.core.nodeCount == 0)
        #expect(node.relink().map(\.error.kind) == [.notFound])
    }

    // MARK: What peers may not break

    @Test func `the largest sequence and counts do no harm`() {
        let world = BrokerWorld()
        let holder = ScriptedNode(world, "h")
        let liar = ScriptedNode(world, "l")
        liar.publish("x")
        liar.exports = [7, 8].map {
            HelloBody.Export(
                object: ObjectNumber(rawValue: $0), generation: .first,
                count: WireLimits.copiesMax)
        }
        holder.find("x")
        holder.holdings = [
            HelloBody.Holding(
                entry: ReferenceEntry(reference: liar.object(7)), count: WireLimits.copiesMax)
        ]
        liar.relink()
        holder.relink()
        #expect(holder.find("x").kind == .reply)
        liar.publish("y", 8)
        let last = ScriptedNode(world, "s")
        let again = ScriptedNode(last, movedTo: world)
        self.sayHello(again, sequence: .max)
        #expect(again.take().kinds == [.welcome])
        again.send(Message(FrameHeader(kind: .heartbeat)), sequence: .max)
        #expect(again.take().kinds == [.refused])
    }

    @Test func `a count that nobody can have reached is refused`() {
        let world = BrokerWorld()
        let node = ScriptedNode(world, "n")
        node.exports = [
            HelloBody.Export(
                object: .root, generation: .first, count: WireLimits.copiesMax + 1)
        ]
        #expect(node.relink().map(\.error.kind) == [.invalid])
    }

    /// A HELLO and ATTACH of a resumption whose numbers begin at `sequence`.
    private func sayHello(_ node: ScriptedNode, sequence: UInt64) {
        var hello = HelloBody(node: "n", program: "p", processID: 1)
        (hello.incarnation, hello.secret) = (node.incarnation, node.secret)
        let transmission = Transmission(epoch: Epoch(rawValue: 9), sequence: sequence)
        node.world.deliver(
            Message(FrameHeader(kind: .hello), payload: hello.encoded()), transmission,
            on: node.tx)
        node.world.deliver(Message(FrameHeader(kind: .attach)), transmission, on: node.rx)
    }

    @Test(arguments: 0..<40)
    func `random bytes never stop the broker`(seed: UInt64) {
        let world = BrokerWorld()
        let node = ScriptedNode(world, "n")
        var random = RandomSource(seed: seed)
        for _ in 0..<50 {
            var frame = Message(
                FrameHeader(kind: MessageKind(rawValue: UInt8(random.below(64)))),
                payload: (0..<random.below(120)).map { _ in UInt8(random.below(256)) }
            ).frame
            // Half of them well formed as far as the transport can tell.
            for _ in 0..<random.below(3) {
                frame[Int(random.below(UInt64(frame.count)))] = UInt8(random.below(256))
            }
            let onLink = random.below(2) == 0
            if onLink {
                frame[FrameOffset.epoch] = UInt8(node.epoch.rawValue)
                frame[FrameOffset.sequence] = UInt8(truncatingIfNeeded: 2 + random.below(3))
            }
            world.deliver(frame, on: onLink ? node.tx : world.connect())
            if onLink { node.relink() }
        }
        #expect(ScriptedNode(world, "after").ask("ping()").kind == .reply)
    }

    private func unlinked(_ world: BrokerWorld) -> ScriptedNode {
        let other = BrokerWorld()
        let node = ScriptedNode(ScriptedNode(other, "n"), movedTo: world)
        node.forget()
        return node
    }
}
