// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

import BusWire

/// What processes tell of objects that were handed out.
struct ObjectBooks {
    /// A call of an object that is held, or one that passes it on, has failed.
    struct Refusal {
        var process: UInt16
        var owner: UInt64
        var from: UInt64
        var until: UInt64
        var outcome: ChaosOutcome
    }

    /// Those that live, of each process.
    private(set) var living: [UInt16: Set<UInt32>] = [:]
    private(set) var refusals: [Refusal] = []
    private(set) var made = 0

    mutating func noted(_ record: ChaosRecord, by id: UInt16) {
        switch record.kind {
        case .made:
            self.made += 1
            self.living[id, default: []].insert(record.call)
        case .gone:
            self.living[id]?.remove(record.call)
        default:
            guard let outcome = record.outcome else { return }
            let span = UInt64(record.call) * 1_000_000
            self.refusals.append(
                Refusal(
                    process: id, owner: record.value, from: record.time - min(record.time, span),
                    until: record.time, outcome: outcome))
        }
    }
}

/// An object lives as long as somebody holds it (references.md §1), and no longer.
extension ChaosChecker {
    /// Everybody has let go of everything before a process ends that is not killed.
    mutating func judgeObjects() {
        self.result.objects = self.objects.made
        for process in self.processes {
            let living = self.objects.living[process.id] ?? []
            guard process.killed == nil else {
                self.result.objectsKilled += living.count
                continue
            }
            for object in living.sorted() {
                self.result.note(.leaked, "object \(object) of process \(process.id)")
            }
        }
        for refusal in self.objects.refusals { self.judge(refusal) }
    }

    private mutating func judge(_ refusal: ObjectBooks.Refusal) {
        let owner = String(refusal.owner, radix: 16)
        let text = "process \(refusal.process), at \(refusal.until / 1_000_000) ms, of \(owner)"
        guard case .failed(let kind, _) = refusal.outcome, [.denied, .notFound].contains(kind)
        else {
            self.result.note(.wrong, "\(text): \(refusal.outcome)")
            return
        }
        if !self.isExcused(refusal) { self.result.note(.early, "\(text): \(kind)") }
    }

    /// Whether the owner's incarnation has ended, or the one that held the object was ending.
    private func isExcused(_ refusal: ObjectBooks.Refusal) -> Bool {
        // Order-free: any of them.
        self.endings.contains { process, endings in
            endings.contains { ending in
                guard ending.from <= refusal.until else { return false }
                return ending.incarnation == refusal.owner
                    || process == refusal.process
                        && refusal.from <= ending.until + Self.slack
            }
        }
    }
}
