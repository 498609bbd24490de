// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock; all randomness comes from the seed.

import BusKernel

/// What goes wrong, and when: the same for the same seed.
package struct ChaosPlan: Hashable, Sendable {
    /// One thing that is to go wrong.
    package struct Step: Hashable, Sendable {
        package var kind: ChaosFault.Kind
        package var slot: ChaosSlot
        /// Milliseconds from the beginning.
        package var at: Int
        /// How long a process stands still or is cut off, or until a killed one has a successor, in
        /// milliseconds.
        package var length: Int
    }

    package private(set) var steps: [Step] = []

    /// How often each thing goes wrong, compared with the others.
    private static let weights: [(kind: ChaosFault.Kind, role: String, weight: Int)] = [
        (.kill, "broker", 3), (.kill, "worker", 6), (.kill, "client", 2),
        (.stop, "broker", 2), (.stop, "worker", 6), (.stop, "client", 3),
        (.cut, "worker", 6), (.cut, "client", 4), (.flood, "worker", 3), (.turn, "broker", 1),
    ]

    /// Between two things that happen to the same process, in milliseconds: it is back by then.
    private static let pause = 1_000
    /// Faults drawn until one fits.
    private static let attempts = 100

    /// Plans one fault every `interval` milliseconds.
    ///
    /// - Parameter cutMax: milliseconds that a process is cut off at most; 0 if it can connect anew
    ///   at once.
    package init(
        seed: UInt64, milliseconds: Int, interval: Int, cutMax: Int, _ layout: ChaosLayout
    ) {
        var random = RandomSource(seed: seed)
        var free: [ChaosSlot: Int] = [:]
        let slots = layout.slots
        for at in stride(from: interval, to: milliseconds, by: interval) {
            // With short intervals it may be that everybody is in trouble already.
            for _ in 0..<Self.attempts {
                guard let step = Self.draw(at, cutMax, slots, using: &random) else { continue }
                let concerned = step.kind == .turn ? slots : [step.slot]
                guard concerned.allSatisfy({ (free[$0] ?? 0) <= at }) else { continue }
                for (place, slot) in concerned.enumerated() {
                    free[slot] = at + step.length * (place + 1) + Self.pause
                }
                self.steps.append(step)
                break
            }
        }
    }

    private static func draw(
        _ at: Int, _ cutMax: Int, _ slots: [ChaosSlot], using random: inout RandomSource
    ) -> Step? {
        let sum = Self.weights.reduce(0) { $0 + $1.weight }
        var rest = Int(random.below(UInt64(sum)))
        for (kind, role, weight) in self.weights {
            guard rest >= weight else {
                let fitting = slots.filter { $0.role == role }
                let slot = fitting[Int(random.below(UInt64(fitting.count)))]
                let length = self.length(of: kind, slot, cutMax, using: &random)
                return Step(kind: kind, slot: slot, at: at, length: length)
            }
            rest -= weight
        }
        return nil
    }

    /// Half of what stands still does so for less than a silence, some for longer than silence and
    /// resume window (limits.md §2).
    private static func length(
        of kind: ChaosFault.Kind, _ slot: ChaosSlot, _ cutMax: Int,
        using random: inout RandomSource
    ) -> Int {
        switch kind {
        case .kill: Int(random.below(800))
        case .stop where slot == .broker: 200 + Int(random.below(3_800))
        case .stop: 200 + Int(random.below(6_000))
        case .flood: 1_000 + Int(random.below(2_000))
        case .turn: 50 + Int(random.below(100))
        case .cut: cutMax == 0 ? 0 : 200 + Int(random.below(UInt64(cutMax)))
        }
    }
}
