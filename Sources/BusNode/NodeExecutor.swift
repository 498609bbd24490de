// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusZeroMQ
import DequeModule
import Synchronization

/// Runs handlers: jobs are queued here and run by the thread that leads the loop (rules R17).
///
/// The leader runs them between two looks at the socket, which spares a wake-up per call. A job
/// that hogs its thread is left behind: see `Crew`.
package final class NodeExecutor: TaskExecutor, @unchecked Sendable {
    private struct State {
        var jobs: Deque<UnownedJob> = []
        var isStopped = false
    }

    private let state = Locked(State())
    /// As many as there are jobs; changed under the lock only.
    private let queued = Atomic<Int>(0)
    /// Set once, before the first job. Never behind a generic lock: each access there would wrap
    /// the closure once more (Swift 6.3.1), until a call of it takes longer than all the rest.
    private var wake: (@Sendable () -> Void)?

    package init() {}

    /// Called after each `enqueue`, on the enqueuing thread. Set it once, before the first job.
    package func setWake(_ wake: @escaping @Sendable () -> Void) {
        self.wake = wake
    }

    /// Whether a job waits.
    package var hasJobs: Bool { self.queued.load(ordering: .sequentiallyConsistent) > 0 }

    /// Wakes whoever runs the jobs.
    func ring() { self.wake?() }

    /// No thread will lead any more: what is left, and what comes, runs on Swift's own threads, so
    /// that every handler can end.
    package func stop() {
        let left = self.state.withLock { state in
            state.isStopped = true
            defer { state.jobs = [] }
            self.queued.store(0, ordering: .sequentiallyConsistent)
            return state.jobs
        }
        for job in left { globalConcurrentExecutor.enqueue(ExecutorJob(job)) }
    }

    package func enqueue(_ job: UnownedJob) {
        let isTaken = self.state.withLock { state in
            guard !state.isStopped else { return false }
            state.jobs.append(job)
            self.queued.store(state.jobs.count, ordering: .sequentiallyConsistent)
            return true
        }
        if isTaken { self.wake?() } else { globalConcurrentExecutor.enqueue(ExecutorJob(job)) }
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        self.enqueue(UnownedJob(job))
    }

    /// Runs the oldest job on this thread. False if there is none.
    package func runOne() -> Bool {
        guard self.hasJobs else { return false }
        let next = self.state.withLock { state in
            defer { self.queued.store(state.jobs.count, ordering: .sequentiallyConsistent) }
            return state.jobs.popFirst()
        }
        guard let next else { return false }
        next.runSynchronously(on: self.asUnownedTaskExecutor())
        return true
    }
}
