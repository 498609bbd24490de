// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import ObjectBus
import TestObjects
import TestPrograms
import Testing

@Suite struct LaunchCases {
    private static let program = Program.products.appending(path: "TestWorker").path

    @Test func `M25 a worker is launched, called, and ended by its client`() async throws {
        try await Stage.run(.ipc) { stage in
            let worker = try stage.client.launch(Self.program, ["gate", "launched"])
            try await worker.waitUntilPublished("launched", on: stage.client)
            let gate = try await stage.client.find(Gate.self, named: "launched")
            #expect(try await gate.count() == 0)
            #expect(worker.isRunning && worker.exitStatus == nil)
            let status = await worker.terminate()
            #expect(status == 0 || status == -SIGTERM)
            #expect(!worker.isRunning && worker.exitStatus == status)
            try await stage.awaitWithdrawal(of: "launched")
        }
    }

    @Test func `M25 a worker is gone when its client is killed`() async throws {
        try await Stage.run(.ipc) { stage in
            let client = try Program(
                "TestWorker", ["launch", "orphan"], environment: ["OBJBUS_URL": stage.url])
            let line = try await client.line { Int32($0) != nil }
            let worker = try #require(Int32(line))
            #expect(kill(worker, 0) == 0)
            client.kill()
            try await stage.awaitWithdrawal(of: "orphan")
            let clock = ContinuousClock()
            let end = clock.now + .seconds(20)
            while isAlive(worker), clock.now < end { await Task.yield() }
            #expect(!isAlive(worker))
        }
    }

    @Test func `M25 a worker that fails shows what it wrote`() async throws {
        try await Stage.run(.ipc) { stage in
            let worker = try stage.client.launch(Self.program, ["fail", "no counter in stock"])
            let error = await #expect(throws: BusError.self) {
                try await worker.waitUntilPublished("never", on: stage.client)
            }
            #expect(error?.kind == .disconnected)
            #expect(error?.message.contains("status 3") == true)
            #expect(error?.message.contains("no counter in stock") == true)
            let missing = #expect(throws: BusError.self) {
                try stage.client.launch("no-such-program-anywhere")
            }
            #expect(missing?.kind == .notFound)
        }
    }

    @Test func `M25 a worker that does not end is killed`() async throws {
        try await Stage.run(.ipc) { stage in
            let script = "trap '' TERM; echo on >&2; exec tail -f /dev/null"
            let worker = try stage.client.launch("sh", ["-c", script])
            while worker.lastWords.isEmpty { await Task.yield() }
            #expect(await worker.terminate(grace: .milliseconds(200)) == -SIGKILL)
        }
    }

    @Test func `M26 three workers count at one time`() async throws {
        try await Stage.run(.ipc) { stage in
            let names = ["count/1", "count/2", "count/3"]
            let workers = try names.map {
                try stage.client.launch(Self.program, ["gate", $0])
            }
            var gates: [Gate] = []
            for (worker, name) in zip(workers, names) {
                try await worker.waitUntilPublished(name, on: stage.client)
                gates.append(try await stage.client.find(Gate.self, named: name))
            }
            let gathered = try await withThrowingTaskGroup { group in
                for (number, gate) in gates.enumerated() {
                    group.addTask { try await gate.pass(number) }
                }
                // The time of one, not of three: all three are inside before any of them may go on.
                for gate in gates {
                    while try await gate.count() < 1 { await Task.yield() }
                }
                for gate in gates { try await gate.open() }
                return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
            }
            #expect(gathered == [0, 1, 2])
            for worker in workers { await worker.terminate() }
        }
    }

    @Test(arguments: [World.ipc, .tcp])
    func `N6 two blocking processes call each other fifty deep`(world: World) async throws {
        try await Stage.run(world) { stage in
            let worker = try stage.client.launch(Self.program, ["bouncer", "bouncer/blocking"])
            try await worker.waitUntilPublished("bouncer/blocking", on: stage.client)
            let count = try await onOwnThread { () throws -> Int in
                let blocking = BlockingBus(stage.client)
                let mine = blocking.makeObject { call in
                    let (depth, other) = try call.arguments(as: Int.self, BlockingObject.self)
                    if depth == 0 { return 0 }
                    let below: Int = try other.bounce(depth - 1, off: call.object)
                    return below + 1
                }
                return try blocking.object(named: "bouncer/blocking").bounce(50, off: mine)
            }
            #expect(count == 50)
            await worker.terminate()
        }
    }
}

extension Stage {
    /// Returns when nobody publishes `name` any more.
    fileprivate func awaitWithdrawal(of name: String) async throws {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(20)
        while try await !self.client.names(prefix: name).isEmpty {
            try #require(clock.now < end, "'\(name)' is still published")
        }
    }
}

/// Whether the process runs; one that nobody has asked for its status yet does not.
private func isAlive(_ process: Int32) -> Bool {
    guard kill(process, 0) == 0 else { return false }
    let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
    return status?.split(separator: ")").last?.hasPrefix(" Z") != true
}
