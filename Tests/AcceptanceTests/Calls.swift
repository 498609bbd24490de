// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Counts calls that were answered.
final class Calls: Sendable {
    private let answered = Atomic<Int>(0)
    private let ends = Atomic<Bool>(false)

    var number: Int { self.answered.load(ordering: .sequentiallyConsistent) }
    var isOver: Bool { self.ends.load(ordering: .sequentiallyConsistent) }

    func count() { self.answered.add(1, ordering: .sequentiallyConsistent) }
    func end() { self.ends.store(true, ordering: .sequentiallyConsistent) }

    /// Returns when so many more calls were answered.
    func grow(by amount: Int) async {
        let goal = self.number + amount
        while self.number < goal { await Task.yield() }
    }
}
