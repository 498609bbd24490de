// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusWire
import ChaosChecks
import Testing

/// The checker must find an object that lives too long or too shortly, and no other.
@Suite struct ChaosObjectTests {
    @Test func `objects that have gone in the end break no promise`() {
        var history = History()
        history.make(1)
        history.make(2)
        history.gone(2)
        history.call(0)
        history.gone(1)
        let report = history.report()
        #expect(report.isGood, "\(report.examples)")
        #expect(report.objects == 2)
        #expect(report.objectsKilled == 0)
    }

    @Test func `an object that lives on when everybody has let go is leaked`() {
        var history = History()
        history.make(1)
        history.make(2)
        history.gone(1)
        #expect(history.report().found == [.leaked: 1])
    }

    @Test func `objects go with their process`() {
        var history = History()
        history.make(1)
        history.killWorker()
        history.make(1)
        history.gone(1)
        let report = history.report()
        #expect(report.found == [:])
        #expect(report.objects == 2)
        #expect(report.objectsKilled == 1)
    }

    @Test(arguments: [ChaosOutcome.failed(.notFound, .no), .failed(.denied, .no)])
    func `an object that is not there for its holder has gone too early`(outcome: ChaosOutcome) {
        var history = History()
        history.refuse(outcome, owner: 0xB1)
        #expect(history.report().found == [.early: 1])
    }

    @Test func `an object may be gone whose owner has ended`() {
        var history = History()
        history.refuse(.failed(.notFound, .no), owner: 0xB1)
        history.killWorker()
        history.passes(20_000_000_000)
        history.refuse(.failed(.notFound, .no), owner: 0xB1)
        #expect(history.report().found == [.early: 1])
    }

    @Test func `who has begun anew holds nothing`() {
        var history = History()
        history.fault(.stop, .client(0), lasting: 6)
        history.joinClient(as: 0xC2)
        history.refuse(.failed(.denied, .no), owner: 0xB1)
        history.passes(ChaosChecker.slack * 2)
        history.refuse(.failed(.denied, .no), owner: 0xB1)
        #expect(history.report().found == [.early: 1])
    }

    @Test func `an error that tells of no absence, and another object's answer, are wrong`() {
        var history = History()
        history.killWorker()
        history.refuse(.failed(.expired, .no), owner: 0xB1)
        history.refuse(.answered(7), owner: 0xB1)
        #expect(history.report().found == [.wrong: 2])
    }
}
