// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation

/// Runs `body` on a thread of its own, outside of any task.
@discardableResult
func onThread<Result: Sendable>(
    _ body: @escaping @Sendable () throws -> Result
) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        Thread { continuation.resume(with: Swift.Result { try body() }) }.start()
    }
}

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
