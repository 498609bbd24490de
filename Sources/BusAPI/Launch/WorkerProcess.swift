// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusWire
import BusZeroMQ
import Foundation

/// A child process with a pipe to its standard input and one from its standard error.
final class WorkerProcess: @unchecked Sendable {
    /// Bytes of standard error that are kept.
    private static let tailMax = 4_096

    private struct State {
        var input: FileHandle?
        var status: Int32?
        var tail: [UInt8] = []
        var isTailComplete = false
        var waiters: [UnsafeContinuation<Int32, Never>] = []
    }

    let id: Int32
    private let process: Process
    private let state: Locked<State>

    init(path: String, arguments: [String], environment: [String: String]) throws {
        let process = Process()
        let (input, errors) = (Pipe(), Pipe())
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = environment
        process.standardInput = input
        process.standardError = errors
        // Children of others must not keep the pipe open when this process ends.
        for handle in [input.fileHandleForWriting, errors.fileHandleForReading] {
            _ = fcntl(handle.fileDescriptor, F_SETFD, FD_CLOEXEC)
        }
        let state = Locked(State())
        process.terminationHandler = { Self.ended($0, state) }
        do {
            try process.run()
        } catch {
            throw BusError(.notFound, "'\(path)' can't be started: \(error)")
        }
        state.withLock { $0.input = input.fileHandleForWriting }
        self.process = process
        self.state = state
        self.id = process.processIdentifier
        let reader = errors.fileHandleForReading
        do {
            try SystemThread.start(name: "objbus-worker") { Self.read(reader, state) }.detach()
        } catch {
            Self.tailEnded(state)
        }
    }

    /// Exit code or negative signal; nil while it runs.
    var status: Int32? { self.state.withLock { $0.status } }

    var lastWords: String {
        let tail = self.state.withLock { $0.tail }
        return String(decoding: tail, as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func closeInput() {
        let input = self.state.withLock { $0.input.take() }
        try? input?.close()
    }

    /// Sends a signal, unless the process has ended.
    func signal(_ number: Int32) {
        // A process that has ended has no number any more: it may be another one's.
        self.state.withLock { state in
            if state.status == nil { _ = kill(self.id, number) }
        }
    }

    /// Waits for the end of the process, and of what it wrote.
    func ended() async -> Int32 {
        await withUnsafeContinuation { continuation in
            let status = self.state.withLock { state -> Int32? in
                if state.isTailComplete, let status = state.status { return status }
                state.waiters.append(continuation)
                return nil
            }
            if let status { continuation.resume(returning: status) }
        }
    }

    private static func ended(_ process: Process, _ state: Locked<State>) {
        let code = process.terminationStatus
        let status = process.terminationReason == .uncaughtSignal ? -code : code
        state.withLock { $0.status = status }
        self.wake(state)
        // A process that it left behind may keep the pipe open.
        Task {
            try await Task.sleep(for: .milliseconds(500))
            self.tailEnded(state)
        }
    }

    private static func tailEnded(_ state: Locked<State>) {
        state.withLock { $0.isTailComplete = true }
        self.wake(state)
    }

    private static func wake(_ state: Locked<State>) {
        let (status, waiters) = state.withLock { state in
            guard state.isTailComplete, let status = state.status else {
                return (Int32(0), [UnsafeContinuation<Int32, Never>]())
            }
            defer { state.waiters = [] }
            return (status, state.waiters)
        }
        for waiter in waiters { waiter.resume(returning: status) }
    }

    /// Passes standard error on, and keeps its end.
    private static func read(_ reader: FileHandle, _ state: Locked<State>) {
        while case let bytes = readSome(reader.fileDescriptor), !bytes.isEmpty {
            try? FileHandle.standardError.write(contentsOf: bytes)
            state.withLock { state in
                state.tail.append(contentsOf: bytes)
                state.tail.removeFirst(max(0, state.tail.count - self.tailMax))
            }
        }
        self.tailEnded(state)
    }
}

/// What can be read now, or what comes next; empty at the end.
func readSome(_ descriptor: Int32) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 4_096)
    while true {
        let count = read(descriptor, &bytes, bytes.count)
        if count > 0 { return Array(bytes.prefix(count)) }
        if count == 0 || errno != EINTR { return [] }
    }
}
