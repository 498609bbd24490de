// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusZeroMQ
import DequeModule
import Synchronization

/// Runs handlers: jobs are queued here and run by the thread that leads the loop (rules R17).
///
/// The leader runs them between two looks at the socket, which spares a wake-up per call. A job
/// that hogs its thread is left behind: see `Crew`.
package final class NodeExecutor: TaskExecutor {
    private let jobs = Locked<Deque<UnownedJob>>([])
    private let queued = Atomic<Int>(0)
    private let onEnqueue = Locked<(@Sendable () -> Void)?>(nil)
    private let isStopped = Atomic<Bool>(false)

    package init() {}

    /// Called after each `enqueue`, on the enqueuing thread.
    package func setWake(_ wake: (@Sendable () -> Void)?) {
        self.onEnqueue.withLock { $0 = wake }
    }

    /// Whether a job waits.
    package var hasJobs: Bool { self.queued.load(ordering: .acquiring) > 0 }

    /// No thread will lead any more: what is left, and what comes, runs on Swift's own threads, so
    /// that every handler can end.
    package func stop() {
        self.isStopped.store(true, ordering: .sequentiallyConsistent)
        let left = self.jobs.withLock { jobs in
            defer { jobs = [] }
            return jobs
        }
        self.queued.subtract(left.count, ordering: .acquiringAndReleasing)
        for job in left { globalConcurrentExecutor.enqueue(ExecutorJob(job)) }
    }

    package func enqueue(_ job: UnownedJob) {
        if self.isStopped.load(ordering: .sequentiallyConsistent) {
            globalConcurrentExecutor.enqueue(ExecutorJob(job))
            return
        }
        self.jobs.withLock { $0.append(job) }
        self.queued.add(1, ordering: .acquiringAndReleasing)
        self.onEnqueue.withLock { $0 }?()
        // Whoever stopped meanwhile may have looked before this job was there.
        if self.isStopped.load(ordering: .sequentiallyConsistent) { self.stop() }
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        self.enqueue(UnownedJob(job))
    }

    /// Runs the oldest job on this thread. False if there is none.
    package func runOne() -> Bool {
        guard self.hasJobs, let job = self.jobs.withLock({ $0.popFirst() }) else { return false }
        self.queued.subtract(1, ordering: .acquiringAndReleasing)
        job.runSynchronously(on: self.asUnownedTaskExecutor())
        return true
    }
}
