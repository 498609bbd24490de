// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import ObjectBus
import TestObjects
import TestPrograms
import Testing

/// A broker that ends while everybody calls, and comes back.
@Suite(.timeLimit(.minutes(1))) struct RestartCases {
    @Test
    func `callers see a pause when the broker is restarted, no error, and no call runs twice`()
        async throws
    {
        let folder = try temporaryFolder()
        let url = "ipc://\(folder)/bus"
        let first = try await Self.broker(url, folder)
        let worker = try Program(
            "TestWorker", ["serve", "served"], environment: ["OBJBUS_URL": url])
        _ = try await worker.line { $0 == "ready" }
        let client = try await Bus.connect(to: url, name: "client")
        let counter = try await client.find(Counter.self, named: "served")
        let calls = Calls()
        try await withThrowingTaskGroup(of: Duration.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var longest = Duration.zero
                    while !calls.isOver {
                        let began = ContinuousClock.now
                        _ = try await counter.add(1)
                        calls.count()
                        longest = max(longest, began.duration(to: .now))
                    }
                    return longest
                }
            }
            await calls.grow(by: 200)
            first.signal(SIGTERM)
            #expect(try await first.exitStatus() == 0)
            let second = try await Self.broker(url, folder)
            await calls.grow(by: 200)
            calls.end()
            // Sooner than silence is noticed: nobody waited for that.
            for try await longest in group { #expect(longest < .seconds(3)) }
            worker.signal(SIGTERM)
            #expect(try await worker.line() == "\(calls.number)")
            client.close()
            second.kill()
        }
    }

    private static func broker(_ url: String, _ folder: String) async throws -> Program {
        let broker = try Program("objbus", ["broker", "--listen", url, "--state", folder])
        _ = try await broker.line { $0.contains("listening on") }
        return broker
    }
}
