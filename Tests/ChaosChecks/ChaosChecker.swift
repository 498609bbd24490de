// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

import BusWire

/// Compares what clients were told with what objects did, and both with what was promised.
///
/// All journals of clients are read first, then those of workers; then there is a report.
package struct ChaosChecker {
    /// Nanoseconds after a fault in which it may still end an incarnation: silence, resume window
    /// and recovery window one after another (limits.md §2).
    package static let aftermath: UInt64 = 10_000_000_000
    /// Nanoseconds after which an incarnation without a process has ended, if the broker runs: the
    /// recovery window, or silence and resume window, and a second for a busy machine.
    package static let farewell: UInt64 = 6_000_000_000

    let layout: ChaosLayout
    let processes: [ChaosProcess]
    private let faults: [ChaosFault]
    private var calls: [UInt16: [Call]] = [:]
    private var finished: Set<UInt16> = []
    /// The incarnations of each process, one after another.
    private var incarnations: [UInt16: [Joined]] = [:]
    /// Made when all journals have been read.
    private(set) var endings: [UInt16: [Ending]] = [:]
    var oneWay = OneWayBooks()
    var objects = ObjectBooks()
    var result = ChaosReport()
    private var span: (first: UInt64, last: UInt64)?

    /// A call as its client and the objects tell of it.
    struct Call {
        var lane: UInt8
        var isOneWay = false
        /// The incarnation that a one-way call is for; 0 if it follows a name.
        var target: UInt64 = 0
        var begun: UInt64
        var ended: UInt64 = 0
        var outcome: ChaosOutcome?
        var runs = 0
        var answer = 0
        /// The incarnation that ran it.
        var owner: UInt64 = 0
    }

    private struct Joined {
        var incarnation: UInt64
        var time: UInt64
    }

    /// An incarnation that ended within some time.
    struct Ending {
        var incarnation: UInt64
        var from: UInt64
        var until: UInt64
    }

    /// Whose calls of an object must start in their order.
    private struct Sender: Hashable {
        var lane: UInt8
        var owner: UInt64
        var caller: UInt64
    }

    /// - Parameter drops: one-way calls that the broker has counted as dropped.
    package init(
        _ layout: ChaosLayout, _ processes: [ChaosProcess], _ faults: [ChaosFault],
        drops: [ChaosDrops] = []
    ) {
        (self.layout, self.processes, self.faults) = (layout, processes, faults)
        self.oneWay.drops = drops
        for fault in faults { self.result.faults[fault.name, default: 0] += 1 }
    }

    // MARK: Journals

    /// Reads what a client has written.
    package mutating func readClient(_ id: UInt16, _ journal: borrowing [UInt8]) {
        var calls: [Call] = []
        var offset = 0
        while let record = ChaosRecord(journal, at: offset) {
            offset += ChaosRecord.size
            switch record.kind {
            case .joined:
                self.joined(id, record)
            case .begun, .sent:
                self.widen(record.time)
                guard record.call == calls.count else {
                    self.result.note(.wrong, "client \(id) skips call \(calls.count)")
                    continue
                }
                calls.append(
                    Call(
                        lane: record.lane, isOneWay: record.kind == .sent, target: record.value,
                        begun: record.time))
            case .ended:
                self.widen(record.time)
                guard calls.indices.contains(Int(record.call)),
                    calls[Int(record.call)].outcome == nil, let outcome = record.outcome
                else {
                    self.result.note(.wrong, "call \(id)/\(record.call) ends more than once")
                    continue
                }
                calls[Int(record.call)].ended = record.time
                calls[Int(record.call)].outcome = outcome
            case .finished:
                self.finished.insert(id)
            case .ran:
                self.result.note(.wrong, "client \(id) runs calls")
            case .unlinked, .dropped, .made, .gone, .refused:
                self.noted(record, by: id)
            }
        }
        self.calls[id] = calls
    }

    /// Reads what a worker has written.
    package mutating func readWorker(_ id: UInt16, _ journal: borrowing [UInt8]) {
        var (offset, place, owner) = (0, 0, UInt64(0))
        var last: [Sender: UInt32] = [:]
        while let record = ChaosRecord(journal, at: offset) {
            offset += ChaosRecord.size
            guard record.kind == .ran else {
                if record.kind == .joined {
                    self.joined(id, record)
                    owner = record.value
                } else {
                    self.noted(record, by: id)
                }
                continue
            }
            self.ran(record, place: place, owner: owner)
            place += 1
            guard self.layout.isPinned(Int(record.lane)) else { continue }
            let sender = Sender(lane: record.lane, owner: owner, caller: record.value)
            if let before = last[sender], before > record.call {
                self.result.note(
                    .outOfOrder,
                    "call \(record.process)/\(record.call) of object \(record.lane) starts after "
                        + "call \(before)")
            }
            last[sender] = record.call
        }
    }

    /// What clients and workers tell alike.
    private mutating func noted(_ record: ChaosRecord, by id: UInt16) {
        switch record.kind {
        case .unlinked, .dropped: self.oneWay.noted(record, by: id)
        default: self.objects.noted(record, by: id)
        }
    }

    private mutating func joined(_ id: UInt16, _ record: ChaosRecord) {
        self.incarnations[id, default: []].append(
            Joined(incarnation: record.value, time: record.time))
    }

    private mutating func ran(_ record: ChaosRecord, place: Int, owner: UInt64) {
        let index = Int(record.call)
        guard let count = self.calls[record.process]?.count, index < count,
            self.calls[record.process]?[index].lane == record.lane
        else {
            self.result.note(.wrong, "call \(record.process)/\(index) runs, and nobody has made it")
            return
        }
        let answer = chaosAnswer(client: record.process, call: record.call, place: place)
        self.calls[record.process]?[index].runs += 1
        self.calls[record.process]?[index].answer = answer
        self.calls[record.process]?[index].owner = owner
    }

    private mutating func widen(_ time: UInt64) {
        let (first, last) = self.span ?? (time, time)
        self.span = (min(first, time), max(last, time))
    }

    // MARK: The verdict

    /// What came of it all; every journal has been read.
    package mutating func report() -> ChaosReport {
        self.findEndings()
        if let span { self.result.seconds = Double(span.last - span.first) / 1e9 }
        for process in self.processes {
            guard case .client = process.slot else { continue }
            let calls = self.calls[process.id] ?? []
            if process.killed == nil, !self.finished.contains(process.id) {
                self.result.note(.lost, "client \(process.id) does not come to its end")
            }
            for (index, call) in calls.enumerated() where !call.isOneWay {
                self.judge(call, index, of: process)
            }
            self.judgeOneWay(calls, of: process)
        }
        self.judgeLosses()
        self.judgeObjects()
        return self.result
    }

    private mutating func judge(_ call: Call, _ index: Int, of client: ChaosProcess) {
        let name = "call \(client.id)/\(index) of object \(call.lane)"
        self.result.calls += 1
        if call.runs > 1 { self.result.note(.doubled, "\(name) runs \(call.runs) times") }
        switch call.outcome {
        case nil where client.killed != nil:
            self.result.abandoned += 1
        case nil:
            self.result.note(.lost, "\(name) has neither an answer nor an error")
        case .answered(let answer):
            self.result.answered += 1
            if call.runs == 0 {
                self.result.note(.wrong, "\(name) is answered, and has not run")
            } else if call.runs == 1, answer != call.answer {
                self.result.note(.wrong, "\(name) is answered by \(answer), not \(call.answer)")
            }
        case .failed(let kind, let executed):
            self.result.errors["\(kind), executed: \(executed)", default: 0] += 1
            self.judge(call, name, kind, executed, of: client)
        }
    }

    private mutating func judge(
        _ call: Call, _ name: String, _ kind: BusError.Kind, _ executed: BusError.Executed,
        of client: ChaosProcess
    ) {
        guard [.disconnected, .notFound, .denied, .overloaded].contains(kind) else {
            self.result.note(.wrong, "\(name) fails: \(kind), executed: \(executed)")
            return
        }
        switch executed {
        case .no where call.runs > 0: self.result.note(.wrong, "\(name) is said not to have run")
        case .yes where call.runs == 0: self.result.note(.wrong, "\(name) is said to have run")
        case .maybe where !self.isExcused(call, of: client):
            let times = "\(call.begun / 1_000_000) to \(call.ended / 1_000_000) ms"
            self.result.note(.maybe, "\(name), from \(times), after \(call.runs) runs: \(kind)")
        default: break
        }
    }

    /// Whether an incarnation that took part in the call may have ended meanwhile.
    private func isExcused(_ call: Call, of client: ChaosProcess) -> Bool {
        let worker = ChaosSlot.worker(self.layout.worker(ofLane: Int(call.lane)))
        return self.processes.contains { process in
            guard process.id == client.id || process.slot == worker else { return false }
            return (self.endings[process.id] ?? []).contains { ending in
                guard ending.from <= call.ended, call.begun <= ending.until else { return false }
                return process.id == client.id || call.runs == 0
                    || call.owner == ending.incarnation
            }
        }
    }

    // MARK: The ends of incarnations

    private mutating func findEndings() {
        for process in self.processes {
            let joined = self.incarnations[process.id] ?? []
            for (former, latter) in zip(joined, joined.dropFirst()) {
                self.ends(former.incarnation, of: process, by: latter.time, until: latter.time)
            }
            guard let last = joined.last, let killed = process.killed else { continue }
            self.ends(
                last.incarnation, of: process, by: killed, until: self.farewell(after: killed))
        }
    }

    /// When the last one has heard of a process's death: the broker may be gone, or stand still,
    /// while it waits for the process to come back.
    private func farewell(after death: UInt64) -> UInt64 {
        var end = death + Self.farewell
        for fault in self.faults.sorted(by: { $0.begin < $1.begin })
        where fault.touches(.broker) && fault.end >= death && fault.begin <= end {
            end = max(end, fault.end + Self.farewell)
        }
        return end
    }

    /// An incarnation had ended by some moment: by its process's death, or by what was done before.
    private mutating func ends(
        _ incarnation: UInt64, of process: ChaosProcess, by moment: UInt64, until: UInt64
    ) {
        let causes = self.faults.filter { fault in
            fault.touches(process.slot) && fault.begin <= moment
                && moment <= fault.end.addingReportingOverflow(Self.aftermath).partialValue
        }
        guard let from = (causes.map(\.begin) + (process.killed == moment ? [moment] : [])).min()
        else {
            self.result.note(
                .ended, "incarnation \(String(incarnation, radix: 16)) of \(process.slot)")
            return
        }
        self.endings[process.id, default: []].append(
            Ending(incarnation: incarnation, from: from, until: until))
    }
}
