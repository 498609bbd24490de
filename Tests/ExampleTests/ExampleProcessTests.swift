// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import TestPrograms
import Testing

/// The example as a user runs it: a broker, a worker and a client, each a process.
@Suite struct ExampleProcessTests {
    @Test(.timeLimit(.minutes(1)))
    func `the client's calls reach the worker, which ends cleanly on SIGTERM`() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/objbus-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let url = "ipc://\(folder)/bus"

        let broker = try Self.start("objbus", ["broker", "--listen", url, "--state", folder], url)
        #expect(try await broker.line().contains("listening on \(url)"))

        let worker = try Self.start("CounterWorker", [], url)
        #expect(try await worker.line() == "example/counter is published")

        let client = try Self.start("CounterClient", [], url)
        let lines = ["3 more make 3", "1000 can't be taken from 3", "4 more make 7"]
        #expect(try await client.outcome() == Outcome(status: 0, output: lines, errors: []))

        worker.signal(SIGTERM)
        #expect(try await worker.exitStatus() == 0)
        withExtendedLifetime(broker) {}
    }

    /// Starts a program whose lines come as they are printed, though its output is no terminal.
    private static func start(_ name: String, _ arguments: [String], _ url: String) throws
        -> Program
    {
        let program = Program.products.appending(path: name).path
        return try Program(
            "/usr/bin/env", ["stdbuf", "--output=L", program] + arguments,
            environment: ["OBJBUS_URL": url])
    }
}
