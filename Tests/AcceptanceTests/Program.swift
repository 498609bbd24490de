// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation

/// A process started by a test, whose output can be awaited line by line.
final class Program: @unchecked Sendable {
    struct Failure: Error, CustomStringConvertible {
        let text: String
        var description: String { self.text }
    }

    private let process = Process()
    private let input = Pipe()
    private let lines: AsyncStream<String>

    init(_ name: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        self.process.executableURL = Self.products.appendingPathComponent(name)
        self.process.arguments = arguments
        self.process.environment = ProcessInfo.processInfo.environment
            .merging(environment) { _, new in new }
        self.process.standardInput = self.input
        let output = Pipe()
        self.process.standardOutput = output
        let (stream, continuation) = AsyncStream.makeStream(of: String.self)
        self.lines = stream
        let reader = output.fileHandleForReading
        let thread = Thread {
            var rest = Data()
            while case let data = reader.availableData, !data.isEmpty {
                rest.append(data)
                while let end = rest.firstIndex(of: 0x0A) {
                    continuation.yield(String(decoding: rest[rest.startIndex..<end], as: UTF8.self))
                    rest = Data(rest[rest.index(after: end)...])
                }
            }
            continuation.finish()
        }
        try self.process.run()
        thread.start()
    }

    /// The next line that fits.
    func line(where fits: (String) -> Bool) async throws -> String {
        for await line in self.lines where fits(line) { return line }
        throw Failure(text: "the program ended without the awaited line")
    }

    var processID: Int32 { self.process.processIdentifier }

    /// Ends it at once.
    func kill() {
        Foundation.kill(self.process.processIdentifier, SIGKILL)
        self.process.waitUntilExit()
    }

    /// Where SwiftPM puts what it builds: beside the test bundle.
    static let products: URL = {
        for argument in ProcessInfo.processInfo.arguments where argument.contains(".xctest") {
            guard let end = argument.range(of: ".xctest") else { continue }
            return URL(fileURLWithPath: String(argument[..<end.upperBound]))
                .deletingLastPathComponent()
        }
        return URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    }()
}
