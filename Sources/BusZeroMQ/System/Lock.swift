// Part of objbus. SPDX-License-Identifier: Apache-2.0

internal import CZeroMQ
internal import Glibc

/// A mutual exclusion lock, not recursive.
///
/// A pthread one, because the thread sanitizer understands it; it reports a contended
/// `Synchronization.Mutex` falsely (Swift 6.3.1). No code of a user may run under a lock.
@safe public final class Lock: Sendable {
    /// Never moves, so that `Condition` may wait on it.
    nonisolated(unsafe) let mutex: UnsafeMutablePointer<pthread_mutex_t>

    /// An open lock.
    public init() {
        unsafe self.mutex = .allocate(capacity: 1)
        unsafe self.mutex.initialize(to: pthread_mutex_t())
        let result = unsafe pthread_mutex_init(self.mutex, nil)
        precondition(result == 0, "no mutex: error \(result)")
    }

    deinit {
        _ = unsafe pthread_mutex_destroy(self.mutex)
        unsafe self.mutex.deallocate()
    }

    /// Waits until the lock is open and closes it.
    public func lock() {
        let result = unsafe pthread_mutex_lock(self.mutex)
        assert(result == 0, "locking failed: error \(result)")
    }

    /// Closes the lock if it is open.
    ///
    /// - Returns: Whether this call closed it.
    package func tryLock() -> Bool {
        unsafe pthread_mutex_trylock(self.mutex) == 0
    }

    /// Opens the lock; only the thread that closed it may.
    public func unlock() {
        let result = unsafe pthread_mutex_unlock(self.mutex)
        assert(result == 0, "unlocking failed: error \(result)")
    }

    /// Runs `body` with the lock closed.
    @inlinable public func withLock<R: ~Copyable, E: Error>(
        _ body: () throws(E) -> R
    ) throws(E) -> R {
        self.lock()
        defer { self.unlock() }
        return try body()
    }
}

/// A value that is reached only with its lock closed.
///
/// Public, as its lock is, so that other modules can specialise it: `@inlinable` does nothing for
/// `package` (Swift 6.3.1).
public final class Locked<Value: ~Copyable>: @unchecked Sendable {
    @usableFromInline let lock: Lock
    @usableFromInline let value: OwnMemory<Value>

    /// Takes the value over.
    @inlinable public init(_ value: consuming sending Value) {
        self.lock = Lock()
        self.value = OwnMemory(value)
    }

    /// Runs `body` on the value; nobody else reaches it meanwhile.
    @inlinable public func withLock<R: ~Copyable, E: Error>(
        _ body: (inout Value) throws(E) -> R
    ) throws(E) -> R {
        self.lock.lock()
        defer { self.lock.unlock() }
        return try self.value.withValue(body)
    }
}
