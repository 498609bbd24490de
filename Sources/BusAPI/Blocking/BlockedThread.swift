// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/decisions/0006-blocking.md; rules R18.

import BusWire
import BusZeroMQ
import DequeModule

/// A thread that waits for the bus, and works meanwhile for what it waits for.
///
/// It is the executor of the task that it waits for, so that a call and its reply cost no other
/// thread; and it runs incoming calls of its own chain. Work that comes when it does not wait is
/// left to the pool. One per thread and outermost call; nested waits share it.
final class BlockedThread: TaskExecutor, @unchecked Sendable {
    /// Waits inside one another on one thread, so that a chain can't overflow its stack; the next
    /// call goes to a thread of the pool.
    static let nestingMax = 64

    private let pool: BlockingPool
    private let lock = Lock()
    private let condition = Condition()
    /// Guarded by the lock, as the next three are.
    private var jobs: Deque<UnownedJob> = []
    private var runs: Deque<HandlerRun> = []
    private var takesWork = false
    private var depth = 0

    init(_ pool: BlockingPool) {
        self.pool = pool
    }

    /// Runs `body` as a task and returns when it has ended. On the thread itself only.
    ///
    /// - Parameter run: the handler in which the thread waits; its cancellation cancels the task.
    func wait<Success: Sendable>(
        in run: HandlerRun?, for body: @escaping @Sendable () async throws -> Success
    ) throws -> Success {
        let outcome = Locked<Result<Success, any Error>?>(nil)
        self.lock.withLock {
            self.depth += 1
            self.takesWork = true
        }
        let task = Task.immediate(executorPreference: self) {
            let result: Result<Success, any Error>
            do {
                result = .success(try await body())
            } catch {
                result = .failure(error)
            }
            outcome.withLock { $0 = result }
            self.wake()
        }
        run?.awaits(task)
        self.work { outcome.withLock { $0 != nil } }
        run?.awaits(nil)
        guard let result = outcome.withLock({ $0 }) else {
            preconditionFailure("the thread stopped waiting before its task had ended")
        }
        return try result.get()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let isTaken = self.lock.withLock {
            guard self.takesWork else { return false }
            self.jobs.append(job)
            self.condition.signal()
            return true
        }
        if !isTaken { self.leave(job) }
    }

    /// Gives the thread a call to run. False if it does not wait, or has one already.
    func offer(_ run: HandlerRun) -> Bool {
        self.lock.withLock {
            guard self.takesWork, self.runs.isEmpty, self.depth < Self.nestingMax else {
                return false
            }
            self.runs.append(run)
            self.condition.signal()
            return true
        }
    }

    private func wake() {
        self.lock.withLock { self.condition.signal() }
    }

    /// Works until `isDone`; then leaves what is left to the pool.
    private func work(until isDone: () -> Bool) {
        self.lock.lock()
        while true {
            if isDone() { break }
            if let job = self.jobs.popFirst() {
                self.lock.unlock()
                job.runSynchronously(on: self.asUnownedTaskExecutor())
                self.lock.lock()
            } else if let run = self.runs.popFirst() {
                self.takesWork = false
                self.lock.unlock()
                run.execute(on: self)
                self.lock.lock()
                self.takesWork = true
            } else {
                self.condition.wait(on: self.lock)
            }
        }
        self.takesWork = false
        self.depth -= 1
        let (jobs, runs) = (self.jobs, self.runs)
        (self.jobs, self.runs) = ([], [])
        self.lock.unlock()
        for job in jobs { self.leave(job) }
        for run in runs { self.leave(run) }
    }

    private func leave(_ run: HandlerRun) {
        if !self.pool.submit({ run.execute(on: nil) }) { run.refuse() }
    }

    private func leave(_ job: UnownedJob) {
        let isTaken = self.pool.submit { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
        // Out of threads: a task must not be lost, whatever thread this is.
        if !isTaken { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

/// Which threads of a bus wait in which chains (rules R18).
final class ChainTable: Sendable {
    private let threads = Locked<[ChainID: [BlockedThread]]>([:])

    /// `thread` waits for calls of `chain`; as many `remove`s must follow as there were `add`s.
    func add(_ thread: BlockedThread, to chain: ChainID) {
        self.threads.withLock { $0[chain, default: []].append(thread) }
    }

    func remove(_ thread: BlockedThread, from chain: ChainID) {
        self.threads.withLock { threads in
            guard let index = threads[chain]?.lastIndex(where: { $0 === thread }) else { return }
            threads[chain]?.remove(at: index)
            if threads[chain]?.isEmpty ?? false { threads[chain] = nil }
        }
    }

    /// Gives `run` to the thread that began to wait in `chain` last and can take it. False if
    /// there is none.
    func offer(_ run: HandlerRun, of chain: ChainID) -> Bool {
        let waiting = self.threads.withLock { $0[chain] } ?? []
        return waiting.reversed().contains { $0.offer(run) }
    }
}

/// What a bus keeps for threads that block.
final class BlockingSide: Sendable {
    let pool = BlockingPool()
    let chains = ChainTable()
}
