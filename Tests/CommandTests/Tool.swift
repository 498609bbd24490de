// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import TestPrograms
import Testing

typealias Tool = Program

extension Program {
    /// Starts `objbus` with `arguments`, or another program of the system.
    convenience init(
        _ arguments: [String], environment: [String: String] = [:], program: URL? = nil
    ) throws {
        // This process's own settings are not the test's.
        let own = ProcessInfo.processInfo.environment.keys.filter { $0.hasPrefix("OBJBUS_") }
        let unset = own.filter { environment[$0] == nil }.sorted().flatMap { ["--unset", $0] }
        try self.init(
            "/usr/bin/env",
            unset + [program?.path ?? Self.products.appending(path: "objbus").path]
                + arguments, environment: environment, keepsErrors: true)
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
