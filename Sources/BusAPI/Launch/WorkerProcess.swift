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
    private let process: ChildProcess
    private let state: Locked<State>

    init(path: String, arguments: [String], environment: [String: String]) throws {
        let state = Locked(State())
        do {
            self.process = try ChildProcess(
                path: path, arguments: arguments, environment: environment,
                piped: [.input, .errors], onEnd: { Self.ended($0, state) })
        } catch {
            throw BusError(.notFound, "'\(path)' can't be started: \(error.message)")
        }
        self.state = state
        self.id = self.process.id
        let handles = self.process.pipes.mapValues {
            FileHandle(fileDescriptor: $0, closeOnDealloc: true)
        }
        state.withLock { $0.input = handles[.input] }
        guard let reader = handles[.errors] else { return }
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
        self.process.signal(number)
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

    private static func ended(_ status: Int32, _ state: Locked<State>) {
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
