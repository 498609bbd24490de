// Part of objbus. SPDX-License-Identifier: Apache-2.0

internal import CZeroMQ
internal import Glibc

/// Tells the threads that run a node's loop from all others: nothing may block them.
package enum LoopThread {
    private static let key: pthread_key_t? = {
        var key = pthread_key_t()
        return unsafe pthread_key_create(&key, nil) == 0 ? key : nil
    }()

    /// Makes the calling thread one of a loop until it ends.
    package static func mark() {
        guard let key = self.key else { return }
        _ = unsafe pthread_setspecific(key, UnsafeRawPointer(bitPattern: 1))
    }

    /// Whether the calling thread is one of a loop.
    package static var isCurrent: Bool {
        guard let key = self.key else { return false }
        return unsafe pthread_getspecific(key) != nil
    }
}
