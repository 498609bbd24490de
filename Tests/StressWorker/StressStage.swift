// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import BusZeroMQ
import Dispatch
import Foundation

/// A broker and the processes around it.
final class StressStage: Sendable {
    let url: String
    private let folder: String
    private let broker: StressProgram

    /// - Parameter options: of the broker, besides its address.
    init(_ options: [String] = []) throws {
        self.folder = FileManager.default.temporaryDirectory.path + "/objbus-stress-\(UUID())"
        try FileManager.default.createDirectory(
            atPath: self.folder, withIntermediateDirectories: true)
        self.url = "ipc://\(self.folder)/bus"
        let program = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appending(path: "objbus").path
        self.broker = try StressProgram(
            program, ["broker", "--listen", self.url, "--state", self.folder] + options,
            url: self.url)
    }

    /// Ends the broker; every other program is its maker's to end.
    deinit {
        self.broker.kill()
        try? FileManager.default.removeItem(atPath: self.folder)
    }

    /// Resident memory of the broker in MiB.
    var brokerMemory: Int { self.broker.memory }

    /// Starts this program again in another role.
    func start(_ role: [String]) throws -> StressProgram {
        try StressProgram(CommandLine.arguments[0], role, url: self.url)
    }

    /// A server of one object, as soon as that can be called.
    func server(_ name: String) async throws -> StressProgram {
        let server = try self.start(["serve", name])
        let bus = try await self.connect()
        defer { bus.close() }
        let end = ContinuousClock.now + .seconds(20)
        while try await bus.names(prefix: name).isEmpty {
            guard ContinuousClock.now < end, server.isRunning else {
                throw StressError("'\(name)' is not published within 20 s")
            }
            await pause(milliseconds: 5)
        }
        return server
    }

    func connect() async throws -> Bus {
        var configuration = Bus.Configuration(url: self.url)
        configuration.connectTimeout = .seconds(20)
        return try await Bus.connect(configuration)
    }
}

/// Why a trial could not be held.
struct StressError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Another process.
final class StressProgram: Sendable {
    private let process: ChildProcess
    private let output: Int32

    init(_ path: String, _ arguments: [String], url: String) throws {
        let environment = ProcessInfo.processInfo.environment.merging(["OBJBUS_URL": url]) { $1 }
        self.process = try ChildProcess(
            path: path, arguments: arguments, environment: environment, piped: [.input, .output])
        self.output = self.process.pipes[.output] ?? -1
    }

    deinit {
        self.kill()
        // Order-free: each is closed by itself.
        for pipe in self.process.pipes.values { close(pipe) }
    }

    var isRunning: Bool { self.process.status == nil }

    func signal(_ number: Int32) { self.process.signal(number) }

    func kill() {
        self.process.signal(SIGCONT)
        self.process.signal(SIGKILL)
        self.process.wait()
    }

    /// All that it writes, once it has ended.
    func report() async throws -> LoadReport {
        let data = await withCheckedContinuation { continuation in
            Thread { [output = self.output] in
                let handle = FileHandle(fileDescriptor: output, closeOnDealloc: false)
                continuation.resume(returning: (try? handle.readToEnd()) ?? Data())
            }.start()
        }
        do {
            return try JSONDecoder().decode(LoadReport.self, from: data)
        } catch {
            throw StressError("a caller ended without a report")
        }
    }

    /// Resident memory in MiB.
    var memory: Int {
        let text = (try? String(contentsOfFile: "/proc/\(self.process.id)/statm", encoding: .utf8))
        let pages = text?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return pages * Int(sysconf(Int32(_SC_PAGESIZE))) / 1_048_576
    }
}

/// Lets other things happen for a while: what is waited for is in other processes.
func pause(milliseconds: Int) async {
    await withCheckedContinuation { continuation in
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(milliseconds)) {
            continuation.resume()
        }
    }
}
