// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Code of docs/guides/blocking.md: compiled here, compared by DocumentedCodeTests.

import CounterInterface
import ObjectBus

func addWithoutAwait() throws -> Int {
    let blocking = try BlockingBus.connect()
    let counter = try blocking.object(named: "example/counter")
    let total: Int = try counter.add(3)
    return total
}

func addTwice(_ blocking: BlockingBus) throws -> Int {
    let counter = try blocking.find($Counting.self, named: "example/counter")
    let sum = try blocking.wait {
        async let first = counter.add(1)
        async let second = counter.add(2)
        return try await first + second
    }
    return sum
}

func publishConsole(_ blocking: BlockingBus) throws {
    try blocking.publish(as: "console") { call in
        switch call.method {
        case "ask(_:)":
            print(try call.arguments(as: String.self))
            return readLine() ?? ""
        default:
            throw BusError(.unimplemented, "the console has ask(_:)")
        }
    }
}

/// Notes what happened.
@BusObject
distributed actor Journal {
    private(set) var lines: [String] = []

    distributed func note(_ line: String) { self.lines.append(line) }
}

func countOtherwise(_ counter: $Counting, _ journal: Journal) async throws {
    let total = try await counter.with(deadline: .seconds(2)).add(1)
    let same = try await counter.idempotent.add(0)
    try await journal.oneway.note("total \(total), then \(same)")
}

func countWithOwnWorker(_ bus: Bus) async throws {
    let worker = try bus.launch("/usr/local/bin/CounterWorker")
    try await worker.waitUntilPublished("example/counter", on: bus)
    let counter = try await bus.find($Counting.self, named: "example/counter")
    print("3 more make \(try await counter.add(3))")
    await worker.terminate()
}
