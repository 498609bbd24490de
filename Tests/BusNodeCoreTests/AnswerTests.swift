// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusNodeCore
import BusWire
import Testing

@Suite struct AnswerTests {
    @Test func `a call is delivered once, and a repetition while it runs is dropped`() {
        var node = NodeScript.linked()
        node.receiveCall(1)
        #expect(node.take() == ["deliver #1 to 7"])
        node.receiveCall(1, flags: .resent)
        #expect(node.take() == [])
        node.reply(1)
        #expect(node.take() == ["REPLY b2 #1"])
    }

    @Test func `a repetition after the answer gets the kept answer again`() {
        var node = NodeScript.linked()
        node.receiveCall(1)
        node.reply(1, passing: [.own(9)])
        _ = node.take()
        node.receiveCall(1, flags: .resent)
        #expect(node.take() == ["REPLY b2 #1 &a1/9"])
        #expect(node.core.exports[ObjectNumber(rawValue: 9)]?.count == 2)
    }

    @Test func `a handler can answer only once, and only what runs`() {
        var node = NodeScript.linked()
        node.receiveCall(1)
        node.reply(1)
        _ = node.take()
        node.reply(1)
        node.reply(2)
        #expect(node.take() == [])
    }

    @Test func `an answer made without a link goes out when the caller asks again`() {
        var node = NodeScript.linked()
        node.receiveCall(1)
        node.lose()
        node.reply(1)
        _ = node.take()
        node.pass(.milliseconds(500))
        node.welcome()
        #expect(node.take() == ["open 2", "report linked a1 2", "ACKNOWLEDGE b2 resent"])
        node.receiveCall(1, flags: .resent)
        #expect(node.take() == ["REPLY b2 #1"])
    }

    @Test func `a cancelled call that never came is not run when it comes`() {
        var node = NodeScript.linked()
        node.receive(.cancel, 4)
        #expect(node.take() == ["FAILURE b2 #4"])
        node.receiveCall(4)
        #expect(node.take() == ["FAILURE b2 #4"])
    }

    @Test func `a cancelled call that runs is cancelled, one that is done is answered again`() {
        var node = NodeScript.linked()
        node.receiveCall(1)
        _ = node.take()
        node.receive(.cancel, 1)
        #expect(node.take() == ["cancel handler #1"])
        node.reply(1)
        _ = node.take()
        node.receive(.cancel, 1)
        #expect(node.take() == ["REPLY b2 #1"])
    }

    @Test func `an acknowledgement drops kept answers and what they refer to`() {
        var node = NodeScript.linked()
        for number in 1...4 as ClosedRange<UInt64> {
            node.receiveCall(number, behind: UInt32(number))
            node.reply(number, passing: [.own(10 + number)])
            node.receive(
                FrameHeader(
                    kind: .unref, peer: NodeScript.me,
                    object: ObjectNumber(rawValue: 10 + number),
                    call: CallNumber(rawValue: 1)))
        }
        _ = node.take()
        #expect(node.core.answerCount == 4)
        node.receive(
            FrameHeader(kind: .acknowledge, peer: NodeScript.peer, call: CallNumber(rawValue: 1)),
            ranges: [3...3])
        #expect(node.take() == ["release 11", "release 13"])
        #expect(node.core.answerCount == 2)
        node.receiveCall(3, behind: 3, flags: .resent)
        #expect(node.take() == [])
    }

    @Test func `a call tells what its caller has settled`() {
        var node = NodeScript.linked()
        node.receiveCall(1)
        node.reply(1)
        node.receiveCall(2)
        #expect(node.core.answerCount == 1)
        node.receiveCall(3, behind: 2)
        #expect(node.core.answerCount == 2)
    }

    @Test func `answers that may have been acknowledged in vain are asked about`() {
        var node = NodeScript.linked()
        node.receiveCall(1)
        node.reply(1)
        _ = node.take()
        node.peerRelinked(2)
        #expect(node.take() == ["ACKNOWLEDGE b2 resent"])
        node.receive(.acknowledge, 1)
        node.peerRelinked(3)
        #expect(node.take() == [])
        node.relink()
        #expect(node.take().last == "report linked a1 2")
    }

    @Test func `a call that was refused on its way must not start after later ones`() {
        var node = NodeScript.linked()
        node.receiveCall(5, behind: 5)
        node.receiveCall(4, behind: 4, flags: .resent)
        #expect(node.take() == ["deliver #5 to 7", "FAILURE b2 #4"])
        node.receiveCall(5, flags: .oneWay)
        node.receiveCall(6)
        #expect(node.take() == ["deliver one-way to 7", "deliver #6 to 7"])
    }

    @Test func `a one-way call stands behind the calls made before it`() {
        var node = NodeScript.linked()
        node.receiveCall(5, flags: [.oneWay])
        node.receiveCall(5, flags: .resent)
        #expect(node.take() == ["deliver one-way to 7", "FAILURE b2 #5"])
    }

    @Test func `a duplicate's references are counted and given back`() {
        var node = NodeScript.linked()
        node.receiveCall(1, references: [.held(3)])
        node.receiveCall(1, flags: .resent, references: [.held(3)])
        #expect(node.core.imports[.held(3)]?.received == 2)
        _ = node.take()
        node.unpin([.held(3)])
        #expect(node.take() == ["RELEASE b2 /3 #2"])
    }

    @Test func `a caller that exceeds its window is told so`() {
        var node = NodeScript.linked()
        let most = UInt64(2 * WireLimits.callsPerPair)
        for number in 1...most { node.receiveCall(number, behind: UInt32(number)) }
        _ = node.take()
        node.receiveCall(most + 1, behind: UInt32(most + 1))
        #expect(node.take() == ["FAILURE b2 #\(most + 1)"])
        #expect(node.core.answerCount == Int(most))
    }

    @Test func `the end of a caller cancels what runs for it and drops what is kept`() {
        var node = NodeScript.linked()
        node.receiveCall(1, behind: 1)
        node.receiveCall(2, behind: 2)
        node.reply(1)
        _ = node.take()
        node.receive(.peerEnded, 1)
        #expect(node.take() == ["cancel handler #2", "report peer ended b2"])
        #expect(node.core.answerCount == 0)
        node.reply(2)
        #expect(node.take() == [])
    }

    @Test(arguments: [UInt64.max, UInt64.max - 1, UInt64(1) << 62 + 1])
    func `numbers that no honest caller reaches do no harm`(number: UInt64) {
        var node = NodeScript.linked()
        node.receiveCall(number)
        node.receive(.cancel, number)
        #expect(node.take() == [])
        node.receive(.acknowledge, number)
        node.receive(
            FrameHeader(kind: .acknowledge, peer: NodeScript.peer), ranges: [number...UInt64.max])
        node.receiveCall(number, flags: .oneWay)
        node.receiveCall(1)
        #expect(node.take() == ["deliver one-way to 7"])
        #expect(node.core.isLinked)
    }

    @Test func `holes in acknowledgements can't heap up`() {
        var node = NodeScript.linked()
        for first in stride(from: UInt64(2), to: 40_000, by: 64) {
            let ranges = (0..<32).map { (first + 2 * $0)...(first + 2 * $0) }
            node.receive(
                FrameHeader(kind: .acknowledge, peer: NodeScript.peer), ranges: ranges)
        }
        // What was not remembered any more is delivered, once.
        node.receiveCall(2)
        node.receiveCall(38_402, behind: 38_402)
        #expect(node.take() == ["deliver #38402 to 7"])
    }
}
