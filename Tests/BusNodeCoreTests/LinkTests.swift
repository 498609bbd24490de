// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusNodeCore
import BusWire
import Testing

@Suite struct LinkTests {
    @Test func `a node opens a link, and is somebody when it is welcome`() throws {
        var node = NodeScript()
        node.start()
        let hello = try #require(try node.takeHello())
        #expect(hello.incarnation == nil)
        #expect(node.core.incarnation == nil)
        node.welcome()
        #expect(node.take() == ["report linked a1 1"])
        #expect(node.core.incarnation == NodeScript.me)
    }

    @Test func `the next HELLO says who the node is and what it has`() throws {
        var node = NodeScript.linked()
        node.call("a", passing: [.own(2)])
        node.receiveCall(1, references: [.held(3), .held(3)])
        node.core.published("name", ObjectNumber(rawValue: 2), interface: "I")
        node.core.published("stale", ObjectNumber(rawValue: 5), interface: "I")
        node.lose()
        _ = node.take()
        node.pass(.milliseconds(500))
        let hello = try #require(try node.takeHello())
        #expect(hello.incarnation == NodeScript.me)
        #expect(hello.secret == NodeScript.seal)
        #expect(hello.holdings == [HelloBody.Holding(entry: .held(3), count: 2)])
        #expect(hello.exports.map(\.object.rawValue) == [2])
        // Nothing is exported any more under the other name: it was withdrawn.
        #expect(hello.names.map(\.name) == ["name"])
    }

    @Test func `HELLO claims nothing that was called but never received, the broker least of all`()
        throws
    {
        var node = NodeScript.linked()
        node.call("a", of: .broker)
        node.call("b")
        node.lose()
        node.pass(.milliseconds(500))
        let hello = try #require(try node.takeHello())
        #expect(hello.holdings == [])
    }

    @Test func `a gap in the sequence ends the link`() {
        var node = NodeScript.linked()
        node.receive(FrameHeader(kind: .heartbeat), skipping: 1)
        #expect(node.take() == ["report link lost", "close 1"])
        node.pass(.milliseconds(50))
        #expect(node.take() == ["open 2"])
    }

    @Test func `a message of an earlier link means nothing`() {
        var node = NodeScript.linked()
        node.relink()
        _ = node.take()
        node.receive(FrameHeader(kind: .unref), epoch: Epoch(rawValue: 1))
        #expect(node.take() == [])
        #expect(node.core.isLinked)
    }

    @Test func `a heartbeat is answered at once, and that puts off the next of one's own`() {
        var node = NodeScript.linked()
        for _ in 0..<3 {
            node.pass(.seconds(1))
            #expect(node.take() == [])
            node.receive(FrameHeader(kind: .heartbeat))
            #expect(node.take() == ["HEARTBEAT"])
        }
        // Nothing wakes the node in between.
        #expect(node.core.nextDeadline == node.now.advanced(by: .milliseconds(1_250)))
    }

    @Test func `heartbeats that come often are answered twice in each span`() {
        var node = NodeScript.linked()
        for _ in 0..<20 {
            node.pass(.milliseconds(100))
            node.receive(FrameHeader(kind: .heartbeat))
        }
        #expect(node.take() == Array(repeating: "HEARTBEAT", count: 4))
    }

    @Test func `heartbeats go out unasked, and three seconds of silence end the link`() {
        var node = NodeScript.linked()
        node.pass(.seconds(2))
        #expect(node.take() == ["HEARTBEAT"])
        node.receive(FrameHeader(kind: .heartbeat))
        #expect(node.take() == ["HEARTBEAT"])
        node.pass(.milliseconds(2_999))
        #expect(node.take() == ["HEARTBEAT", "HEARTBEAT"])
        node.pass(.milliseconds(1))
        #expect(node.take() == ["report link lost", "close 1"])
    }

    @Test func `a broker that does not answer is tried again`() {
        var node = NodeScript()
        node.start()
        node.pass(.milliseconds(2_999))
        #expect(node.take() == ["open 1"])
        node.pass(.milliseconds(51))
        #expect(node.take() == ["close 1", "open 2"])
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `pauses double from 50 to 500 ms, each cut by up to half`(seed: UInt64) {
        var random = RandomSource(seed: seed)
        var reconnect = ReconnectStateMachine(
            delayMin: .milliseconds(50), delayMax: .milliseconds(500))
        for full in [50, 100, 200, 400, 500, 500, 500] as [UInt64] {
            let pause = reconnect.failed(&random)
            #expect(Span.milliseconds(full / 2) <= pause && pause <= .milliseconds(full))
        }
        for _ in 0..<100 { #expect(reconnect.failed(&random) <= .milliseconds(500)) }
        reconnect.succeeded()
        #expect(reconnect.failed(&random) <= .milliseconds(50))
    }

    @Test(arguments: [BusError.Kind.notFound, .denied])
    func `a node whose incarnation is not accepted becomes another one`(kind: BusError.Kind) throws
    {
        var node = NodeScript.linked()
        node.call("a", passing: [.own(1)])
        node.core.published("name", ObjectNumber(rawValue: 1), interface: "I")
        node.call("b", passing: [.own(2)])
        node.receiveCall(1, references: [.held(3), .own(9)])
        node.lose()
        node.pass(.milliseconds(500))
        _ = node.take()
        node.refuse(kind)
        #expect(
            node.take() == [
                "resume a disconnected maybe", "resume b disconnected maybe",
                "cancel handler #1", "release 2", "release 9", "report ended a1",
                "report refused \(kind)", "close 2",
            ])
        #expect(node.core.incarnation == nil)
        #expect(node.core.imports.count == 0)
        node.pass(.milliseconds(500))
        let hello = try #require(try node.takeHello())
        #expect(hello.incarnation == nil)
        // The published object goes on.
        #expect(hello.exports.map(\.object.rawValue) == [1])
        #expect(hello.names.map(\.name) == ["name"])
        // What the shell pinned under the old references counts no more.
        node.unpin([.own(9), .held(3)])
        #expect(node.take() == [])
    }

    @Test func `a broker that speaks another version ends everything`() {
        var node = NodeScript()
        node.start()
        node.call("a")
        _ = node.take()
        node.refuse(.unimplemented)
        #expect(
            node.take() == [
                "report refused unimplemented for good", "close 1",
                "resume a unimplemented no",
            ])
        node.pass(.seconds(10))
        #expect(node.take() == [])
        #expect(node.call("b") == "disconnected no")
    }

    @Test func `a node that is refused for good keeps no object alive`() {
        var node = NodeScript.linked()
        node.call("a", passing: [.own(1)])
        node.core.published("name", ObjectNumber(rawValue: 1), interface: "I")
        node.lose()
        node.pass(.milliseconds(500))
        _ = node.take()
        node.refuse(.unimplemented)
        #expect(
            node.take() == [
                "report refused unimplemented for good", "close 2",
                "resume a unimplemented maybe", "release 1",
            ])
        #expect(node.core.exports.count == 0)
        #expect(node.core.published == [])
    }

    @Test func `a node that is refused for now tries again`() {
        var node = NodeScript()
        node.start()
        node.refuse(.overloaded)
        node.pass(.milliseconds(50))
        #expect(node.take() == ["open 1", "report refused overloaded", "close 1", "open 2"])
    }

    @Test func `a broker that takes the node for another one is not believed`() {
        var node = NodeScript.linked()
        node.lose()
        node.pass(.milliseconds(500))
        _ = node.take()
        node.welcome(NodeScript.other)
        #expect(node.take() == ["close 2"])
        #expect(node.core.incarnation == NodeScript.me)
    }

    @Test func `closing says goodbye, ends all calls and lets go of all objects`() {
        var node = NodeScript.linked()
        node.call("a", passing: [.own(1)])
        node.receiveCall(1, references: [.held(3)])
        _ = node.take()
        node.close()
        #expect(
            node.take() == [
                "GOODBYE #1", "resume a disconnected maybe", "cancel handler #1", "release 1",
                "close 1",
            ])
        #expect(node.call("b") == "disconnected no")
        node.pass(.seconds(10))
        #expect(node.take() == [])
    }

    @Test func `a broker that stops is waited for, and calls with it`() {
        var node = NodeScript.linked()
        node.call("a")
        _ = node.take()
        node.receive(FrameHeader(kind: .stopping))
        #expect(node.take() == ["report broker stops", "close 1"])
        node.call("b")
        node.pass(.milliseconds(50))
        #expect(node.take() == ["open 2"])
        node.welcome()
        #expect(
            node.take() == [
                "report linked a1 2", "CALL b2 /7 #1 resent", "CALL b2 /7 #2 behind 2",
            ])
    }

    @Test func `an unknown kind is echoed, and the link goes on`() {
        var node = NodeScript.linked()
        node.receive(FrameHeader(kind: MessageKind(rawValue: 200), call: CallNumber(rawValue: 3)))
        #expect(node.take().first?.hasPrefix("UNIMPLEMENTED #3") == true)
        #expect(node.core.isLinked)
    }

    @Test func `sequences at the end of their numbers do not trap`() {
        var node = NodeScript()
        node.start()
        node.receive(
            FrameHeader(kind: .welcome),
            payload: WelcomeBody(
                incarnation: NodeScript.me, secret: NodeScript.seal, run: 1,
                heartbeat: 1_000_000_000, silence: 3_000_000_000, resumeWindow: 2_000_000_000
            ).encoded(), skipping: .max - 1)
        _ = node.take()
        node.receive(FrameHeader(kind: .heartbeat), epoch: Epoch(rawValue: 9))
        #expect(node.core.isLinked)
    }
}
