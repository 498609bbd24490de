// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The example as a user runs it: a broker, a worker and a client, each a process.
@Suite struct ExampleProcessTests {
    @Test(.timeLimit(.minutes(1)))
    func `the client's calls reach the worker, which ends cleanly on SIGTERM`() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/objbus-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let url = "ipc://\(folder)/bus"

        let broker = try Child("objbus", ["broker", "--listen", url, "--state", folder], url: url)
        defer { broker.kill() }
        #expect(broker.nextLine()?.contains("listening on \(url)") == true)

        let worker = try Child("CounterWorker", [], url: url)
        defer { worker.kill() }
        #expect(worker.nextLine() == "example/counter is published")

        let client = try Child("CounterClient", [], url: url)
        defer { client.kill() }
        #expect(client.nextLine() == "3 more make 3")
        #expect(client.nextLine() == "1000 can't be taken from 3")
        #expect(client.nextLine() == "4 more make 7")
        #expect(client.status() == 0)

        worker.terminate()
        #expect(worker.status() == 0)
    }
}

/// A process whose lines can be read one by one; for one thread.
private final class Child {
    private let process = Process()
    private let output = Pipe()
    private var rest: [UInt8] = []

    init(_ name: String, _ arguments: [String], url: String) throws {
        // Lines are to come as they are printed, though the output is no terminal.
        self.process.executableURL = URL(filePath: "/usr/bin/env")
        self.process.arguments =
            ["stdbuf", "--output=L", Self.products.appending(path: name).path] + arguments
        self.process.environment = ProcessInfo.processInfo.environment
            .merging(["OBJBUS_URL": url]) { $1 }
        self.process.standardOutput = self.output
        try self.process.run()
    }

    /// Waits for a line; nil at the end of the output.
    func nextLine() -> String? {
        while true {
            if let end = self.rest.firstIndex(of: 0x0A) {
                defer { self.rest.removeFirst(end + 1) }
                return String(decoding: self.rest[..<end], as: UTF8.self)
            }
            let data = self.output.fileHandleForReading.availableData
            if data.isEmpty { return nil }
            self.rest += data
        }
    }

    /// Waits for the end; the exit status.
    func status() -> Int32 {
        self.process.waitUntilExit()
        return self.process.terminationReason == .exit ? self.process.terminationStatus : -1
    }

    /// Asks it to end.
    func terminate() { self.process.terminate() }

    /// Ends it at once if it still runs.
    func kill() {
        guard self.process.isRunning else { return }
        Foundation.kill(self.process.processIdentifier, SIGKILL)
        self.process.waitUntilExit()
    }

    /// Where SwiftPM puts what it builds: beside the test bundle.
    private static let products: URL = {
        for argument in ProcessInfo.processInfo.arguments {
            guard let end = argument.range(of: ".xctest") else { continue }
            return URL(filePath: String(argument[..<end.upperBound])).deletingLastPathComponent()
        }
        return URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
    }()
}
