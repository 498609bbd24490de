// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation

/// What handlers of several threads note.
final class Notes<Note: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var notes: [Note] = []

    func add(_ note: Note) {
        self.lock.withLock { self.notes.append(note) }
    }

    var all: [Note] { self.lock.withLock { self.notes } }
}

/// The present thread's own number.
func threadNumber() -> UInt { UInt(pthread_self()) }
