// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusNodeCore
import Synchronization

/// A list of effects that has its memory already, lent to one step at a time.
final class SpareEffects: @unchecked Sendable {
    /// A list that once was longer gives its memory back.
    private static let capacityMax = 256

    /// Whoever has set `isLent` has it.
    private var list: [NodeEffect] = []
    private let isLent = Atomic<Bool>(false)

    /// Puts the list into `effects`, which is empty, and returns itself; nil if somebody has it.
    func lend(_ effects: inout [NodeEffect]) -> SpareEffects? {
        guard !self.isLent.exchange(true, ordering: .acquiring) else { return nil }
        swap(&effects, &self.list)
        return self
    }

    func takeBack(_ effects: inout [NodeEffect]) {
        effects.removeAll(keepingCapacity: effects.capacity <= Self.capacityMax)
        swap(&effects, &self.list)
        self.isLent.store(false, ordering: .releasing)
    }
}
