// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/decisions/0006-blocking.md; rules R18.

import BusWire
import BusZeroMQ
import DequeModule
import Synchronization

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
        let outcome = Outcome<Success>()
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
            outcome.reach(result)
            self.wake()
        }
        run?.awaits(task)
        self.work(until: outcome)
        run?.awaits(nil)
        return try outcome.result()
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

    /// Works until that is reached; then leaves what is left to the pool.
    private func work(until completion: Completion) {
        self.lock.lock()
        while !completion.isReached {
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

/// Whether something has come to its end; what makes a thread go on that waits.
private class Completion: @unchecked Sendable {
    private let flag = Atomic<Bool>(false)

    final var isReached: Bool { self.flag.load(ordering: .acquiring) }

    /// Wake whoever waits after it.
    final func reach() { self.flag.store(true, ordering: .releasing) }
}

/// How the task ended that a thread waits for. Not behind a lock: generic code that looks at it
/// each time costs more than all the rest of waiting.
private final class Outcome<Success: Sendable>: Completion, @unchecked Sendable {
    /// Written once, before the end is reached, and read after it.
    private var outcome: Result<Success, any Error>?

    func reach(_ outcome: Result<Success, any Error>) {
        self.outcome = outcome
        self.reach()
    }

    func result() throws -> Success {
        guard let outcome else {
            preconditionFailure("the thread stopped waiting before its task had ended")
        }
        return try outcome.get()
    }
}

/// Which threads of a bus wait in which chains (rules R18): few enough to be looked through.
final class ChainTable: Sendable {
    private struct Entry {
        let chain: ChainID
        let thread: BlockedThread
    }

    private let entries = Locked<[Entry]>([])

    /// `thread` waits for calls of `chain`; as many `remove`s must follow as there were `add`s.
    func add(_ thread: BlockedThread, to chain: ChainID) {
        self.entries.withLock { $0.append(Entry(chain: chain, thread: thread)) }
    }

    func remove(_ thread: BlockedThread, from chain: ChainID) {
        self.entries.withLock { entries in
            let index = entries.lastIndex { $0.thread === thread && $0.chain == chain }
            if let index { entries.remove(at: index) }
        }
    }

    /// Gives `run` to the thread that began to wait in `chain` last and can take it. False if
    /// there is none.
    func offer(_ run: HandlerRun, of chain: ChainID) -> Bool {
        let waiting = self.entries.withLock { entries in
            entries.reversed().filter { $0.chain == chain }
        }
        return waiting.contains { $0.thread.offer(run) }
    }
}

/// What a bus keeps for threads that block.
final class BlockingSide: Sendable {
    /// Kept for the next ones that wait.
    private static let sparesMax = 16

    let pool = BlockingPool()
    let chains = ChainTable()
    private let spares = Locked<[BlockedThread]>([])

    /// For one outermost wait, after which it is given back.
    func lend() -> BlockedThread {
        self.spares.withLock { $0.popLast() } ?? BlockedThread(self.pool)
    }

    func takeBack(_ thread: BlockedThread) {
        self.spares.withLock { if $0.count < Self.sparesMax { $0.append(thread) } }
    }
}
