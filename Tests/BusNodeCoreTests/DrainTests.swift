// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusNodeCore
import BusWire
import Testing

/// A node that is about to end.
@Suite struct DrainTests {
    private static let chain = ChainID(root: NodeScript.peer, number: 5)
    private static let another = ChainID(root: NodeScript.peer, number: 6)

    private static func drain(_ node: inout NodeScript) {
        node.step { core, _, _ in core.drainBegan() }
    }

    @Test func `a node that drains refuses new calls, and answers those that run`() {
        var node = NodeScript.linked()
        node.receiveCall(1)
        Self.drain(&node)
        node.receiveCall(2, behind: 2, references: [.held(3)])
        node.reply(1)
        #expect(
            node.take() == [
                "deliver #1 to 7", "RELEASE b2 /3 #1", "FAILURE b2 #2", "REPLY b2 #1",
            ])
    }

    @Test func `a refusal says that the call did not run, and is kept until acknowledged`()
        throws
    {
        var node = NodeScript.linked()
        Self.drain(&node)
        node.receiveCall(1)
        _ = node.take()
        node.receiveCall(1, flags: .resent)
        let failures = node.takeFailures()
        #expect(failures.map(\.kind) == [.disconnected])
        #expect(failures.map(\.executed) == [.no])
        #expect(node.core.answerCount == 1)
        node.receive(.acknowledge, 1)
        #expect(node.core.answerCount == 0)
    }

    @Test func `calls are let in that a call made before or after leads to, and no others`() {
        var node = NodeScript.linked()
        node.call("before", chain: Self.chain)
        Self.drain(&node)
        node.call("after", chain: Self.another)
        _ = node.take()
        node.receiveCall(1, chain: Self.chain)
        node.receiveCall(2, chain: Self.another)
        node.receiveCall(3, chain: ChainID(root: NodeScript.peer, number: 7))
        #expect(node.take() == ["deliver #1 to 7", "deliver #2 to 7", "FAILURE b2 #3"])
    }

    @Test func `one-way calls are taken, and a call that ran is still known`() {
        var node = NodeScript.linked()
        node.receiveCall(1)
        node.reply(1)
        Self.drain(&node)
        _ = node.take()
        node.receiveCall(1, flags: .resent)
        node.receiveCall(1, flags: .oneWay)
        #expect(node.take() == ["REPLY b2 #1", "deliver one-way to 7"])
    }

    @Test func `a goodbye tells whether every call was answered`() {
        var busy = NodeScript.linked()
        busy.receiveCall(1)
        _ = busy.take()
        busy.close()
        #expect(busy.take().first == "GOODBYE #1")
        var idle = NodeScript.linked()
        idle.receiveCall(1)
        idle.reply(1)
        _ = idle.take()
        idle.close()
        #expect(idle.take().first == "GOODBYE #5")
    }

    @Test func `a call did not run if its callee had answered all, unless it was sent twice`() {
        var node = NodeScript.linked()
        node.call("a")
        node.call("b")
        _ = node.take()
        node.receiveReply(1)
        #expect(node.take() == ["resume a REPLY"])
        node.receive(.peerEnded, 5)
        #expect(node.take() == ["resume b disconnected no", "report peer ended b2"])
        node.call("c", of: NodeScript.other)
        node.relink()
        _ = node.take()
        node.receive(.peerEnded, 5, from: NodeScript.other)
        #expect(node.take() == ["resume c disconnected maybe", "report peer ended c3"])
    }

    @Test func `names withdrawn together are restated no longer`() throws {
        var node = NodeScript()
        node.start()
        node.welcome()
        node.call("publish", of: .broker, passing: [.own(9)])
        node.step { core, _, _ in
            core.published("a", ObjectNumber(rawValue: 9), interface: "I")
            core.published("b", ObjectNumber(rawValue: 9), interface: "I")
        }
        #expect(node.core.published.map(\.name) == ["a", "b"])
        node.step { core, _, _ in core.allWithdrawn() }
        node.relink()
        #expect(try node.takeHello()?.names == [])
    }

    @Test func `a name whose publishing was under way when all were taken back is not restated`()
        throws
    {
        var node = NodeScript()
        node.start()
        node.welcome()
        node.call("publish", of: .broker, passing: [.own(9)])
        node.step { core, _, _ in
            core.allWithdrawn()
            core.published("a", ObjectNumber(rawValue: 9), interface: "I")
        }
        node.relink()
        #expect(try node.takeHello()?.names == [])
    }
}
