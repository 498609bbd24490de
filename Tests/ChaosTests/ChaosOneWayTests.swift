// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusWire
import ChaosChecks
import Testing

/// The checker must find each fault that is planted into a history of one-way calls, and no other.
@Suite struct ChaosOneWayTests {
    @Test func `one-way calls that run in their order break no promise`() {
        var history = History()
        history.call(0)
        history.tell(1)
        history.tell(2)
        history.call(3)
        let report = history.report()
        #expect(report.isGood, "\(report.examples)")
        #expect(report.calls == 2)
        #expect(report.oneWay == 2)
        #expect(report.oneWayLost == 0)
    }

    @Test func `a one-way call that does not run although a later call is answered is lost`() {
        var history = History()
        history.send(0)
        history.call(1)
        let report = history.report()
        #expect(report.found == [.lost: 1])
        #expect(report.oneWayLost == 1)
    }

    @Test func `nobody knows whether the last one-way call has arrived`() {
        var history = History()
        history.call(0)
        history.send(1)
        let report = history.report()
        #expect(report.found == [:])
        #expect(report.oneWayLost == 1)
    }

    @Test func `a one-way call may be lost with the client's link`() {
        var history = History()
        history.send(0)
        history.unlinkClient()
        history.call(1)
        history.send(2)
        history.passes(ChaosChecker.slack)
        history.call(3)
        #expect(history.report().found == [.lost: 1])
    }

    @Test func `a one-way call may be lost with the worker's link`() {
        var history = History()
        history.send(0)
        history.unlinkWorker()
        history.call(1)
        #expect(history.report().found == [:])
    }

    @Test func `the end of a link is written down a little later`() {
        var history = History()
        history.send(0)
        history.call(1)
        history.passes(ChaosChecker.slack / 2)
        history.unlinkWorker()
        #expect(history.report().found == [:])
        history.send(2)
        history.call(3)
        history.passes(ChaosChecker.slack * 2)
        history.unlinkWorker()
        #expect(history.report().found == [.lost: 1])
    }

    @Test func `an answer of another incarnation proves nothing`() {
        var history = History()
        history.send(0)
        history.killWorker()
        history.joinWorker(as: 0xB2)
        history.call(1)
        #expect(history.report().found == [:])
    }

    @Test func `a call that follows a name may go to another object than the one before`() {
        var history = History()
        history.send(0, lane: 1, to: 0)
        history.call(1, lane: 1)
        #expect(history.report().found == [:])
    }

    @Test func `as many one-way calls may be missing as the broker has dropped then`() {
        var history = History()
        history.dropsAtBroker(2)
        for call in 0..<3 { history.send(UInt32(call)) }
        history.call(3)
        #expect(history.report().found == [.lost: 1])
    }

    @Test func `what was dropped at another time is no reason`() {
        var history = History()
        history.dropsAtBroker(1)
        history.passes(ChaosChecker.slack * 3)
        history.send(0)
        history.call(1)
        history.passes(ChaosChecker.slack * 3)
        history.dropsAtBroker(1)
        #expect(history.report().found == [.lost: 1])
    }

    @Test func `the worker counts what it drops`() {
        var history = History()
        history.send(0)
        history.dropsAtWorker(1)
        history.call(1)
        #expect(history.report().found == [:])
    }

    @Test func `a one-way call that runs twice is doubled`() {
        var history = History()
        history.tell(0)
        history.run(0)
        #expect(history.report().found == [.doubled: 1])
    }

    @Test func `a one-way call that starts after a later call is out of order`() {
        var history = History()
        history.send(0)
        history.call(1)
        history.run(0)
        #expect(history.report().found == [.outOfOrder: 1])
    }

    @Test func `a one-way call that was not sent must not run`() {
        var history = History()
        history.send(0)
        history.end(0, .failed(.overloaded, .no))
        history.send(1)
        history.run(1)
        history.end(1, .failed(.disconnected, .no))
        let report = history.report()
        #expect(report.found == [.wrong: 1])
        #expect(report.oneWayUnsent == 2)
    }

    @Test func `a one-way call has no answer, and no doubt`() {
        var history = History()
        history.tell(0)
        history.end(0)
        history.send(1)
        history.end(1, .failed(.disconnected, .maybe))
        #expect(history.report().found == [.wrong: 2])
    }

    @Test func `a client that was killed need not have sent anything`() {
        var history = History()
        history.send(0)
        history.finishes = false
        history.killClient()
        #expect(history.report().found == [:])
    }
}
