// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusNodeCore
import BusWire
import Testing

@Suite struct ReferenceTests {
    private func unref(_ node: inout NodeScript, _ object: UInt64, _ count: UInt64) {
        node.receive(
            FrameHeader(
                kind: .unref, peer: NodeScript.me, object: ObjectNumber(rawValue: object),
                call: CallNumber(rawValue: count)))
    }

    @Test func `an object is kept from its first transmission until all are given back`() {
        var node = NodeScript.linked()
        node.call("a", passing: [.own(1), .own(1)])
        #expect(node.take() == ["retain 1", "CALL b2 /7 #1 &a1/1 &a1/1"])
        node.receiveReply(1)
        _ = node.take()
        self.unref(&node, 1, 1)
        #expect(node.take() == [])
        self.unref(&node, 1, 1)
        #expect(node.take() == ["release 1"])
        #expect(node.core.exports.count == 0)
    }

    @Test func `a question keeps its arguments until it is answered`() {
        var node = NodeScript.linked()
        node.call("a", passing: [.own(1)])
        _ = node.take()
        self.unref(&node, 1, 1)
        #expect(node.take() == [])
        node.receiveReply(1)
        #expect(node.take() == ["release 1", "resume a REPLY"])
    }

    @Test func `each transmission counts, the repeated ones too`() {
        var node = NodeScript.linked()
        node.call("a", passing: [.own(1)])
        node.peerRelinked(2)
        node.relink()
        #expect(node.core.exports[ObjectNumber(rawValue: 1)]?.count == 3)
    }

    @Test func `a broker that gives back too much loses the link`() {
        var node = NodeScript.linked()
        node.call("a", passing: [.own(1)])
        _ = node.take()
        self.unref(&node, 1, 2)
        #expect(node.take() == ["report link lost", "close 1"])
    }

    @Test func `an own object that comes home is pinned while it is decoded`() {
        var node = NodeScript.linked()
        node.receiveCall(1, references: [.own(4)])
        #expect(node.take() == ["retain 4", "deliver #1 to 7"])
        node.unpin([.own(4)])
        #expect(node.take() == ["release 4"])
    }

    @Test func `a held reference is released once, with all its copies, by its last user`() throws {
        var node = NodeScript.linked()
        node.receiveCall(1, references: [.held(3), .held(3)])
        let token = try node.token(.held(3))
        node.unpin([.held(3), .held(3)])
        #expect(node.take() == ["deliver #1 to 7"])
        node.step { core, effects, _ in core.tokenDied(.held(3), token, into: &effects) }
        #expect(node.take() == ["RELEASE b2 /3 #2"])
        #expect(node.core.imports.count == 0)
    }

    @Test func `the death of a token that was replaced means nothing`() throws {
        var node = NodeScript.linked()
        node.receiveCall(1, references: [.held(3)])
        let old = try node.token(.held(3))
        let new = try node.token(.held(3))
        node.unpin([.held(3)])
        _ = node.take()
        node.step { core, effects, _ in core.tokenDied(.held(3), old, into: &effects) }
        #expect(node.take() == [])
        node.step { core, effects, _ in core.tokenDied(.held(3), new, into: &effects) }
        #expect(node.take() == ["RELEASE b2 /3 #1"])
    }

    @Test func `there is no token of what is not held`() {
        var node = NodeScript.linked()
        #expect(node.core.makeToken(.held(3)) == nil)
        node.unpin([.held(3)])
        #expect(node.take() == [])
    }

    @Test func `a call's target is held until the answer is there`() throws {
        var node = NodeScript.linked()
        node.receiveCall(1, references: [.held(7)])
        let token = try node.token(.held(7))
        node.unpin([.held(7)])
        node.call("a")
        node.step { core, effects, _ in core.tokenDied(.held(7), token, into: &effects) }
        #expect(node.take() == ["deliver #1 to 7", "CALL b2 /7 #1"])
        node.receiveReply(1)
        #expect(node.take() == ["RELEASE b2 /7 #1", "resume a REPLY"])
    }

    @Test func `what is let go while a link opens is released when it is open`() throws {
        var node = NodeScript.linked()
        node.receiveCall(1, references: [.held(3)])
        node.receiveCall(2, references: [.held(4)])
        let three = try node.token(.held(3))
        let four = try node.token(.held(4))
        node.unpin([.held(3), .held(4)])
        node.lose()
        // Before HELLO: it will not say that 3 is held.
        node.step { core, effects, _ in core.tokenDied(.held(3), three, into: &effects) }
        node.pass(.milliseconds(500))
        let hello = try #require(try node.takeHello())
        #expect(hello.holdings.map(\.entry.reference) == [.held(4)])
        // Behind HELLO: it has said that 4 is held.
        node.step { core, effects, _ in core.tokenDied(.held(4), four, into: &effects) }
        #expect(node.take() == [])
        node.welcome()
        #expect(node.take().filter { $0.hasPrefix("RELEASE") } == ["RELEASE b2 /4 #1"])
    }

    @Test func `an older right does not replace a newer one`() {
        var node = NodeScript.linked()
        node.receiveCall(1, references: [.held(3, 2)])
        node.receiveCall(2, references: [.held(3, 1)])
        #expect(node.core.imports[.held(3)]?.generation == Generation(rawValue: 2))
        #expect(node.core.imports[.held(3)]?.seal == Seal(high: 2, low: 3))
        node.receiveCall(3, references: [.held(3, 4)])
        #expect(node.core.imports[.held(3)]?.generation == Generation(rawValue: 4))
    }

    @Test func `a copy without a seal keeps the one that is there`() {
        var node = NodeScript.linked()
        node.receiveCall(1, references: [.held(3, 2)])
        node.receiveCall(2, references: [ReferenceEntry(reference: .held(3))])
        #expect(node.core.imports[.held(3)]?.seal == Seal(high: 2, low: 3))
    }

    @Test func `the end of an owner makes its references worth nothing`() throws {
        var node = NodeScript.linked()
        node.receiveCall(1, references: [.held(3)])
        let token = try node.token(.held(3))
        node.receive(.peerEnded, 1)
        _ = node.take()
        node.unpin([.held(3)])
        node.step { core, effects, _ in core.tokenDied(.held(3), token, into: &effects) }
        #expect(node.take() == [])
        #expect(node.core.imports.count == 0)
    }

    @Test func `revoking gives the next copies a new generation, and HELLO says so`() throws {
        var node = NodeScript.linked()
        node.call("a", passing: [.own(1)])
        _ = node.take()
        node.revoke(1)
        #expect(node.take() == ["REVOKE #2", "CALL /0 #2"])
        node.lose()
        node.pass(.milliseconds(500))
        let hello = try #require(try node.takeHello())
        #expect(hello.exports.map(\.generation) == [Generation(rawValue: 2)])
        #expect(hello.exports.map(\.count) == [1])
    }

    @Test func `a revocation between HELLO and WELCOME is told after WELCOME`() {
        var node = NodeScript.linked()
        node.call("a", passing: [.own(1)])
        node.receiveReply(1)
        node.lose()
        node.pass(.milliseconds(500))
        node.revoke(1)
        #expect(node.take().filter { $0.hasPrefix("REVOKE") } == [])
        node.welcome()
        #expect(node.take().filter { $0.hasPrefix("REVOKE") } == ["REVOKE #2"])
        node.relink()
        #expect(node.take().filter { $0.hasPrefix("REVOKE") } == [], "HELLO says so")
    }
}
