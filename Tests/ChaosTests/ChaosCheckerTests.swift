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

/// A client and a worker that write their journals, as a test has them do.
private struct History {
    private static let client: UInt16 = 2
    /// Whether the client says that it has come to its end.
    var finishes = true
    private var processes = [
        ChaosProcess(id: 1, slot: .worker(0)), ChaosProcess(id: 2, slot: .client(0)),
    ]
    private var faults: [ChaosFault] = []
    private var clientJournal: [UInt8] = []
    private var workerJournals: [(id: UInt16, bytes: [UInt8])] = [(1, [])]
    private var time: UInt64 = 1_000
    private var caller: UInt64 = 0xC1
    private var place = 0
    private var answers: [UInt32: Int] = [:]

    init() {
        self.joinClient(as: self.caller)
        self.joinWorker(as: 0xB1)
    }

    mutating func passes(_ span: UInt64) { self.time += span }

    private mutating func now() -> UInt64 {
        self.time += 1
        return self.time
    }

    mutating func joinClient(as incarnation: UInt64) {
        self.caller = incarnation
        self.clientJournal += ChaosRecord(.joined, time: self.now(), value: incarnation).bytes
    }

    mutating func joinWorker(as incarnation: UInt64) {
        self.write(ChaosRecord(.joined, time: self.now(), value: incarnation))
    }

    private mutating func write(_ record: ChaosRecord) {
        self.workerJournals[self.workerJournals.count - 1].bytes += record.bytes
    }

    mutating func begin(_ call: UInt32, lane: UInt8 = 0) {
        self.clientJournal +=
            ChaosRecord(.begun, lane: lane, call: call, time: self.now()).bytes
    }

    mutating func run(_ call: UInt32, lane: UInt8 = 0) {
        self.write(
            ChaosRecord(
                .ran, lane: lane, process: Self.client, call: call, time: self.now(),
                value: self.caller))
        self.answers[call] = chaosAnswer(client: Self.client, call: call, place: self.place)
        self.place += 1
    }

    /// Ends a call, if not otherwise then by the answer of the object that ran it.
    mutating func end(_ call: UInt32, _ outcome: ChaosOutcome? = nil) {
        let outcome = outcome ?? .answered(self.answers[call] ?? 0)
        self.clientJournal += ChaosRecord(lane: 0, call: call, time: self.now(), outcome).bytes
    }

    mutating func call(_ call: UInt32) {
        self.begin(call)
        self.run(call)
        self.end(call)
    }

    mutating func fault(_ kind: ChaosFault.Kind, _ slot: ChaosSlot, lasting seconds: UInt64) {
        let begin = self.now()
        self.passes(seconds * 1_000_000_000)
        self.faults.append(ChaosFault(kind, slot, begin: begin, end: self.time))
    }

    /// Kills the worker; what is written next of a worker is its successor's.
    mutating func killWorker() {
        self.processes[0].killed = self.now()
        self.processes.append(ChaosProcess(id: 3, slot: .worker(0)))
        self.workerJournals.append((3, []))
        self.place = 0
        self.faults.append(ChaosFault(.kill, .worker(0), begin: self.time, end: self.time))
    }

    mutating func killClient() {
        self.processes[1].killed = self.now()
        self.faults.append(ChaosFault(.kill, .client(0), begin: self.time, end: self.time))
    }

    mutating func report() -> ChaosReport {
        if self.finishes { self.clientJournal += ChaosRecord(.finished, time: self.now()).bytes }
        var checker = ChaosChecker(ChaosLayout(), self.processes, self.faults)
        // A journal may end in the middle of an entry.
        checker.readClient(Self.client, self.clientJournal + [2, 0, 0])
        for journal in self.workerJournals { checker.readWorker(journal.id, journal.bytes) }
        return checker.report()
    }
}

extension ChaosReport {
    /// The promises that were broken, and how often.
    fileprivate var found: [Breach: Int] {
        Dictionary(
            uniqueKeysWithValues: Breach.allCases.map { ($0, self.count($0)) }.filter { $1 > 0 })
    }
}
