// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusZeroMQ
import Foundation
import Testing

@Suite(.timeLimit(.minutes(1))) struct SystemTests {
    @Test func `a lock lets one thread in at a time`() throws {
        let count = Locked(0)
        let threads = try (0..<4).map { number in
            try SystemThread.start(name: "counter \(number)") {
                for _ in 0..<10_000 { count.withLock { $0 += 1 } }
            }
        }
        for thread in threads { thread.join() }
        #expect(count.withLock { $0 } == 40_000)
    }

    @Test func `libzmq's threads do not push aside the threads that wake them`() throws {
        let context = try Context()
        let socket = try Socket(.dealer, in: context, options: SocketOptions())
        let end = MonotonicClock.now() + patience
        var policies: [Int32] = []
        // A thread has its policy before its name.
        while policies.isEmpty, MonotonicClock.now() < end {
            policies = try Self.threads(named: "ZMQbg/IO").map { sched_getscheduler($0) }
                .filter { $0 >= 0 }
        }
        let (ordinary, batch) = (Int32(0), Int32(3))
        let expected = sched_getscheduler(0) == ordinary ? batch : sched_getscheduler(0)
        #expect(!policies.isEmpty && policies.allSatisfy { $0 == expected }, "\(policies)")
        try socket.connect(Transport.inproc.endpoint)
    }

    /// Threads of this process whose names begin so; others may end meanwhile.
    private static func threads(named name: String) throws -> [pid_t] {
        let folder = "/proc/self/task"
        return try FileManager.default.contentsOfDirectory(atPath: folder).filter { thread in
            let its = try? String(contentsOfFile: "\(folder)/\(thread)/comm", encoding: .utf8)
            return its?.hasPrefix(name) ?? false
        }.compactMap { pid_t($0) }
    }

    @Test func `a closed lock cannot be closed again by another thread`() throws {
        let lock = Lock()
        let closed = Locked<[Bool]>([])
        lock.lock()
        try SystemThread.start(name: "try") { closed.withLock { $0.append(lock.tryLock()) } }.join()
        lock.unlock()
        #expect(lock.tryLock())
        lock.unlock()
        #expect(closed.withLock { $0 } == [false])
    }

    @Test func `a lock is opened again after an error`() {
        let lock = Lock()
        #expect(throws: TimedOut.self) { try lock.withLock { throw TimedOut() } }
        #expect(lock.tryLock())
        lock.unlock()
    }

    @Test func `a condition's wait ends at its deadline`() {
        let (lock, condition) = (Lock(), Condition())
        let deadline = MonotonicClock.now() + 2_000_000
        let signalled = lock.withLock {
            var signalled = true
            while signalled { signalled = condition.wait(on: lock, until: deadline) }
            return signalled
        }
        #expect(!signalled)
        #expect(MonotonicClock.now() >= deadline)
    }

    @Test func `a signal ends a condition's wait`() throws {
        let (lock, condition) = (Lock(), Condition())
        let flag = Locked(false)
        lock.lock()
        let thread = try SystemThread.start(name: "signal") {
            lock.withLock {
                flag.withLock { $0 = true }
                condition.signal()
            }
        }
        while !flag.withLock({ $0 }) { condition.wait(on: lock) }
        lock.unlock()
        thread.join()
    }

    @Test func `a thread has its name, cut at 15 bytes`() throws {
        let name = Locked("")
        let thread = try SystemThread.start(name: "objbus broker loop") {
            let text = try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)
            name.withLock { $0 = text ?? "none" }
        }
        #expect(!thread.isCurrent)
        thread.join()
        #expect(name.withLock { $0 } == "objbus broker l\n")
    }

    @Test func `signals to the process pass a thread by`() throws {
        let blocked = Locked("")
        try SystemThread.start(name: "signals") {
            let status = try? String(contentsOfFile: "/proc/thread-self/status", encoding: .utf8)
            let line = status?.split(separator: "\n").first { $0.hasPrefix("SigBlk") }
            blocked.withLock { $0 = String(line?.split(separator: "\t").last ?? "") }
        }.join()
        let mask = UInt64(blocked.withLock { $0 }, radix: 16) ?? 0
        #expect(mask & (1 << UInt64(SIGTERM - 1)) != 0)
        #expect(mask & (1 << UInt64(SIGSEGV - 1)) == 0)
    }

    @Test(arguments: [
        "tcp://127.0.0.1:1", "ipc://", "ipc://*", "ipc://@abstract", "ipc:///nothing",
    ])
    func `nobody listens where there is no path`(endpoint: String) {
        #expect(!UnixSocket.isListening(endpoint: endpoint))
    }
}
