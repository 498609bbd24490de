// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusNodeCore
import BusWire
import Testing

@Suite struct QuestionTests {
    @Test func `a one-way call by a name is not made to who has ended`() {
        var node = NodeScript.linked()
        node.call("a")
        node.receive(.peerEnded, 5)
        #expect(node.call("b", isOneWay: true, by: "name") == "moved no")
        #expect(node.call("c", isOneWay: true) == nil, "a reference means nothing else")
    }

    @Test func `a call goes out at once, with what is left of its time`() {
        var node = NodeScript.linked()
        node.call("a", within: .milliseconds(80))
        #expect(node.take() == ["CALL b2 /7 #1 80ms"])
        node.receiveReply(1)
        #expect(node.take() == ["resume a REPLY"])
        #expect(node.core.questionCount == 0)
    }

    @Test func `calls wait for the link and go out in their order`() {
        var node = NodeScript()
        node.start()
        node.call("a")
        node.call("b", of: NodeScript.other)
        node.call("c")
        #expect(node.take() == ["open 1"])
        node.welcome()
        #expect(
            node.take() == [
                "report linked a1 1", "CALL b2 /7 #1", "CALL b2 /7 #3 behind 3", "CALL c3 /7 #2",
            ])
    }

    @Test func `a full window makes calls wait for answers`() {
        var limits = NodeLimits()
        limits.callsPerPeer = 2
        var node = NodeScript.linked(limits)
        for name in ["a", "b", "c", "d"] { node.call(name) }
        node.call("e", of: NodeScript.other)
        #expect(node.take() == ["CALL b2 /7 #1", "CALL b2 /7 #2 behind 2", "CALL c3 /7 #5"])
        node.receiveReply(1)
        #expect(node.take() == ["resume a REPLY", "CALL b2 /7 #3 behind 2"])
    }

    @Test func `settled calls behind an unsettled one free the window when it is told of them`() {
        var limits = NodeLimits()
        limits.callsPerPeer = 2
        var node = NodeScript.linked(limits)
        for name in ["slow", "b", "c"] { node.call(name) }
        _ = node.take()
        node.receiveReply(2)
        #expect(
            node.take() == ["resume b REPLY", "ACKNOWLEDGE b2 2...2", "CALL b2 /7 #3 behind 3"])
    }

    @Test func `bytes fill the window too, but one call alone may be larger`() {
        var limits = NodeLimits()
        limits.callBytesPerPeer = 1_000
        var node = NodeScript.linked(limits)
        node.call("large", bytes: 5_000)
        node.call("small")
        #expect(node.take() == ["CALL b2 /7 #1"])
        node.receiveReply(1)
        #expect(node.take() == ["resume large REPLY", "CALL b2 /7 #2"])
    }

    @Test func `too many calls fail before they are sent`() {
        var limits = NodeLimits()
        limits.questions = 1
        var node = NodeScript.linked(limits)
        #expect(node.call("a") == nil)
        #expect(node.call("b") == "overloaded no")
    }

    @Test func `after a new link unanswered calls go first, in order and marked`() {
        var limits = NodeLimits()
        limits.callsPerPeer = 3
        var node = NodeScript.linked(limits)
        for name in ["a", "b", "c", "d"] { node.call(name) }
        node.cancel(2)
        node.receiveReply(1)
        _ = node.take()
        node.lose()
        node.call("e")
        node.pass(.milliseconds(500))
        _ = node.take()
        node.welcome()
        #expect(
            node.take() == [
                "report linked a1 2", "CANCEL b2 /7 #2", "CALL b2 /7 #3 resent behind 2",
                "CALL b2 /7 #4 resent behind 3",
            ])
        node.receive(.failure, 2)
        #expect(node.take() == ["CALL b2 /7 #5 behind 3"])
    }

    @Test func `what the callee's old link lost is sent again, with the new link's number`() {
        var node = NodeScript.linked()
        node.call("a")
        node.call("b", of: NodeScript.other)
        _ = node.take()
        node.peerRelinked(5)
        #expect(node.take() == ["CALL b2 /7 #1 resent peer epoch 5"])
        node.call("c")
        #expect(node.take() == ["CALL b2 /7 #3 behind 3 peer epoch 5"])
        node.relink()
        #expect(node.take().contains("CALL b2 /7 #1 resent"))
    }

    @Test func `a refusal of the first transmission does not end a call that was sent again`() {
        var node = NodeScript.linked()
        node.call("a")
        node.peerRelinked(5)
        _ = node.take()
        let refusal = FailureBody(BusError(.overloaded, "full")).encoded()
        var header = FrameHeader(
            kind: .failure, flags: .byBroker, peer: NodeScript.peer,
            call: CallNumber(rawValue: 1))
        node.receive(header, payload: refusal)
        #expect(node.take() == [])
        header.flags.insert(.resent)
        node.receive(header, payload: refusal)
        #expect(node.take() == ["resume a FAILURE"])
    }

    @Test func `a refusal that is not looked at gives its references back`() {
        var node = NodeScript.linked()
        node.call("a")
        node.peerRelinked(5)
        _ = node.take()
        let header = FrameHeader(
            kind: .failure, flags: .byBroker, peer: NodeScript.peer,
            call: CallNumber(rawValue: 1))
        node.receive(header, references: [.held(3)])
        #expect(node.take() == ["RELEASE b2 /3 #1"])
        #expect(node.core.questionCount == 1)
    }

    @Test func `a cancelled call tells its waiter at once and stays until it is answered`() {
        var node = NodeScript.linked()
        node.call("a")
        node.cancel(1)
        #expect(
            node.take() == ["CALL b2 /7 #1", "resume a cancelled maybe", "CANCEL b2 /7 #1"])
        #expect(node.core.questionCount == 1)
        node.receive(.failure, 1)
        #expect(node.take() == [])
        #expect(node.core.questionCount == 0)
    }

    @Test func `a call that has not left is cancelled for certain`() {
        var node = NodeScript()
        node.start()
        node.call("a")
        node.cancel(1)
        #expect(node.take() == ["open 1", "resume a cancelled no"])
        node.welcome()
        #expect(node.take() == ["report linked a1 1"])
    }

    @Test func `a deadline ends a call on time, whether it was sent or not`() {
        var limits = NodeLimits()
        limits.callsPerPeer = 1
        var node = NodeScript.linked(limits)
        node.call("sent", within: .milliseconds(30))
        node.call("waits", within: .milliseconds(20))
        _ = node.take()
        node.pass(.milliseconds(19))
        #expect(node.take() == [])
        node.pass(.milliseconds(1))
        #expect(node.take() == ["resume waits expired no"])
        node.pass(.milliseconds(10))
        #expect(node.take() == ["resume sent expired maybe", "CANCEL b2 /7 #1"])
        #expect(node.call("late", within: .zero) == "expired no")
    }

    @Test func `answers are acknowledged after 200 ms, unless a call says it before`() {
        var node = NodeScript.linked()
        node.call("a")
        node.receiveReply(1)
        node.pass(.milliseconds(199))
        #expect(node.take() == ["CALL b2 /7 #1", "resume a REPLY"])
        node.pass(.milliseconds(1))
        #expect(node.take() == ["ACKNOWLEDGE b2 #1"])
        node.call("b")
        node.receiveReply(2)
        node.pass(.milliseconds(100))
        node.call("c")
        _ = node.take()
        node.pass(.milliseconds(300))
        #expect(node.take() == [])
    }

    @Test func `holes below an acknowledgement are told as ranges`() {
        var node = NodeScript.linked()
        for name in ["a", "b", "c", "d", "e"] { node.call(name) }
        for number in [2, 3, 5] as [UInt64] { node.receiveReply(number) }
        _ = node.take()
        node.pass(.milliseconds(200))
        #expect(node.take() == ["ACKNOWLEDGE b2 2...3 5...5"])
    }

    @Test func `whoever asks what is settled gets an acknowledgement`() {
        var node = NodeScript.linked()
        node.call("a")
        node.receiveReply(1)
        _ = node.take()
        node.receive(
            FrameHeader(kind: .acknowledge, flags: .resent, peer: NodeScript.peer))
        #expect(node.take() == ["ACKNOWLEDGE b2 #1"])
        node.receive(
            FrameHeader(kind: .acknowledge, flags: .resent, peer: NodeScript.other))
        #expect(node.take() == ["ACKNOWLEDGE c3 #1"])
    }

    @Test func `a one-way call needs a link, and does not overtake calls that wait`() {
        var limits = NodeLimits()
        limits.callsPerPeer = 1
        var node = NodeScript.linked(limits)
        #expect(node.call("", isOneWay: true) == nil)
        #expect(node.take() == ["CALL b2 /7 one-way"])
        node.call("a")
        node.call("b")
        #expect(node.call("", isOneWay: true) == "overloaded no")
        node.receiveReply(1)
        _ = node.take()
        #expect(node.call("", isOneWay: true) == nil)
        #expect(node.take() == ["CALL b2 /7 #2 one-way"])
        node.lose()
        #expect(node.call("", isOneWay: true) == "disconnected no")
    }

    @Test func `a call to the broker that nobody waits for ends with the link`() {
        var node = NodeScript.linked()
        node.call("find", of: .broker)
        node.call("ping", of: .broker)
        node.cancel(1)
        _ = node.take()
        node.relink()
        #expect(node.take().last == "CALL /7 #2 resent")
        #expect(node.core.questionCount == 1)
    }

    @Test func `the end of a peer ends the calls to it`() {
        var node = NodeScript.linked()
        node.call("a")
        node.call("b", of: NodeScript.other)
        _ = node.take()
        node.receive(.peerEnded, 2)
        #expect(node.take() == ["resume a disconnected maybe", "report peer ended b2"])
        #expect(node.core.questionCount == 1)
    }

    @Test func `an answer from another node than the one called does not count`() {
        var node = NodeScript.linked()
        node.call("a")
        _ = node.take()
        node.receiveReply(1, from: NodeScript.other)
        #expect(node.take() == [])
        #expect(node.core.questionCount == 1)
    }
}
