// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import Foundation

/// A broker and the processes around it, each of which can be killed and started again.
actor SoakWorld {
    let url: String
    private let folder: String
    private let worker = CommandLine.arguments[0]
    private var broker: Program
    private var workers: [String: Program] = [:]

    init() throws {
        self.folder = FileManager.default.temporaryDirectory.path + "/objbus-soak-\(getpid())"
        try FileManager.default.createDirectory(
            atPath: self.folder, withIntermediateDirectories: true)
        self.url = "ipc://\(self.folder)/bus"
        self.broker = try Self.startBroker(self.url, self.folder)
    }

    private static func startBroker(_ url: String, _ folder: String) throws -> Program {
        let program = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appending(path: "objbus").path
        return try Program(program, ["broker", "--listen", url, "--state", folder], url: url)
    }

    /// Starts a worker under a name of this world, instead of the one that had it.
    func start(_ name: String, _ arguments: [String]) async throws {
        await self.workers[name]?.kill()
        self.workers[name] = try Program(self.worker, arguments, url: self.url)
    }

    /// Lets a process stand still for a while.
    func stall(_ name: String, milliseconds: Int) async {
        let program = self.workers[name]
        program?.signal(SIGSTOP)
        await pause(milliseconds: milliseconds)
        program?.signal(SIGCONT)
    }

    func restartBroker() async throws {
        await self.broker.kill()
        self.broker = try Self.startBroker(self.url, self.folder)
    }

    /// Resident memory of all processes in KiB, the broker's first.
    func memory() -> [(name: String, resident: Int)] {
        [("broker", self.broker.resident)]
            + self.workers.sorted { $0.key < $1.key }.map { ($0.key, $0.value.resident) }
    }

    func end() async {
        for program in self.workers.values { await program.kill() }
        await self.broker.kill()
        try? FileManager.default.removeItem(atPath: self.folder)
    }
}

/// Resident memory at some moments of a soak.
struct MemoryTable {
    private(set) var rows: [(when: String, memory: [(name: String, resident: Int)])] = []

    mutating func note(_ when: String, _ memory: [(name: String, resident: Int)]) {
        self.rows.append((when, memory))
        say(
            "memory at \(when): "
                + memory.map { "\($0.name) \($0.resident) KiB" }.joined(separator: ", "))
    }

    /// What has grown from the first row to the last by more than `part` and `slack` KiB.
    func growth(part: Double, slack: Int) -> [String] {
        guard let first = self.rows.first?.memory, let last = self.rows.last?.memory else {
            return []
        }
        return zip(first, last).compactMap { before, after in
            let most = Int(Double(before.resident) * (1 + part)) + slack
            return after.resident > most
                ? "\(after.name) grew from \(before.resident) to \(after.resident) KiB" : nil
        }
    }
}
