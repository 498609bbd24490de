// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusNode
import BusZeroMQ
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(2))) struct CrewTests {
    @Test func `two jobs that hog stop nobody, also after a rest`() async throws {
        let office = try Office(patience: 1_000_000)
        for _ in 0..<20 {
            let gate = Gate()
            await office.run(count: 2, hogging: gate)
            await office.run {}
            gate.open()
            await office.waitUntilAtRest()
        }
        office.close()
        #expect(office.intrusions == 0)
    }

    @Test func `one job at a time is enough to be replaced, whenever it begins`() async throws {
        let office = try Office(patience: 20_000)
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            let gate = Gate()
            // About as long as it takes the followers to find that there is nothing to watch.
            office.idle(for: UInt64.random(in: 0..<200_000, using: &random))
            await office.run(count: 1, hogging: gate)
            await office.run {}
            gate.open()
        }
        office.close()
        #expect(office.intrusions == 0)
    }

    @Test func `a job that ends as the lead is taken leaves one leader`() async throws {
        let office = try Office(patience: 20_000)
        // Three seconds, unless a sanitizer takes part: then as many rounds as there is time for.
        let end = ContinuousClock.now + .seconds(40)
        for round in 0..<5_000 where ContinuousClock.now < end {
            // A tick lasts as long as the system lets a thread oversleep: some 50 us more.
            await office.run { Office.spin(for: 40_000 + UInt64(round % 250) * 1_000) }
        }
        office.close()
        #expect(office.intrusions == 0)
    }
}

/// Closed until it is opened for ever; blocks threads.
private final class Gate: Sendable {
    private let isOpen = Locked(false)
    private let lock = Lock()
    private let condition = Condition()

    func pass() {
        self.lock.withLock {
            while !self.isOpen.withLock({ $0 }) { self.condition.wait(on: self.lock) }
        }
    }

    func open() {
        self.isOpen.withLock { $0 = true }
        self.lock.withLock { self.condition.broadcast() }
    }
}

/// Jobs for a crew, taken by whoever leads.
private final class Office: @unchecked Sendable {
    private let crew: Crew
    private let lock = Lock()
    private let condition = Condition()
    /// Guarded by the lock, as the next one is.
    private var jobs: [@Sendable () -> Void] = []
    private var idlesUntil: UInt64 = 0
    /// Who leads outside of jobs, 0 for nobody.
    private let leader = Atomic<Int>(0)
    private let intrusionCount = Atomic<Int>(0)

    init(patience: UInt64) throws {
        self.crew = Crew(name: "objbus-test", patience: patience)
        try self.crew.start { [self] member in self.lead(member) }
    }

    /// How often two threads led at a time.
    var intrusions: Int { self.intrusionCount.load(ordering: .sequentiallyConsistent) }

    func close() { self.crew.stop() }

    func add(_ job: @escaping @Sendable () -> Void) {
        self.lock.withLock {
            self.jobs.append(job)
            self.condition.signal()
        }
    }

    /// Runs one job and returns when it has ended.
    func run(_ job: @escaping @Sendable () -> Void) async {
        await withCheckedContinuation { continuation in
            self.add {
                job()
                continuation.resume()
            }
        }
    }

    /// Starts jobs that wait for `gate`, and returns when all have begun.
    func run(count: Int, hogging gate: Gate) async {
        for _ in 0..<count {
            await withCheckedContinuation { continuation in
                self.add {
                    continuation.resume()
                    gate.pass()
                }
            }
        }
    }

    /// The leader takes no job for so long.
    func idle(for nanoseconds: UInt64) {
        self.lock.withLock { self.idlesUntil = MonotonicClock.now() + nanoseconds }
    }

    func waitUntilAtRest() async {
        while !self.crew.isAtRest { await Task.yield() }
    }

    static func spin(for nanoseconds: UInt64) {
        let end = MonotonicClock.now() + nanoseconds
        while MonotonicClock.now() < end {}
    }

    private func lead(_ member: Int) {
        if !self.leader.compareExchange(
            expected: 0, desired: member, ordering: .sequentiallyConsistent
        ).exchanged {
            self.intrusionCount.add(1, ordering: .sequentiallyConsistent)
        }
        let job = self.next()
        self.leader.store(0, ordering: .sequentiallyConsistent)
        guard let job else { return }
        _ = self.crew.watched {
            job()
            return true
        }
    }

    /// The next job, if there is one within a millisecond.
    private func next() -> (@Sendable () -> Void)? {
        self.lock.withLock {
            let now = MonotonicClock.now()
            let end = max(now + 1_000_000, self.idlesUntil)
            while self.jobs.isEmpty || MonotonicClock.now() < self.idlesUntil {
                let until = self.idlesUntil > MonotonicClock.now() ? self.idlesUntil : end
                guard MonotonicClock.now() < end else { return nil }
                self.condition.wait(on: self.lock, until: until)
            }
            return self.jobs.removeFirst()
        }
    }
}
