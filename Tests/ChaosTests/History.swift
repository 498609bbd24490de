// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ChaosChecks

/// A client and a worker that write their journals, as a test has them do.
struct History {
    private static let client: UInt16 = 2
    /// Whether the client says that it has come to its end.
    var finishes = true
    private var processes = [
        ChaosProcess(id: 1, slot: .worker(0)), ChaosProcess(id: 2, slot: .client(0)),
    ]
    private var faults: [ChaosFault] = []
    private var drops: [ChaosDrops] = []
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

    mutating func call(_ call: UInt32, lane: UInt8 = 0) {
        self.begin(call, lane: lane)
        self.run(call, lane: lane)
        self.end(call)
    }

    /// Issues a one-way call.
    mutating func send(_ call: UInt32, lane: UInt8 = 0, to owner: UInt64 = 0xB1) {
        self.clientJournal +=
            ChaosRecord(.sent, lane: lane, call: call, time: self.now(), value: owner).bytes
    }

    /// A one-way call that runs.
    mutating func tell(_ call: UInt32) {
        self.send(call)
        self.run(call)
    }

    mutating func unlinkClient() {
        self.clientJournal += ChaosRecord(.unlinked, time: self.now()).bytes
    }

    mutating func unlinkWorker() { self.write(ChaosRecord(.unlinked, time: self.now())) }

    mutating func dropsAtWorker(_ count: UInt64) {
        self.write(ChaosRecord(.dropped, time: self.now(), value: count))
    }

    mutating func dropsAtBroker(_ count: Int) {
        self.drops.append(ChaosDrops(count, from: self.now(), until: self.now() + 100))
    }

    /// The worker makes an object.
    mutating func make(_ object: UInt32) {
        self.write(ChaosRecord(.made, call: object, time: self.now()))
    }

    mutating func gone(_ object: UInt32) {
        self.write(ChaosRecord(.gone, call: object, time: self.now()))
    }

    /// The client's call of an object that it holds fails.
    mutating func refuse(_ outcome: ChaosOutcome, owner: UInt64) {
        let begun = self.now()
        self.clientJournal +=
            ChaosRecord(refusedBy: owner, begun: begun, time: self.now(), outcome).bytes
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
        var checker = ChaosChecker(
            ChaosLayout(), self.processes, self.faults, drops: self.drops)
        // A journal may end in the middle of an entry.
        checker.readClient(Self.client, self.clientJournal + [2, 0, 0])
        for journal in self.workerJournals { checker.readWorker(journal.id, journal.bytes) }
        return checker.report()
    }
}

extension ChaosReport {
    /// The promises that were broken, and how often.
    var found: [Breach: Int] {
        Dictionary(
            uniqueKeysWithValues: Breach.allCases.map { ($0, self.count($0)) }.filter { $1 > 0 })
    }
}
