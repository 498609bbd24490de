// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

import BusWire

/// One-way calls that somebody has counted as dropped.
package struct ChaosDrops: Hashable, Sendable {
    package var count: Int
    /// Between which two looks they were counted, in nanoseconds.
    package var from: UInt64
    package var until: UInt64

    package init(_ count: Int, from: UInt64, until: UInt64) {
        (self.count, self.from, self.until) = (count, from, until)
    }
}

/// What there is to know of one-way calls, besides the calls.
struct OneWayBooks {
    /// When links of each process have ended.
    private(set) var unlinked: [UInt16: [UInt64]] = [:]
    var drops: [ChaosDrops] = []
    /// Calls that did not run although nothing happened to their links, so that they must have been
    /// dropped in this time.
    var missing: [(name: String, from: UInt64, until: UInt64)] = []

    mutating func noted(_ record: ChaosRecord, by id: UInt16) {
        if record.kind == .unlinked {
            self.unlinked[id, default: []].append(record.time)
        } else {
            let from = record.time - min(record.time, ChaosChecker.slack)
            self.drops.append(ChaosDrops(Int(record.value), from: from, until: record.time))
        }
    }
}

/// One-way calls run once at most and in their order; they are lost only with a link or an
/// incarnation, or are counted where they are dropped (calls.md §4, §9, §11).
extension ChaosChecker {
    /// Nanoseconds after which a process has written down what happened to it.
    package static let slack: UInt64 = 1_000_000_000

    /// Where calls of one client go one behind the other.
    private struct Way: Hashable {
        var lane: UInt8
        var owner: UInt64
    }

    /// Judges the one-way calls among those of a client.
    ///
    /// What is sent after a one-way call goes the same way behind it. So if a later call to the
    /// same incarnation was answered, and no link of the two has ended until then, it has arrived.
    mutating func judgeOneWay(_ calls: [Call], of client: ChaosProcess) {
        /// When the first of the later calls was answered.
        var answered: [Way: UInt64] = [:]
        for (index, call) in calls.enumerated().reversed() {
            guard call.isOneWay else {
                guard call.runs > 0, case .answered = call.outcome else { continue }
                let way = Way(lane: call.lane, owner: call.owner)
                answered[way] = min(answered[way] ?? .max, call.ended)
                continue
            }
            let name = "call \(client.id)/\(index) of object \(call.lane)"
            self.result.oneWay += 1
            if call.runs > 1 { self.result.note(.doubled, "\(name) runs \(call.runs) times") }
            self.judge(call, name, of: client, answered[Way(lane: call.lane, owner: call.target)])
        }
    }

    /// - Parameter passed: when a call behind this one was answered.
    private mutating func judge(
        _ call: Call, _ name: String, of client: ChaosProcess, _ passed: UInt64?
    ) {
        switch call.outcome {
        case nil where call.runs > 0: break
        case nil:
            self.result.oneWayLost += 1
            guard call.target != 0, let passed else { return }
            self.miss(call, name, of: client, until: passed + Self.slack)
        case .failed(let kind, .no)
        where [.disconnected, .overloaded, .notFound, .denied].contains(kind):
            self.result.oneWayUnsent += 1
            if call.runs > 0 { self.result.note(.wrong, "\(name) is said not to have run") }
        case .some(let outcome):
            self.result.note(.wrong, "\(name), a one-way call, ends: \(outcome)")
        }
    }

    private mutating func miss(
        _ call: Call, _ name: String, of client: ChaosProcess, until: UInt64
    ) {
        let worker = ChaosSlot.worker(self.layout.worker(ofLane: Int(call.lane)))
        let hasEnded = self.processes.contains { process in
            guard process.id == client.id || process.slot == worker else { return false }
            return self.oneWay.unlinked[process.id, default: []].contains {
                call.begun <= $0 && $0 <= until
            }
        }
        if !hasEnded { self.oneWay.missing.append((name, call.begun, until)) }
    }

    /// Finds a counted drop for each call that is missing.
    mutating func judgeLosses() {
        for call in self.oneWay.missing.sorted(by: { $0.until < $1.until }) {
            let fitting = self.oneWay.drops.indices.filter { index in
                let drops = self.oneWay.drops[index]
                return drops.count > 0 && drops.from <= call.until && call.from <= drops.until
            }
            let ends = self.oneWay.drops.map(\.until)
            guard let first = fitting.min(by: { ends[$0] < ends[$1] }) else {
                self.result.note(.lost, "\(call.name), one-way, sent at \(call.from / 1_000_000)")
                continue
            }
            self.oneWay.drops[first].count -= 1
        }
    }
}
