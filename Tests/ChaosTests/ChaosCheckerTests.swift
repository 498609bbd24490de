// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusWire
import ChaosChecks
import Testing

/// The checker must find each fault that is planted into a history, and no other.
@Suite struct ChaosCheckerTests {
    @Test func `a history in which all is well has no breach`() {
        var history = History()
        for call in 0..<4 { history.call(UInt32(call)) }
        let report = history.report()
        #expect(report.isGood, "\(report.examples)")
        #expect(report.calls == 4)
        #expect(report.answered == 4)
        #expect(report.seconds == 11e-9)
    }

    @Test func `an answer that is not the object's is wrong`() {
        var history = History()
        history.call(0)
        history.begin(1)
        history.run(1)
        history.end(1, .answered(7))
        #expect(history.report().found == [.wrong: 1])
    }

    @Test func `an answer to what did not run is wrong`() {
        var history = History()
        history.begin(0)
        history.end(0, .answered(7))
        #expect(history.report().found == [.wrong: 1])
    }

    @Test func `a call that ran is not to be reported as not run`() {
        var history = History()
        history.begin(0)
        history.run(0)
        history.end(0, .failed(.disconnected, .no))
        #expect(history.report().found == [.wrong: 1])
    }

    @Test func `a call that did not run is not to be reported as run`() {
        var history = History()
        history.begin(0)
        history.end(0, .failed(.disconnected, .yes))
        #expect(history.report().found == [.wrong: 1])
    }

    @Test func `an error that no fault explains is wrong`() {
        var history = History()
        history.begin(0)
        history.end(0, .failed(.expired, .no))
        #expect(history.report().found == [.wrong: 1])
    }

    @Test func `what nobody called must not run`() {
        var history = History()
        history.call(0)
        history.run(1)
        #expect(history.report().found == [.wrong: 1])
    }

    @Test func `what runs at another object than it was sent to is wrong`() {
        var history = History()
        history.begin(0)
        history.run(0, lane: 2)
        history.end(0, .failed(.overloaded, .no))
        #expect(history.report().found == [.wrong: 1])
    }

    @Test func `a call without an outcome is lost`() {
        var history = History()
        history.begin(0)
        history.run(0)
        history.call(1)
        #expect(history.report().found == [.lost: 1])
    }

    @Test func `a client that does not come to its end is lost`() {
        var history = History()
        history.call(0)
        history.finishes = false
        #expect(history.report().found == [.lost: 1])
    }

    @Test func `a client that was killed need not have had an outcome`() {
        var history = History()
        history.call(0)
        history.begin(1)
        history.finishes = false
        history.killClient()
        let report = history.report()
        #expect(report.found == [:])
        #expect(report.abandoned == 1)
    }

    @Test func `a call that runs twice is doubled`() {
        var history = History()
        history.begin(0)
        history.run(0)
        history.end(0)
        history.run(0)
        #expect(history.report().found == [.doubled: 1])
    }

    @Test func `a call that starts after a later one is out of order`() {
        var history = History()
        history.begin(0)
        history.begin(1)
        history.run(1)
        history.end(1)
        history.run(0)
        history.end(0)
        #expect(history.report().found == [.outOfOrder: 1])
    }

    @Test func `calls of different objects need no order`() {
        var history = History()
        history.begin(0, lane: 0)
        history.begin(1, lane: 2)
        history.run(1, lane: 2)
        history.end(1)
        history.run(0, lane: 0)
        history.end(0)
        #expect(history.report().found == [:])
    }

    @Test func `a new incarnation of the owner begins a new order`() {
        var history = History()
        history.begin(0)
        history.begin(1)
        history.run(1)
        history.end(1)
        history.fault(.stop, .worker(0), lasting: 6)
        history.joinWorker(as: 0xB2)
        history.run(0)
        history.end(0)
        #expect(history.report().found == [:])
    }

    @Test func `maybe needs an incarnation that ended`() {
        var history = History()
        history.begin(0)
        history.end(0, .failed(.disconnected, .maybe))
        #expect(history.report().found == [.maybe: 1])
    }

    @Test func `the worker's death excuses maybe, if the call was under way then`() {
        var history = History()
        history.begin(0)
        history.end(0, .failed(.disconnected, .maybe))
        history.begin(1)
        history.killWorker()
        history.end(1, .failed(.disconnected, .maybe))
        #expect(history.report().found == [.maybe: 1])
    }

    @Test func `a worker's death is known after a while`() {
        var history = History()
        history.killWorker()
        history.begin(0)
        history.end(0, .failed(.disconnected, .maybe))
        history.passes(ChaosChecker.farewell)
        history.begin(1)
        history.end(1, .failed(.disconnected, .maybe))
        #expect(history.report().found == [.maybe: 1])
    }

    @Test func `a broker that stands still tells of a death later`() {
        var history = History()
        history.killWorker()
        history.fault(.stop, .broker, lasting: 4)
        history.passes(ChaosChecker.farewell - 1_000_000_000)
        history.begin(0)
        history.end(0, .failed(.disconnected, .maybe))
        history.passes(1_000_000_000)
        history.begin(1)
        history.end(1, .failed(.disconnected, .maybe))
        #expect(history.report().found == [.maybe: 1])
    }

    @Test func `another worker's death excuses nothing`() {
        var history = History()
        history.begin(0, lane: 5)
        history.killWorker()
        history.end(0, .failed(.disconnected, .maybe))
        #expect(history.report().found == [.maybe: 1])
    }

    @Test
    func `a call that ran in an incarnation that lives is not excused by the death of another`() {
        var history = History()
        history.begin(0)
        history.killWorker()
        history.joinWorker(as: 0xB2)
        history.run(0)
        history.end(0, .failed(.disconnected, .maybe))
        #expect(history.report().found == [.maybe: 1])
    }

    @Test func `a new incarnation of the client excuses maybe after a fault`() {
        var history = History()
        history.begin(0)
        history.fault(.stop, .client(0), lasting: 6)
        history.joinClient(as: 0xC2)
        history.end(0, .failed(.disconnected, .maybe))
        #expect(history.report().found == [:])
    }

    @Test func `an incarnation ends for a reason`() {
        var history = History()
        history.joinWorker(as: 0xB2)
        #expect(history.report().found == [.ended: 1])
    }

    @Test func `a fault that is long past is no reason`() {
        var history = History()
        history.fault(.stop, .worker(0), lasting: 1)
        history.passes(ChaosChecker.aftermath)
        history.joinWorker(as: 0xB2)
        #expect(history.report().found == [.ended: 1])
    }
}
