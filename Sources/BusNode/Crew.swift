// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements rules: calls, R17.

package import BusZeroMQ
import Synchronization

/// Threads of which one leads: it alone receives, and it runs handlers.
///
///     follower --leader has hogged for a tick--> leader --its job returns--> follower
///
/// When a handler does not give its thread back, a follower takes the lead, so that heartbeats,
/// replies and other objects go on. Followers sleep while the bus is idle. The pattern is
/// leader/followers (Schmidt, O'Ryan, Pyarali, Kircher, Buschmann, 2000).
package final class Crew: @unchecked Sendable {
    /// How long a job may keep the lead, in nanoseconds.
    private let patience: UInt64
    /// Threads at most; the last one never runs handlers.
    static let threadsMax = 64

    private let lock = Lock()
    private let condition = Condition()
    private struct Sample: Equatable {
        var running: UInt64
        var begun: UInt64
    }

    /// Changed with the lock closed, as the next three are, and looked at without it.
    private let threads = Atomic<Int>(0)
    private let waiting = Atomic<Int>(0)
    private let isStopped = Atomic<Bool>(false)
    private var members = 0

    /// Which job the leader runs: a number that is never used again, 0 between jobs.
    private let running = Atomic<UInt64>(0)
    private let jobsBegun = Atomic<UInt64>(0)
    private let currentLeader = Atomic<Int>(0)
    /// Whether all followers sleep until somebody rouses them.
    private let isDozing = Atomic<Bool>(false)
    private let name: String

    /// - Parameters:
    ///   - name: of the threads.
    ///   - patience: how long a job may keep the lead, in nanoseconds; 5 ms.
    package init(name: String, patience: UInt64 = 5_000_000) {
        self.name = name
        self.patience = patience
    }

    /// Starts the first two threads. `lead` is one round of the leader's work.
    package func start(
        _ lead: @escaping @Sendable (_ member: Int) -> Void
    ) throws(ZeroMQError) {
        try self.lock.withLock { () throws(ZeroMQError) in
            self.currentLeader.store(1, ordering: .sequentiallyConsistent)
            try self.addMember(lead)
            try self.addMember(lead)
        }
    }

    /// Lets every thread end after its present job.
    package func stop() {
        self.lock.withLock {
            self.isStopped.store(true, ordering: .sequentiallyConsistent)
            self.condition.broadcast()
        }
    }

    /// Whether the calling member may go on receiving.
    package func isLeader(_ member: Int) -> Bool {
        self.currentLeader.load(ordering: .acquiring) == member
    }

    /// Whether a handler may be run: somebody must be left to take the lead.
    package var mayRunJobs: Bool {
        self.waiting.load(ordering: .sequentiallyConsistent) > 0
            || self.threads.load(ordering: .sequentiallyConsistent) < Self.threadsMax
    }

    /// Whether nobody watches, because no job has run for a while; for tests.
    package var isAtRest: Bool { self.isDozing.load(ordering: .sequentiallyConsistent) }

    /// Runs one job of the leader, watched by the followers.
    ///
    /// - Returns: whether there was a job.
    package func watched(_ job: () -> Bool) -> Bool {
        let number = self.jobsBegun.add(1, ordering: .relaxed).newValue
        // This store and the load, and in `doze` a store and a load the other way round, have one
        // order, so that one side sees the other: nobody dozes while a job runs.
        self.running.store(number, ordering: .sequentiallyConsistent)
        if self.isDozing.load(ordering: .sequentiallyConsistent) { self.rouse() }
        let ran = job()
        // Either this or the taking of the lead finds the number. Whoever took the lead has the
        // lock until all can see it.
        if !self.exchangeRunning(number) { self.lock.withLock {} }
        return ran
    }

    /// Ends the time of a job as the running one. False if it had ended.
    private func exchangeRunning(_ number: UInt64) -> Bool {
        self.running.compareExchange(
            expected: number, desired: 0, ordering: .acquiringAndReleasing
        ).exchanged
    }

    private func rouse() {
        self.lock.withLock {
            self.isDozing.store(false, ordering: .sequentiallyConsistent)
            self.condition.signal()
        }
    }

    /// Adds a thread; call with the lock closed.
    private func addMember(_ lead: @escaping @Sendable (Int) -> Void) throws(ZeroMQError) {
        self.members += 1
        let member = self.members
        let thread = try SystemThread.start(name: self.name) { [self] in
            self.work(member, lead)
        }
        thread.detach()
        self.threads.add(1, ordering: .sequentiallyConsistent)
    }

    private func work(_ member: Int, _ lead: @escaping @Sendable (Int) -> Void) {
        LoopThread.mark()
        while true {
            while self.isLeader(member) {
                let isLast = self.isStopped.load(ordering: .sequentiallyConsistent)
                lead(member)
                if isLast { break }
            }
            guard self.follow(member, lead) else { break }
        }
        self.lock.withLock {
            self.threads.subtract(1, ordering: .sequentiallyConsistent)
            self.condition.broadcast()
        }
    }

    /// Waits until this member leads. False if it should end.
    private func follow(_ member: Int, _ lead: @escaping @Sendable (Int) -> Void) -> Bool {
        self.lock.lock()
        defer { self.lock.unlock() }
        if self.waiting.load(ordering: .sequentiallyConsistent) >= 2 { return false }
        self.waiting.add(1, ordering: .sequentiallyConsistent)
        defer { self.waiting.subtract(1, ordering: .sequentiallyConsistent) }
        var seen = self.sample()
        while !self.isStopped.load(ordering: .sequentiallyConsistent) {
            if self.isLeader(member) { return true }
            if self.isDozing.load(ordering: .relaxed) {
                _ = self.condition.wait(on: self.lock)
                seen = self.sample()
                continue
            }
            _ = self.condition.wait(on: self.lock, until: MonotonicClock.now() + self.patience)
            let now = self.sample()
            if now != seen {
                seen = now
            } else if now.running == 0 {
                self.doze()
            } else if self.takeLead(member, from: now.running, lead) {
                return true
            }
        }
        return false
    }

    private func sample() -> Sample {
        Sample(
            running: self.running.load(ordering: .acquiring),
            begun: self.jobsBegun.load(ordering: .relaxed))
    }

    /// Nothing has run for a whole tick: lets the followers sleep until the leader runs a job.
    private func doze() {
        self.isDozing.store(true, ordering: .sequentiallyConsistent)
        if self.running.load(ordering: .sequentiallyConsistent) != 0 {
            self.isDozing.store(false, ordering: .sequentiallyConsistent)
        }
    }

    /// The leader hogs its thread with job `number`: this member leads, and a new one watches it.
    /// False if the job has just ended, and the leader stays. Call with the lock closed.
    private func takeLead(
        _ member: Int, from number: UInt64, _ lead: @escaping @Sendable (Int) -> Void
    ) -> Bool {
        guard self.exchangeRunning(number) else { return false }
        self.currentLeader.store(member, ordering: .releasing)
        if self.waiting.load(ordering: .sequentiallyConsistent) >= 2 {
            // The other one may sleep: only one was roused.
            self.condition.signal()
        } else if self.threads.load(ordering: .sequentiallyConsistent) < Self.threadsMax {
            try? self.addMember(lead)
        }
        return true
    }
}
