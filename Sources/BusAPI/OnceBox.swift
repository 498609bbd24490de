// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusZeroMQ

/// A place for a result that one closure leaves for another.
final class OnceBox<Content: Sendable>: Sendable {
    private let content = Locked<Content?>(nil)

    func set(_ content: Content) {
        self.content.withLock { $0 = content }
    }

    func get() -> Content? { self.content.withLock { $0 } }
}
