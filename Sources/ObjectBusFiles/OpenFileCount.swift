// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Synchronization

/// How many files a server has open; may be used from any thread.
final class OpenFileCount: Sendable {
    private let count = Atomic(0)
    private let countMax: Int

    init(max countMax: Int) { self.countMax = countMax }

    /// One open file; counted until the last mention of it is gone.
    final class Place: Sendable {
        private let owner: OpenFileCount

        fileprivate init(_ owner: OpenFileCount) { self.owner = owner }

        deinit { self.owner.count.subtract(1, ordering: .relaxed) }
    }

    /// Room for one more; nil if there is none.
    func take() -> Place? {
        let place = Place(self)
        let count = self.count.add(1, ordering: .relaxed).newValue
        return count <= self.countMax ? place : nil
    }
}
