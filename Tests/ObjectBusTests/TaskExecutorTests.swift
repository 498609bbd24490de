// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import ObjectBus
import TestObjects
import Testing

/// Tasks of users on the threads of a bus.
@Suite(.timeLimit(.minutes(1))) struct TaskExecutorTests {
    private let bus: Bus
    private let counter: Counter
    private let proxy: Counter

    init() async throws {
        self.bus = try await Bus.embedded()
        self.counter = Counter(actorSystem: self.bus)
        try await self.bus.publish(self.counter, as: "counter")
        self.proxy = try await self.bus.attach(name: "client").find(Counter.self, named: "counter")
    }

    private var client: Bus { self.proxy.actorSystem }

    @Test func `a task goes on where its calls are answered`() async throws {
        let names = try await withTaskExecutorPreference(self.client.taskExecutor) {
            var names = [threadName()]
            for _ in 0..<100 {
                _ = try await self.proxy.add(1)
                names.append(threadName())
            }
            return names
        }
        #expect(names == Array(repeating: "objbus-node\n", count: 101))
        #expect(try await self.counter.add(0) == 100)
    }

    @Test func `a task that blocks its thread stops no other one and no handler`() async throws {
        let semaphore = DispatchSemaphore(value: 0)
        let executor = self.client.taskExecutor
        let began = AsyncStream<Void>.makeStream()
        let blocked = Task(executorPreference: executor) {
            began.continuation.finish()
            wait(for: semaphore)
        }
        for await _ in began.stream {}
        let here = Counter(actorSystem: self.client)
        try await self.client.publish(here, as: "here")
        let there = try await self.bus.find(Counter.self, named: "here")
        let calls = Task(executorPreference: executor) {
            for _ in 0..<50 { _ = try await self.proxy.add(1) }
        }
        for _ in 0..<50 { _ = try await there.add(1) }
        try await calls.value
        semaphore.signal()
        await blocked.value
        #expect(try await here.add(0) == 50)
    }

    @Test func `tasks go on when the bus is closed`() async throws {
        let executor = self.client.taskExecutor
        let gate = AsyncStream<Void>.makeStream()
        let began = AsyncStream<Void>.makeStream()
        let waiting = Task(executorPreference: executor) {
            began.continuation.finish()
            for await _ in gate.stream {}
            return 1
        }
        for await _ in began.stream {}
        self.client.close()
        gate.continuation.finish()
        let later = Task(executorPreference: executor) { 2 }
        #expect(await (waiting.value, later.value) == (1, 2))
    }
}

private func threadName() -> String? {
    try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)
}

/// For threads that may not be blocked, as those of tasks.
private func wait(for semaphore: DispatchSemaphore) { semaphore.wait() }
