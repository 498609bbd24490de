// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A running process whose output can be awaited line by line.
final class Tool: @unchecked Sendable {
    private let process = Process()
    private let input = Pipe()
    private let outputLines: Lines
    private let errorLines: Lines
    private let status: AsyncStream<Int32>

    /// Starts `objbus` with `arguments`, or another program of the system.
    init(
        _ arguments: [String], environment: [String: String] = [:], program: URL? = nil
    ) throws {
        let (output, errors) = (Pipe(), Pipe())
        self.process.executableURL = program ?? Self.products.appendingPathComponent("objbus")
        self.process.arguments = arguments
        var variables = ProcessInfo.processInfo.environment
        variables = variables.filter { !$0.key.hasPrefix("OBJBUS_") }
        self.process.environment = variables.merging(environment) { _, new in new }
        self.process.standardInput = self.input
        self.process.standardOutput = output
        self.process.standardError = errors
        let (statuses, continuation) = AsyncStream.makeStream(of: Int32.self)
        self.status = statuses
        self.process.terminationHandler = { process in
            let isSignal = process.terminationReason == .uncaughtSignal
            continuation.yield(process.terminationStatus + (isSignal ? 128 : 0))
            continuation.finish()
        }
        try self.process.run()
        self.outputLines = Lines(of: output.fileHandleForReading)
        self.errorLines = Lines(of: errors.fileHandleForReading)
    }

    deinit {
        if self.process.isRunning { kill(self.process.processIdentifier, SIGKILL) }
    }

    var processID: Int32 { self.process.processIdentifier }

    /// Writes to the standard input.
    func type(_ text: String) { self.input.fileHandleForWriting.write(Data(text.utf8)) }

    /// Ends the standard input.
    func endInput() { self.input.fileHandleForWriting.closeFile() }

    func signal(_ signal: Int32) { kill(self.process.processIdentifier, signal) }

    /// The next line of the standard output that contains `text`.
    @discardableResult
    func line(with text: String = "") async throws -> String {
        try await self.outputLines.next(with: text)
    }

    /// The next line of the standard error that contains `text`.
    @discardableResult
    func errorLine(with text: String = "") async throws -> String {
        try await self.errorLines.next(with: text)
    }

    /// Waits for the process's end: its exit status, or 128 and the signal's number.
    func exitStatus() async throws -> Int32 {
        for await status in self.status { return status }
        throw Lines.Ended(text: "the process was awaited before")
    }

    /// Waits for the end of the standard output; the lines that no one has awaited.
    func rest() async -> [String] { await self.outputLines.rest() }

    /// Waits for the process's end, and for all it wrote.
    func outcome() async throws -> Outcome {
        let output = await self.outputLines.rest()
        let errors = await self.errorLines.rest()
        return Outcome(status: try await self.exitStatus(), output: output, errors: errors)
    }

    /// Where SwiftPM puts what it builds: beside the test bundle.
    static let products: URL = {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") }
        let argument = bundle ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: argument).deletingLastPathComponent()
    }()
}

/// How a process ended, and what it wrote, line by line.
struct Outcome: Hashable, Sendable {
    let status: Int32
    let output: [String]
    let errors: [String]
}

/// Lines that a thread reads from a pipe.
private final class Lines: Sendable {
    struct Ended: Error, CustomStringConvertible {
        let text: String
        var description: String { self.text }
    }

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

    func next(with text: String) async throws -> String {
        var seen: [String] = []
        for await line in self.lines {
            // No line contains the empty text, says Foundation.
            if text.isEmpty || line.contains(text) { return line }
            seen.append(line)
        }
        throw Ended(text: "it ended without a line with '\(text)'; it wrote \(seen)")
    }

    func rest() async -> [String] {
        var all: [String] = []
        for await line in self.lines { all.append(line) }
        return all
    }
}

/// A broker and a worker with the example objects, each a process, on a socket in a folder that is
/// removed in the end.
final class Site: Sendable {
    let folder: String
    let url: String
    let broker: Tool
    let worker: Tool

    /// - Parameter listen: nil for ipc in the folder.
    init(listen: String? = nil, objects: [String] = []) async throws {
        self.folder = try temporaryFolder()
        self.broker = try Tool(
            ["broker", "--listen", listen ?? "ipc://\(self.folder)/bus", "--state", self.folder])
        let line = try await self.broker.line(with: "listening on")
        self.url = try #require(line.split(separator: " ").last.map(String.init))
        self.worker = try Self.worker(self.url, self.folder, objects)
        try await self.worker.line(with: "published")
    }

    deinit {
        try? FileManager.default.removeItem(atPath: self.folder)
    }

    private static func worker(
        _ url: String, _ folder: String, _ objects: [String], name: String = "worker"
    ) throws -> Tool {
        try Tool(["worker", "--bus", url, "--name", name, "--root", folder] + objects)
    }

    /// Another worker that is ready.
    func worker(_ objects: [String] = [], name: String) async throws -> Tool {
        let worker = try Self.worker(self.url, self.folder, objects, name: name)
        try await worker.line(with: "published")
        return worker
    }

    /// Runs a command on this site's bus.
    func run(_ arguments: String...) async throws -> Outcome {
        try await Tool(arguments, environment: ["OBJBUS_URL": self.url]).outcome()
    }

    /// Runs a call that must succeed; its one line.
    func call(_ arguments: String...) async throws -> String {
        let outcome = try await Tool(
            ["call"] + arguments, environment: ["OBJBUS_URL": self.url]
        ).outcome()
        #expect(outcome.status == 0, "\(arguments): \(outcome.errors)")
        return outcome.output.joined(separator: "\n")
    }
}

func temporaryFolder() throws -> String {
    let name = "objbus-\(UUID().uuidString.prefix(8))"
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(name).path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    return folder
}

/// The JSON that a command printed.
func json(_ lines: [String]) throws -> Any {
    try JSONSerialization.jsonObject(
        with: Data(lines.joined(separator: "\n").utf8), options: .fragmentsAllowed)
}
