// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusWire
import BusZeroMQ
import Foundation

/// A worker process that this process started, by `Bus.launch`.
///
/// Keep it: when the last copy is gone, or this process ends in whatever way, the worker's standard
/// input ends, and with it the worker. All methods may be called from any thread.
public final class LaunchedWorker: Sendable {
    /// What was started.
    public let program: String
    private let process: WorkerProcess

    init(program: String, _ process: WorkerProcess) {
        self.program = program
        self.process = process
    }

    deinit {
        self.process.closeInput()
    }

    /// The process's number.
    public var processID: Int32 { self.process.id }

    /// Whether it has not ended yet.
    public var isRunning: Bool { self.process.status == nil }

    /// Its exit code, or the negative number of the signal that ended it; nil while it runs.
    public var exitStatus: Int32? { self.process.status }

    /// What it wrote to standard error last: at most 4,096 bytes, complete once it has ended.
    public var lastWords: String { self.process.lastWords }

    /// Waits until the worker has ended.
    ///
    /// - Returns: its exit code, or the negative number of the signal that ended it.
    @discardableResult
    public func waitUntilExit() async -> Int32 { await self.process.ended() }

    /// Waits until a name is published, by whichever node.
    ///
    /// - Throws: `BusError`: `disconnected`, with what the worker wrote to standard error, if it
    ///   ends before that; `expired` if it takes longer than `timeout`.
    public func waitUntilPublished(
        _ name: String, on bus: Bus, timeout: Duration = .seconds(30)
    ) async throws {
        let clock = ContinuousClock()
        let end = clock.now + timeout
        while true {
            // In this order: what it published before it ended counts.
            let isRunning = self.isRunning
            if try await bus.names(prefix: name).contains(where: { $0.name == name }) { return }
            guard isRunning else {
                let status = await self.process.ended()
                throw BusError(.disconnected, self.epitaph(status, "before it published '\(name)'"))
            }
            guard clock.now < end else {
                let text = "worker '\(self.program)' did not publish '\(name)' within \(timeout)"
                throw BusError(.expired, text)
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// Asks the worker to end, by the end of its standard input and SIGTERM; kills it if it has not
    /// ended after `grace`.
    ///
    /// - Returns: its exit code, or the negative number of the signal that ended it.
    @discardableResult
    public func terminate(grace: Duration = .seconds(15)) async -> Int32 {
        self.process.closeInput()
        self.process.signal(SIGTERM)
        let killer = Task {
            try await Task.sleep(for: grace)
            self.process.signal(SIGKILL)
        }
        defer { killer.cancel() }
        return await self.process.ended()
    }

    private func epitaph(_ status: Int32, _ when: String) -> String {
        let end = status < 0 ? "was ended by signal \(-status)" : "ended with status \(status)"
        let words = self.lastWords
        return "worker '\(self.program)' \(end) \(when)"
            + (words.isEmpty ? "; it wrote nothing to standard error" : "; it wrote:\n\(words)")
    }
}

extension Bus {
    /// Starts a program that attaches to the same broker, as a worker of this process.
    ///
    /// ```swift
    /// let worker = try await bus.launch("my-worker", ["--fast"])
    /// try await worker.waitUntilPublished("counter", on: bus)
    /// ```
    ///
    /// It gets the broker's address as `OBJBUS_URL`, so that `Bus.connect()` finds it, and a pipe
    /// as standard input; a bus that it makes ends the worker when that pipe ends. Standard output
    /// is this process's; standard error too, and its end is kept for error messages.
    /// - Parameters:
    ///   - program: a path, or a name that is looked up in `PATH`.
    ///   - environment: set besides what this process has.
    /// - Throws: `BusError`: `notFound` if there is no such program, `invalid` if the bus can't be
    ///   reached by other processes.
    public func launch(
        _ program: String, _ arguments: [String] = [], environment: [String: String] = [:]
    ) throws -> LaunchedWorker {
        let url = self.configuration.url
        guard !url.hasPrefix("inproc://") else {
            throw BusError(.invalid, "another process can't reach '\(url)': use tcp or ipc")
        }
        guard let path = Self.path(of: program) else {
            throw BusError(.notFound, "there is no program '\(program)' that can be started")
        }
        var all = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        all["OBJBUS_URL"] = url
        all["OBJBUS_NODE"] = environment["OBJBUS_NODE"]
        all[ParentWatch.variable] = "1"
        let process = try WorkerProcess(path: path, arguments: arguments, environment: all)
        return LaunchedWorker(program: program, process)
    }

    private static func path(of program: String) -> String? {
        let files = FileManager.default
        if program.contains("/") { return files.isExecutableFile(atPath: program) ? program : nil }
        let folders = (environment("PATH") ?? "").split(separator: ":")
        return folders.lazy.map { "\($0)/\(program)" }.first {
            files.isExecutableFile(atPath: $0)
        }
    }

    /// Ends this process when the one that launched it ends: when standard input does.
    ///
    /// A bus does this by itself in a process started by `launch`; call it in a worker started in
    /// another way whose standard input nobody else reads. The process gets SIGTERM first, and 15 s
    /// to clean up. Calling it twice does no harm.
    public static func exitWhenParentEnds() {
        ParentWatch.start()
    }
}
