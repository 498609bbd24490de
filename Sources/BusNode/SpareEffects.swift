// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusNodeCore
import BusZeroMQ
import Synchronization

/// A list of effects that has its memory already, lent to one step at a time.
final class SpareEffects: Sendable {
    /// A list that once was longer gives its memory back.
    private static let capacityMax = 256

    /// Whoever has set `isLent` has it.
    private let list = OwnMemory<[NodeEffect]>([])
    private let isLent = Atomic<Bool>(false)

    /// Puts the list into `effects`, which is empty, and returns itself; nil if somebody has it.
    func lend(_ effects: inout [NodeEffect]) -> SpareEffects? {
        guard !self.isLent.exchange(true, ordering: .acquiring) else { return nil }
        self.list.withValue { swap(&effects, &$0) }
        return self
    }

    func takeBack(_ effects: inout [NodeEffect]) {
        effects.removeAll(keepingCapacity: effects.capacity <= Self.capacityMax)
        self.list.withValue { swap(&effects, &$0) }
        self.isLent.store(false, ordering: .releasing)
    }
}
