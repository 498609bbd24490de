// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusNodeCore
import BusWire
import Testing

/// Rules R26: what was revoked starts no call, wherever that call was at the mark.
@Suite struct RevocationTests {
    /// One that has given out object 7 and revoked it: REVOKE, and call 2 to the broker behind it.
    private func revoking() -> NodeScript {
        var node = NodeScript.linked()
        node.call("a", passing: [.own(7)])
        node.receiveReply(1)
        node.revoke(7)
        _ = node.take()
        return node
    }

    private func revoked(_ node: inout NodeScript, _ object: UInt64, _ generation: UInt64) {
        node.receive(
            FrameHeader(
                kind: .revoked, peer: NodeScript.peer, object: ObjectNumber(rawValue: object),
                call: CallNumber(rawValue: generation)))
    }

    @Test func `a call that passed the broker before REVOKE is denied until the broker answers`() {
        var node = self.revoking()
        node.receiveCall(1)
        node.receiveCall(2, flags: .oneWay)
        #expect(node.take() == ["FAILURE b2 #1"])
        node.receiveCall(1)
        #expect(node.take() == ["FAILURE b2 #1"], "the answer is kept")
        node.receiveReply(2, from: .broker)
        node.receiveCall(3)
        #expect(node.take() == ["deliver #3 to 7"])
    }

    @Test func `other objects, and the owner's own calls, are not concerned`() {
        var node = self.revoking()
        node.receiveCall(1, to: 8)
        #expect(node.take() == ["deliver #1 to 8"])
        var own = FrameHeader(
            kind: .call, peer: NodeScript.me, object: ObjectNumber(rawValue: 7),
            call: CallNumber(rawValue: 9))
        own.behind = 1
        node.receive(own)
        #expect(node.take() == ["deliver #9 to 7"])
    }

    @Test func `a new link ends the fence, because HELLO has told the generation`() {
        var node = self.revoking()
        node.relink()
        _ = node.take()
        node.receiveCall(1)
        #expect(node.take() == ["deliver #1 to 7"])
    }

    @Test func `what was called before a revocation and leaves behind it is revoked once more`() {
        var node = NodeScript.linked()
        node.lose()
        node.call("a", passing: [.own(7)])
        node.revoke(7)
        node.pass(.milliseconds(500))
        _ = node.take()
        node.welcome()
        // The broker hears of the object by the call, so what came before could mark nothing.
        let kinds = node.take().map { $0.prefix { $0 != " " } }
        #expect(kinds.filter { ["CALL", "REVOKE"].contains($0) } == ["CALL", "REVOKE", "CALL"])
        node.relink()
        let again = node.take().map { $0.prefix { $0 != " " } }
        #expect(again.filter { ["CALL", "REVOKE"].contains($0) } == ["CALL", "REVOKE", "CALL"])
    }

    @Test func `who is handed what is revoked right behind calls it in vain`() {
        var node = NodeScript.linked()
        node.lose()
        node.call("a", passing: [.own(7)])
        node.call("b", passing: [.own(7)])
        node.revoke(7)
        node.pass(.milliseconds(500))
        node.welcome()
        let sent = node.take().filter { $0.hasPrefix("REVOKE") || $0.hasPrefix("CALL /0") }
        #expect(sent == ["REVOKE #2", "CALL /0 #3", "REVOKE #2", "CALL /0 #4 behind 2"])
        // It may have come between the call that carries the object and the REVOKE behind that.
        node.receiveCall(1)
        #expect(node.take() == ["FAILURE b2 #1"])
        node.receiveReply(3, from: .broker)
        node.receiveCall(2)
        #expect(node.take() == ["FAILURE b2 #2"], "the second one may still be on its way")
        node.receiveReply(4, from: .broker)
        node.receiveCall(3)
        #expect(node.take() == ["deliver #3 to 7"])
    }

    @Test func `links that are lost one after another leave one question per object`() {
        var node = NodeScript.linked()
        node.lose()
        for tag in ["a", "b", "c"] { node.call(tag, passing: [.own(7)]) }
        node.revoke(7)
        node.pass(.milliseconds(500))
        node.welcome()
        for _ in 0..<5 { node.relink() }
        #expect(node.core.questionCount == 4)
    }

    @Test func `a question that HELLO has made needless is not asked`() {
        var node = NodeScript.linked()
        node.call("a", passing: [.own(7)])
        node.receiveReply(1)
        node.lose()
        node.pass(.milliseconds(500))
        node.revoke(7)
        node.relink()
        #expect(!node.take().contains { $0.hasPrefix("CALL /0") })
        #expect(node.core.questionCount == 0)
    }

    @Test func `an object that is revoked again and again leaves one question, the last`() {
        var node = self.revoking()
        for _ in 0..<5 { node.revoke(7) }
        #expect(node.core.questionCount == 1)
        #expect(node.core.fenceCount == 1)
        node.receiveReply(6, from: .broker)
        _ = node.take()
        node.receiveCall(1)
        #expect(node.take() == ["FAILURE b2 #1"])
        node.receiveReply(7, from: .broker)
        node.receiveCall(2)
        #expect(node.take() == ["deliver #2 to 7"])
    }

    @Test func `what is revoked before WELCOME shares one question, behind the REVOKEs`() {
        var node = NodeScript.linked()
        node.call("a", passing: [.own(6), .own(7), .own(8)])
        node.receiveReply(1)
        node.lose()
        node.revoke(6)
        node.pass(.milliseconds(500))
        node.revoke(7)
        node.revoke(8)
        _ = node.take()
        node.welcome()
        let sent = node.take().filter { $0.hasPrefix("REVOKE") || $0.hasPrefix("CALL") }
        #expect(sent == ["REVOKE #2", "REVOKE #2", "CALL /0 #2"], "HELLO has told of 6")
        node.receiveCall(1, to: 6)
        node.receiveCall(2, to: 7)
        node.receiveCall(3, to: 8)
        #expect(node.take() == ["deliver #1 to 6", "FAILURE b2 #2", "FAILURE b2 #3"])
        node.receiveReply(2, from: .broker)
        node.receiveCall(4, to: 7)
        node.receiveCall(5, to: 8)
        #expect(node.take() == ["deliver #4 to 7", "deliver #5 to 8"])
    }

    @Test func `a call that was delivered before may start until its object is revoked`() throws {
        var node = NodeScript.linked()
        node.call("a", passing: [.own(7)])
        node.receiveCall(1)
        let first = node.takeDelivered()
        let call = try #require(first)
        #expect(!node.core.isRevoked(call))
        node.revoke(7)
        #expect(node.core.isRevoked(call))
        node.receiveReply(2, from: .broker)
        node.receiveCall(2)
        let second = node.takeDelivered()
        let next = try #require(second)
        #expect(!node.core.isRevoked(next))
    }

    @Test func `what the owner revoked is not called any more, until it is given anew`() throws {
        var node = NodeScript.linked()
        node.receiveCall(1, references: [.held(7)])
        _ = try node.token(.held(7))
        #expect(node.watch(.held(7)) == nil)
        _ = node.take()
        self.revoked(&node, 7, 2)
        self.revoked(&node, 7, 2)
        #expect(node.take() == ["died b2/7 revoked"])
        #expect(node.call("a") == "denied no")
        #expect(node.watch(.held(7)) == .revoked)
        node.receiveCall(2, references: [.held(7, 2)])
        self.revoked(&node, 7, 2)
        #expect(node.take() == ["deliver #2 to 7"])
        #expect(node.call("b") == nil)
    }
}

/// What a shell hears of the end of references, each once.
@Suite struct DeathTests {
    private func holding() throws -> (NodeScript, TokenGeneration) {
        var node = NodeScript.linked()
        node.receiveCall(1, references: [.held(3)])
        let token = try node.token(.held(3))
        node.unpin([.held(3)])
        node.reply(1)
        let isDead = node.watch(.held(3)) != nil
        #expect(!isDead)
        _ = node.take()
        return (node, token)
    }

    private static let reasons: [(UInt64, DeathReason)] = [
        (1, .ownerLeft), (2, .ownerCrashed), (3, .ownerCrashed), (4, .ownerRestarted),
        (99, .ownerCrashed),
    ]

    @Test(arguments: Self.reasons)
    func `the end of an owner has a reason, which is told later too`(
        number: UInt64, reason: DeathReason
    ) throws {
        var (node, _) = try self.holding()
        node.receive(.peerEnded, number)
        #expect(node.take() == ["died b2/3 \(reason)", "report peer ended b2"])
        #expect(node.watch(.held(3)) == reason)
        node.receive(.peerEnded, number)
        #expect(node.take() == ["report peer ended b2"])
    }

    @Test func `letting go is the end of what is held`() throws {
        var (node, token) = try self.holding()
        node.step { core, effects, _ in core.tokenDied(.held(3), token, into: &effects) }
        #expect(node.take() == ["died b2/3 released", "RELEASE b2 /3 #1"])
        #expect(node.watch(.held(3)) == .released)
    }

    @Test func `what is not watched dies in silence, and a closed node holds nothing`() throws {
        var (node, _) = try self.holding()
        node.receiveCall(2, references: [.held(4)])
        node.close()
        #expect(node.take().filter { $0.hasPrefix("died") } == ["died b2/3 released"])
    }

    @Test func `the last UNREF tells that nobody holds an object, each time`() {
        var node = NodeScript.linked()
        let object = ObjectNumber(rawValue: 1)
        node.step { core, _, _ in core.watchHolders(of: object, true) }
        for round in 1...2 {
            node.call("a", passing: [.own(1), .own(1)])
            node.receiveReply(UInt64(round))
            _ = node.take()
            for expected in [[], ["unheld 1", "release 1"]] {
                node.receive(
                    FrameHeader(
                        kind: .unref, peer: NodeScript.me, object: object,
                        call: CallNumber(rawValue: 1)))
                #expect(node.take() == expected)
            }
        }
    }
}
