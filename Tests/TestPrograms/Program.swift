// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusZeroMQ
package import Foundation

/// A process started by a test, whose output can be awaited line by line.
///
/// It ends with this object, and with the process of the tests, whatever ends that: nothing is left
/// that would keep its output open.
package final class Program: Sendable {
    private let process: ChildProcess
    private let input: FileHandle
    private let outputLines: Lines
    private let errorLines: Lines?
    private let status: AsyncStream<Int32>

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - path: of the program; without a slash it is one that SwiftPM has built.
    ///   - environment: set besides what this process has.
    ///   - keepsErrors: whether the standard error is to be awaited; else it is this process's.
    package init(
        _ path: String, _ arguments: [String], environment: [String: String] = [:],
        keepsErrors: Bool = false
    ) throws {
        let path = path.contains("/") ? path : Self.products.appending(path: path).path
        let (statuses, continuation) = AsyncStream.makeStream(of: Int32.self)
        self.status = statuses
        self.process = try ChildProcess(
            path: "/usr/bin/setpriv", arguments: ["--pdeathsig", "KILL", path] + arguments,
            environment: ProcessInfo.processInfo.environment.merging(environment) { $1 },
            piped: keepsErrors ? [.input, .output, .errors] : [.input, .output]
        ) { status in
            continuation.yield(status < 0 ? 128 - status : status)
            continuation.finish()
        }
        let handles = self.process.pipes.mapValues {
            FileHandle(fileDescriptor: $0, closeOnDealloc: true)
        }
        guard let input = handles[.input], let output = handles[.output] else {
            throw Failure(text: "no pipes")
        }
        self.input = input
        self.outputLines = Lines(of: output)
        self.errorLines = handles[.errors].map { Lines(of: $0) }
    }

    deinit { self.process.signal(SIGKILL) }

    package var processID: Int32 { self.process.id }

    /// Writes to the standard input, if the process reads it.
    package func type(_ text: String) { try? self.input.write(contentsOf: Data(text.utf8)) }

    /// Ends the standard input.
    package func endInput() { self.input.closeFile() }

    package func signal(_ signal: Int32) { self.process.signal(signal) }

    /// Ends it at once, and returns when it has ended.
    package func kill() {
        self.process.signal(SIGKILL)
        self.process.wait()
    }

    /// The next line of the standard output that contains `text`.
    @discardableResult
    package func line(with text: String = "") async throws -> String {
        try await self.outputLines.next("with '\(text)'") { text.isEmpty || $0.contains(text) }
    }

    /// The next line of the standard output that fits.
    package func line(where fits: (String) -> Bool) async throws -> String {
        try await self.outputLines.next("that was awaited", where: fits)
    }

    /// The next line of the standard error that contains `text`.
    @discardableResult
    package func errorLine(with text: String = "") async throws -> String {
        guard let errorLines else { throw Failure(text: "its errors are not kept") }
        return try await errorLines.next("with '\(text)'") { text.isEmpty || $0.contains(text) }
    }

    /// Waits for the end of the standard output; the lines that no one has awaited.
    package func rest() async -> [String] { await self.outputLines.rest() }

    /// Waits for the process's end: its exit status, or 128 and the signal's number.
    package func exitStatus() async throws -> Int32 {
        for await status in self.status { return status }
        throw Failure(text: "the process was awaited before")
    }

    /// Waits for the process's end, and for all it wrote.
    package func outcome() async throws -> Outcome {
        let output = await self.outputLines.rest()
        let errors = await self.errorLines?.rest() ?? []
        return Outcome(status: try await self.exitStatus(), output: output, errors: errors)
    }

    /// Where SwiftPM puts what it builds: beside the test bundle.
    package static let products: URL = {
        for argument in CommandLine.arguments {
            guard let end = argument.range(of: ".xctest") else { continue }
            return URL(filePath: String(argument[..<end.upperBound])).deletingLastPathComponent()
        }
        return URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
    }()

    /// What a test awaited in vain.
    package struct Failure: Error, CustomStringConvertible {
        package let text: String
        package var description: String { self.text }

        package init(text: String) { self.text = text }
    }
}

/// How a process ended, and what it wrote, line by line.
package struct Outcome: Hashable, Sendable {
    package let status: Int32
    package let output: [String]
    package let errors: [String]

    package init(status: Int32, output: [String], errors: [String]) {
        (self.status, self.output, self.errors) = (status, output, errors)
    }
}

/// Lines that a thread reads from a pipe.
private final class Lines: Sendable {
    private let lines: AsyncStream<String>

    init(of handle: FileHandle) {
        let (stream, continuation) = AsyncStream.makeStream(of: String.self)
        self.lines = stream
        Thread.detachNewThread {
            var left = Data()
            while case let data = handle.availableData, !data.isEmpty {
                left.append(data)
                while let end = left.firstIndex(of: 0x0A) {
                    continuation.yield(String(decoding: left[..<end], as: UTF8.self))
                    left = Data(left[left.index(after: end)...])
                }
            }
            if !left.isEmpty { continuation.yield(String(decoding: left, as: UTF8.self)) }
            continuation.finish()
        }
    }

    func next(_ description: String, where fits: (String) -> Bool) async throws -> String {
        var seen: [String] = []
        for await line in self.lines {
            if fits(line) { return line }
            seen.append(line)
        }
        throw Program.Failure(text: "it ended without a line \(description); it wrote \(seen)")
    }

    func rest() async -> [String] {
        var all: [String] = []
        for await line in self.lines { all.append(line) }
        return all
    }
}
