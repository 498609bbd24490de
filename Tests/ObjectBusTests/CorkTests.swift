// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ObjectBus
import Synchronization
import TestObjects
import Testing

/// Runs jobs where they come from, and keeps them while it is closed.
private final class Door: TaskExecutor {
    private let kept = Mutex<[UnownedJob]>([])
    private let isClosed = Atomic<Bool>(false)

    var count: Int { self.kept.withLock { $0.count } }

    func close() { self.isClosed.store(true, ordering: .sequentiallyConsistent) }

    func open() {
        self.isClosed.store(false, ordering: .sequentiallyConsistent)
        for job in self.kept.withLock({ exchange(&$0, []) }) { self.enqueue(job) }
    }

    func enqueue(_ job: consuming ExecutorJob) { self.enqueue(UnownedJob(job)) }

    func enqueue(_ job: UnownedJob) {
        guard self.isClosed.load(ordering: .sequentiallyConsistent) else {
            return job.runSynchronously(on: self.asUnownedTaskExecutor())
        }
        self.kept.withLock { $0.append(job) }
    }
}

private func exchange(_ jobs: inout [UnownedJob], _ others: [UnownedJob]) -> [UnownedJob] {
    defer { jobs = others }
    return jobs
}

/// Messages that wait for those of callers whose answers are there
/// (docs/decisions/0026-corking.md).
@Suite(.timeLimit(.minutes(1))) struct CorkTests {
    private let bus: Bus
    private let gate: Gate
    private let proxy: Gate

    init() async throws {
        self.bus = try await Bus.embedded()
        self.gate = Gate(actorSystem: self.bus)
        try await self.bus.publish(self.gate, as: "gate")
        self.proxy = try await self.bus.attach(name: "client").find(Gate.self, named: "gate")
    }

    /// If nobody looked for what waits, each call would take until something else is sent.
    @Test func `callers whose answers are there and who don't get to run hold nobody up for long`()
        async throws
    {
        let (door, proxy) = (Door(), self.proxy)
        let late = (1...3).map { number in
            Task(executorPreference: door) { try await proxy.pass(number) }
        }
        while try await self.gate.count() < 3 {}
        door.close()
        try await self.gate.open()
        while door.count < 3 { await Task.yield() }
        for number in 0..<600 { try await self.proxy.note(number) }
        #expect(try await self.gate.noted() == Array(0..<600))
        door.open()
        for (index, task) in late.enumerated() { #expect(try await task.value == index + 1) }
    }
}
