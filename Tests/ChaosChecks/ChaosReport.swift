// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

/// What came of a run under chaos.
package struct ChaosReport: Hashable, Sendable, Codable {
    /// A promise that was not kept.
    package enum Breach: String, CaseIterable, Sendable {
        /// An answer is another one than the object gave; or what is told of a call is not so.
        case wrong
        /// A call has neither an answer nor an error; or a one-way call did not run, and neither
        /// did a link end that it may have been lost with, nor did anybody count it.
        case lost
        /// A call ran twice.
        case doubled
        /// A call started after one that its sender issued later.
        case outOfOrder
        /// Nobody knows whether a call ran, although no incarnation ended that could excuse it.
        case maybe
        /// An incarnation ended, and nothing had happened to its process.
        case ended
        /// An object was not there for somebody who held it.
        case early
        /// An object is kept that nobody holds.
        case leaked
    }

    package var calls = 0
    package var answered = 0
    /// Calls whose client was killed before they had an outcome.
    package var abandoned = 0
    /// One-way calls, which are none of `calls`.
    package var oneWay = 0
    /// Those of them that did not run, be it because they were not sent.
    package var oneWayUnsent = 0
    package var oneWayLost = 0
    /// Objects that were made to be handed out, and those that went with a process that was killed.
    package var objects = 0
    package var objectsKilled = 0
    package var seconds = 0.0
    /// How often each kind of fault happened.
    package var faults: [String: Int] = [:]
    /// Calls that ended with an error, by its kind and whether they were executed.
    package var errors: [String: Int] = [:]
    /// How often each promise was broken.
    package var breaches: [String: Int]
    /// The first of them, for people.
    package var examples: [String] = []

    private static let exampleMax = 20

    package init() {
        // Order-free: each promise by itself.
        self.breaches = Dictionary(
            uniqueKeysWithValues: Breach.allCases.map { ($0.rawValue, 0) })
    }

    package var rate: Double { Double(self.calls) / max(self.seconds, 1e-9) }
    package var isGood: Bool { self.breaches.values.allSatisfy { $0 == 0 } }

    package func count(_ breach: Breach) -> Int { self.breaches[breach.rawValue] ?? 0 }

    mutating func note(_ breach: Breach, _ text: @autoclosure () -> String) {
        self.breaches[breach.rawValue, default: 0] += 1
        if self.examples.count < Self.exampleMax {
            self.examples.append("\(breach.rawValue): \(text())")
        }
    }

    /// A line for each figure.
    package var table: [String] {
        func row(_ name: String, _ value: String) -> String {
            let gap = String(repeating: " ", count: max(1, 40 - name.count))
            let indent = String(repeating: " ", count: max(1, 12 - value.count))
            return name + gap + indent + value
        }
        var lines = [
            row("calls", "\(self.calls)"),
            row("calls a second", "\(Int(self.rate))"),
            row("answered", "\(self.answered)"),
            row("of clients that were killed", "\(self.abandoned)"),
            row("one-way calls", "\(self.oneWay)"),
            row("one-way: not sent", "\(self.oneWayUnsent)"),
            row("one-way: lost with a link, or counted", "\(self.oneWayLost)"),
            row("objects handed out", "\(self.objects)"),
            row("objects: gone with their process", "\(self.objectsKilled)"),
        ]
        lines += self.errors.sorted { $0.key < $1.key }.map {
            row("failed: \($0.key)", "\($0.value)")
        }
        lines += self.faults.sorted { $0.key < $1.key }.map {
            row("fault: \($0.key)", "\($0.value)")
        }
        lines += [
            row("wrong", "\(self.count(.wrong))"),
            row("lost", "\(self.count(.lost))"),
            row("doubled", "\(self.count(.doubled))"),
            row("out of order", "\(self.count(.outOfOrder))"),
            row("maybe without an end", "\(self.count(.maybe))"),
            row("ended without a fault", "\(self.count(.ended))"),
            row("gone too early", "\(self.count(.early))"),
            row("kept for nobody", "\(self.count(.leaked))"),
        ]
        return lines
    }
}
