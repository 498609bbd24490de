// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusWire
import BusZeroMQ
import DequeModule

/// Threads for handlers that may block: made when there is work, gone when there is none.
///
/// Not Swift's pool: that has a thread per core, and a few handlers that wait would use it up.
final class BlockingPool: @unchecked Sendable {
    /// Threads at most. More would only be needed by as many handlers that block at one time
    /// outside of the bus.
    static let threadsMax = 64
    /// How long a thread waits for work before it ends: 10 s, in nanoseconds.
    static let idleTime: UInt64 = 10_000_000_000

    typealias Job = @Sendable () -> Void

    private let lock = Lock()
    private let condition = Condition()
    /// Guarded by the lock, as the next three are.
    private var jobs: Deque<Job> = []
    private var threads = 0
    private var idle = 0
    private var isStopped = false

    /// Runs `job` on a thread as soon as one is free.
    ///
    /// - Returns: false if there is no thread and none can be made; the job will not run.
    func submit(_ job: @escaping Job) -> Bool {
        self.lock.withLock {
            self.jobs.append(job)
            if self.idle >= self.jobs.count {
                self.condition.signal()
                return true
            }
            if self.threads < Self.threadsMax, self.addThread() { return true }
            if self.threads > 0 { return true }
            self.jobs.removeLast()
            return false
        }
    }

    /// Lets idle threads end at once, from now on; jobs still run.
    func stop() {
        self.lock.withLock {
            self.isStopped = true
            self.condition.broadcast()
        }
    }

    /// Call with the lock closed.
    private func addThread() -> Bool {
        guard let thread = try? SystemThread.start(name: "objbus-blocking", { self.work() })
        else { return false }
        thread.detach()
        self.threads += 1
        return true
    }

    private func work() {
        while let job = self.next() { job() }
    }

    /// The next job; nil if this thread should end.
    private func next() -> Job? {
        self.lock.withLock {
            let end = MonotonicClock.now() + Self.idleTime
            while self.jobs.isEmpty {
                guard !self.isStopped, MonotonicClock.now() < end else {
                    self.threads -= 1
                    return nil
                }
                self.idle += 1
                self.condition.wait(on: self.lock, until: end)
                self.idle -= 1
            }
            return self.jobs.popFirst()
        }
    }
}
