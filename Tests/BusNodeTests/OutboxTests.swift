// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusNode
import BusNodeCore
import BusWire
import BusZeroMQ
import Testing

/// Without a link an outbox drops what it would send, which empties it as well.
@Suite(.timeLimit(.minutes(1))) struct OutboxTests {
    private let outbox = Outbox()

    private func append() {
        self.outbox.append(Outgoing(Message(FrameHeader(kind: .heartbeat)), epoch: .none))
        self.outbox.drain()
    }

    private func elsewhere(_ body: @escaping @Sendable () -> Void) throws {
        try SystemThread.start(name: "other", body).join()
    }

    @Test func `what a thread gathers stays until it has stopped`() {
        self.outbox.gather()
        self.append()
        self.append()
        #expect(self.outbox.count == 2)
        self.outbox.stopGathering()
        #expect(self.outbox.count == 2)
        self.outbox.drain()
        #expect(self.outbox.count == 0)
    }

    @Test func `other threads send at once, and what was gathered before`() throws {
        self.outbox.gather()
        self.append()
        let outbox = self.outbox
        try self.elsewhere { outbox.drain() }
        #expect(self.outbox.count == 0)
    }

    @Test func `a thread that another one has stopped sends at once`() throws {
        self.outbox.gather()
        let outbox = self.outbox
        try self.elsewhere { outbox.stopGathering() }
        self.append()
        #expect(self.outbox.count == 0)
    }

    @Test func `more is expected while several callers were resumed and have not gone on`() {
        #expect(!self.outbox.resuming(1))
        #expect(!self.outbox.expectsMore)
        #expect(self.outbox.resuming(2))
        #expect(self.outbox.expectsMore)
        #expect(!self.outbox.wentOn())
        #expect(self.outbox.expectsMore)
        self.outbox.gather()
        self.append()
        // Nobody waits for the one that is left.
        #expect(self.outbox.wentOn())
        #expect(!self.outbox.expectsMore)
        #expect(!self.outbox.wentOn())
    }

    @Test func `callers that never go on are forgotten, and may come back`() {
        #expect(self.outbox.resuming(3))
        self.outbox.forgetResumed()
        #expect(!self.outbox.expectsMore)
        for _ in 0..<3 { #expect(!self.outbox.wentOn()) }
        #expect(self.outbox.resuming(2))
    }

    @Test func `there is enough when as many wait as leave together`() {
        self.outbox.gather()
        for _ in 1..<Outbox.together { self.append() }
        #expect(!self.outbox.hasEnough)
        self.append()
        #expect(self.outbox.hasEnough)
    }
}
