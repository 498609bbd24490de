// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusNodeCore
import BusWire
import Testing

/// Bugs that other systems have had, each by its name. What the broker must do about them is in
/// `RegressionTests` of its core; `ObjectBusTests` has those that are about Swift's objects.
@Suite struct RegressionTests {
    private func die(_ token: TokenGeneration, of reference: Reference, at node: inout NodeScript) {
        node.step { core, effects, _ in core.tokenDied(reference, token, into: &effects) }
    }

    private func unref(_ node: inout NodeScript, _ object: UInt64, _ count: UInt64) {
        node.receive(
            FrameHeader(
                kind: .unref, peer: NodeScript.me, object: ObjectNumber(rawValue: object),
                call: CallNumber(rawValue: count)))
    }

    /// The node holds `reference`, and nothing but its token keeps it.
    private func held(_ reference: ReferenceEntry, at node: inout NodeScript) throws
        -> TokenGeneration
    {
        node.receiveCall(1, references: [reference])
        let token = try node.token(reference.reference)
        node.unpin([reference.reference])
        node.reply(1)
        node.receive(.acknowledge, 1)
        _ = node.take()
        return token
    }

    // RPyC 137, 526: the owner frees what its own reply is just bringing back.
    @Test func `a release that crosses the reply with the same reference begins a new count`()
        throws
    {
        var node = NodeScript.linked()
        let old = try self.held(.held(3), at: &node)
        node.call("a")
        self.die(old, of: .held(3), at: &node)
        #expect(node.take() == ["CALL b2 /7 #1", "RELEASE b2 /3 #1"])
        node.receiveReply(1, references: [.held(3)])
        let new = try node.token(.held(3))
        node.unpin([.held(3)])
        // The end of the old token once more: it is not the one that holds now.
        self.die(old, of: .held(3), at: &node)
        #expect(node.core.imports[.held(3)]?.received == 1)
        self.die(new, of: .held(3), at: &node)
        #expect(node.take().last == "RELEASE b2 /3 #1")
    }

    @Test func `a token that dies while its argument is being sent takes nothing with it`() throws {
        var node = NodeScript.linked()
        let token = try self.held(.held(3), at: &node)
        node.lose()
        node.call("a", passing: [.held(3)])
        self.die(token, of: .held(3), at: &node)
        _ = node.take()
        node.pass(.milliseconds(500))
        // The call has not left yet, and needs the right.
        #expect(try node.takeHello()?.holdings.map(\.entry.reference) == [.held(3)])
        node.welcome()
        #expect(node.take().filter { !$0.hasPrefix("report") } == ["CALL b2 /7 #1 &b2/3"])
        node.receiveReply(1)
        #expect(node.take() == ["RELEASE b2 /3 #1", "resume a REPLY"])
    }

    // Ray 27297: the reference of a task that is cancelled is freed twice, or never.
    @Test func `a reference in a call that is cancelled before it leaves is free at once`() throws {
        var node = NodeScript.linked()
        let token = try self.held(.held(3), at: &node)
        node.lose()
        _ = node.take()
        node.call("a", passing: [.held(3), .own(1)])
        node.cancel(1)
        #expect(node.take() == ["retain 1", "resume a cancelled no", "release 1"])
        node.pass(.milliseconds(500))
        node.welcome()
        _ = node.take()
        self.die(token, of: .held(3), at: &node)
        #expect(node.take() == ["RELEASE b2 /3 #1"])
    }

    @Test func `a reference in a call that is cancelled on its way is held until that is answered`()
        throws
    {
        var node = NodeScript.linked()
        let token = try self.held(.held(3), at: &node)
        node.call("a", passing: [.held(3)])
        node.cancel(1)
        self.die(token, of: .held(3), at: &node)
        #expect(
            node.take() == ["CALL b2 /7 #1 &b2/3", "resume a cancelled maybe", "CANCEL b2 /7 #1"])
        node.receive(.failure, 1)
        #expect(node.take() == ["RELEASE b2 /3 #1"])
    }

    @Test func `a reference in a call that comes behind its cancellation is given back`() {
        var node = NodeScript.linked()
        node.receive(.cancel, 1)
        #expect(node.take() == ["FAILURE b2 #1"])
        node.receiveCall(1, flags: .resent, references: [.held(3)])
        #expect(node.take() == ["RELEASE b2 /3 #1", "FAILURE b2 #1"])
        #expect(node.core.imports.count == 0)
    }

    // Ray 7326: a task hands an actor's handle on and ends; the actor ends with it.
    @Test func `what a handler hands on as it ends is held until its caller has it`() throws {
        var node = NodeScript.linked()
        node.receiveCall(1, references: [.held(3)])
        let token = try node.token(.held(3))
        node.unpin([.held(3)])
        node.reply(1, passing: [.held(3)])
        self.die(token, of: .held(3), at: &node)
        #expect(node.take() == ["deliver #1 to 7", "REPLY b2 #1 &b2/3"])
        // The link may be lost, and the answer asked for again.
        node.relink()
        #expect(node.core.imports[.held(3)]?.received == 1)
        _ = node.take()
        node.receiveCall(1, flags: .resent, references: [.held(3)])
        #expect(node.take() == ["REPLY b2 #1 &b2/3"])
        node.receive(.acknowledge, 1)
        #expect(node.take() == ["RELEASE b2 /3 #2"])
    }

    @Test func `what a handler hands on is free when its caller ends before it has it`() throws {
        var node = NodeScript.linked()
        let other = Reference(owner: NodeScript.other, object: ObjectNumber(rawValue: 3))
        // Somebody else's object, which outlives the caller.
        node.receiveCall(1, references: [ReferenceEntry(reference: other)])
        node.reply(1, passing: [other])
        node.unpin([other])
        #expect(node.take() == ["deliver #1 to 7", "REPLY b2 #1 &c3/3"])
        node.receive(.peerEnded, 2)
        #expect(node.take() == ["RELEASE c3 /3 #1", "report peer ended b2"])
    }

    // Ray 7815: a handle that is returned, and that nobody but the caller keeps.
    @Test func `an object that only its caller will keep lives from the reply on`() {
        var node = NodeScript.linked()
        node.receiveCall(1)
        node.reply(1, passing: [.own(5)])
        #expect(node.take() == ["deliver #1 to 7", "retain 5", "REPLY b2 #1 &a1/5"])
        // The caller has had it and dropped it, but may still ask for the answer again.
        self.unref(&node, 5, 1)
        #expect(node.take() == [])
        node.receive(.acknowledge, 1)
        #expect(node.take() == ["release 5"])
    }

    // Ray 45704: an actor that holds its own handle never ends.
    @Test func `an object that gets itself from its own node does not keep itself alive`() throws {
        var node = NodeScript.linked()
        var request = CallRequest(target: .own(5), builder: MessageBuilder())
        request.references = [.own(5)]
        request.waiter = .receiver(Waiter("a"))
        node.step { core, effects, now in
            _ = try? core.callIssued(&request, at: now, into: &effects)
        }
        #expect(node.take() == ["retain 5", "CALL a1 /5 #1 &a1/5"])
        var header = FrameHeader(
            kind: .call, peer: NodeScript.me, object: ObjectNumber(rawValue: 5),
            call: CallNumber(rawValue: 1))
        header.behind = 1
        node.receive(header, references: [.own(5)])
        // There is no token of an own object: what was received is the object itself.
        #expect(node.core.makeToken(.own(5)) == nil)
        #expect(node.core.imports.count == 0)
        self.unref(&node, 5, 1)
        node.unpin([.own(5)])
        #expect(node.take() == ["deliver #1 to 5"])
        let identity = CallIdentity(
            caller: NodeScript.me, callee: NodeScript.me, number: CallNumber(rawValue: 1))
        node.step { core, effects, _ in
            core.replied(
                to: identity, ReplyRequest(builder: MessageBuilder()), into: &effects)
        }
        node.receiveReply(1, from: NodeScript.me)
        #expect(node.take() == ["REPLY a1 #1", "release 5", "resume a REPLY"])
    }

    @Test
    func `a reference that comes home before its UNREF finds its object, and lets it go after`() {
        var node = NodeScript.linked()
        node.call("a", passing: [.own(4)])
        node.receiveReply(1)
        _ = node.take()
        node.receiveCall(1, references: [.own(4)])
        self.unref(&node, 4, 1)
        #expect(node.take() == ["deliver #1 to 7"])
        node.unpin([.own(4)])
        #expect(node.take() == ["release 4"])
    }

    @Test func `references of a payload that can't be decoded are given back, all of them`() {
        var node = NodeScript.linked()
        node.receiveCall(1, references: [.held(3), .held(3), .own(4), .held(5)])
        #expect(node.take() == ["retain 4", "deliver #1 to 7"])
        // The shell makes no token, because it gets nowhere, and gives back what it was given.
        node.unpin([.held(3), .held(3), .own(4), .held(5)])
        #expect(node.take() == ["RELEASE b2 /3 #2", "release 4", "RELEASE b2 /5 #1"])
        #expect(node.core.imports.count == 0 && node.core.exports.count == 0)
    }

    // zerorpc 121: what was asked of a process that died is run by the one that takes its place.
    @Test func `a node that begins anew asks nothing again, and runs nothing again`() {
        var node = NodeScript.linked()
        node.call("a")
        node.receiveCall(1)
        _ = node.take()
        node.lose()
        node.pass(.milliseconds(500))
        node.refuse(.notFound)
        node.pass(.milliseconds(500))
        node.welcome(NodeScript.other)
        let lines = node.take()
        #expect(lines.contains("resume a disconnected maybe"))
        #expect(lines.contains("cancel handler #1"))
        #expect(!lines.contains { $0.hasPrefix("CALL") || $0.hasPrefix("deliver") })
        // The handler of the call to the old incarnation answers nobody.
        node.reply(1)
        #expect(node.take() == [])
    }

    @Test func `a refusal of the first transmission does not send a call elsewhere`() {
        var node = NodeScript.linked()
        node.call("a")
        node.peerRelinked(2)
        _ = node.take()
        let moved = FailureBody(BusError(.moved, "the name means something else"))
        node.receive(
            FrameHeader(
                kind: .failure, flags: .byBroker, peer: NodeScript.peer,
                call: CallNumber(rawValue: 1)), payload: moved.encoded())
        // The broker has yet to judge the second one, which is not compared with the name.
        #expect(node.take() == [])
        node.receiveReply(1)
        #expect(node.take() == ["resume a REPLY"])
    }
}
