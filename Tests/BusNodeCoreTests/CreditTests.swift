// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusNodeCore
import BusWire
import Testing

/// HEARTBEAT says what was taken in: docs/protocol/handshake.md §4.
@Suite struct CreditTests {
    /// A node whose credit is 4,000 bytes, with nothing told yet.
    private func node() -> NodeScript {
        var node = NodeScript()
        node.start()
        node.welcome(credit: 4_000)
        _ = node.take()
        return node
    }

    private func heartbeats(_ node: inout NodeScript) -> [[UInt64]] {
        node.takeMessages().filter { $0.header.kind == .heartbeat }
            .map { [$0.header.call.rawValue, $0.header.object.rawValue] }
    }

    @Test func `a heartbeat tells the bytes of calls and of all else, WELCOME included`() {
        var node = self.node()
        node.pass(.milliseconds(1_250))
        let welcome = self.heartbeats(&node)[0][1]
        #expect(welcome > 64)
        node.receiveCall(1)
        node.receive(FrameHeader(kind: .heartbeat))
        node.pass(.milliseconds(1_250))
        #expect(self.heartbeats(&node) == [[64, welcome + 64]])
    }

    @Test func `a quarter of the credit is told at once`() {
        var node = self.node()
        node.pass(.milliseconds(1_250))
        _ = node.take()
        // 15 messages of 64 bytes are less than 1,000 bytes, 16 are more.
        for number in UInt64(1)...15 { node.receiveCall(number) }
        #expect(self.heartbeats(&node) == [])
        node.receiveCall(16)
        #expect(self.heartbeats(&node).map { $0[0] } == [1_024])
        for number in UInt64(17)...31 { node.receiveCall(number) }
        #expect(self.heartbeats(&node) == [])
        node.receiveCall(32)
        #expect(self.heartbeats(&node).map { $0[0] } == [2_048])
    }

    @Test func `each link counts from its WELCOME`() {
        var node = self.node()
        for number in UInt64(1)...10 { node.receiveCall(number) }
        node.relink()
        _ = node.takeMessages()
        node.pass(.milliseconds(1_250))
        #expect(self.heartbeats(&node).map { $0[0] } == [0])
    }

    @Test func `one-way calls are refused while a credit of them is on its way to the broker`() {
        var node = self.node()
        for _ in 0..<4 { #expect(node.call("a", bytes: 936, isOneWay: true) == nil) }
        #expect(node.call("b", isOneWay: true) == "overloaded no")
        #expect(node.call("c") == nil, "a call that is answered has its window")
        node.receive(FrameHeader(kind: .heartbeat, call: CallNumber(rawValue: 1_000)))
        #expect(node.call("d", isOneWay: true) == nil)
        // More than was sent, and fewer than before: no broker of ours says that.
        for number in [UInt64.max, 1] {
            node.receive(FrameHeader(kind: .heartbeat, call: CallNumber(rawValue: number)))
        }
        for _ in 0..<4 { _ = node.call("e", bytes: 936, isOneWay: true) }
        #expect(node.call("f", isOneWay: true) == "overloaded no")
        node.relink()
        #expect(node.call("g", isOneWay: true) == nil)
    }
}
