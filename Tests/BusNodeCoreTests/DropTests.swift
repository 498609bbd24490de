// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusNodeCore
import BusWire
import Testing

/// What is refused, dropped or lost is counted, each reason by itself: docs/operating/counters.md.
@Suite struct DropTests {
    /// What was counted while `body` ran, `reason count`.
    private func counted(
        _ node: inout NodeScript, _ body: (inout NodeScript) -> Void
    ) -> [String] {
        let before = node.core.drops
        body(&node)
        return node.core.drops.added(since: before).map { "\($0.reason.name) \($0.count)" }
    }

    @Test func `a node to which nothing happens but calls counts nothing`() {
        var node = NodeScript.linked()
        let counted = self.counted(&node) { node in
            node.call("a")
            node.receiveReply(1)
            node.receiveCall(1)
            node.reply(1)
            node.receive(.acknowledge, 1)
            node.call("b", isOneWay: true)
            node.receiveCall(1, flags: .oneWay)
        }
        #expect(counted == [])
    }

    @Test func `calls that come again are counted by how far the first one is`() {
        var node = NodeScript.linked()
        node.receiveCall(1)
        #expect(self.counted(&node) { $0.receiveCall(1, flags: .resent) } == ["duplicateRunning 1"])
        node.reply(1)
        #expect(
            self.counted(&node) { $0.receiveCall(1, flags: .resent) } == ["duplicateAnswered 1"])
        node.receive(.acknowledge, 1)
        #expect(self.counted(&node) { $0.receiveCall(1, flags: .resent) } == ["duplicateSettled 1"])
    }

    @Test func `calls that are not delivered are counted by why`() {
        var node = NodeScript.linked()
        node.receiveCall(5, behind: 5)
        #expect(self.counted(&node) { $0.receiveCall(4, behind: 4) } == ["late 1"])
        #expect(self.counted(&node) { $0.receiveCall(.max) } == ["numberInvalid 1"])
        node.receiveCall(6, behind: 6, references: [.own(7)])
        node.revoke(7)
        #expect(self.counted(&node) { $0.receiveCall(7, behind: 7) } == ["revoked 1"])
        let oneWay = self.counted(&node) { $0.receiveCall(7, flags: .oneWay) }
        #expect(oneWay == ["oneWayRevoked 1"])
        node.step { core, _, _ in core.drainBegan() }
        let drained = self.counted(&node) { $0.receiveCall(8, to: 9, behind: 8) }
        #expect(drained == ["draining 1"])
        let window = self.counted(&node) { node in
            for number in 10...UInt64(2 * WireLimits.callsPerPair + 20) {
                node.receive(.cancel, number)
            }
            node.receiveCall(20_000, behind: 20_000)
        }
        #expect(window == ["beyondWindow 1"])
    }

    @Test func `calls that are not made, or end here, are counted by why`() {
        var limits = NodeLimits()
        limits.questions = 2
        var node = NodeScript.linked(limits)
        #expect(self.counted(&node) { $0.call("a", within: .zero) } == ["issuedExpired 1"])
        let large = Array(repeating: Reference.own(1), count: WireLimits.referencesPerMessage + 1)
        #expect(self.counted(&node) { $0.call("b", passing: large) } == ["issuedTooLarge 1"])
        node.call("c", within: .seconds(1))
        node.call("d")
        #expect(self.counted(&node) { $0.call("e") } == ["issuedCrowd 1"])
        #expect(self.counted(&node) { $0.cancel(2) } == ["waitCancelled 1"])
        #expect(self.counted(&node) { $0.pass(.seconds(1)) } == ["waitExpired 1"])
        #expect(self.counted(&node) { $0.receiveReply(9) } == ["answerUnexpected 1"])
        #expect(self.counted(&node) { $0.receive(.peerEnded, 1) } == ["calleeEnded 2"])
        node.lose()
        let oneWay = self.counted(&node) { $0.call("f", isOneWay: true) }
        #expect(oneWay == ["oneWayUnlinked 1"])
    }

    @Test func `links that end are counted by why`() {
        var node = NodeScript.linked()
        #expect(self.counted(&node) { $0.lose() } == ["linkFailed 1"])
        node.pass(.milliseconds(500))
        node.welcome()
        let gap = self.counted(&node) { $0.receive(FrameHeader(kind: .heartbeat), skipping: 3) }
        #expect(gap == ["linkGap 1"])
        node.pass(.milliseconds(600))
        #expect(self.counted(&node) { $0.refuse(.overloaded) } == ["linkRefused 1"])
        node.pass(.milliseconds(600))
        node.welcome()
        #expect(
            self.counted(&node) { $0.receive(FrameHeader(kind: .stopping)) } == ["brokerStopped 1"])
        node.pass(.milliseconds(600))
        node.welcome()
        let unknown = self.counted(&node) { $0.receive(.init(kind: .init(rawValue: 99))) }
        #expect(unknown == ["kindUnknown 1"])
        #expect(self.counted(&node) { $0.pass(.seconds(3)) } == ["linkSilence 1"])
    }
}
