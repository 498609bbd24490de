// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusZeroMQ
import Foundation
import UnixSignals

/// Runs a program as a child: passes signals on, ends with its status, starts it again if wanted.
///
///     running --fails, restarts--> waiting --delay over--> running
///     running --ends--> done           any --SIGINT, SIGTERM, SIGHUP, SIGQUIT--> done
final class Supervisor: Sendable {
    /// What is passed on; all but the user's own two end the supervision.
    static let signals: [UnixSignal] = [.sigint, .sigterm, .sighup, .sigquit, .sigusr1, .sigusr2]

    private struct State {
        var child: pid_t?
        /// The signal that ended the supervision.
        var stop: Int32?
        var delay: Task<Void, Never>?
    }

    private let program: [String]
    private let variables: [String: String]
    private let restarts: Bool
    private let state = Locked(State())

    /// - Parameters:
    ///   - program: A path or a name to be found in `PATH`, and its arguments; at least one.
    ///   - variables: Added to the environment.
    ///   - restarts: Whether to start it again when it fails.
    init(program: [String], variables: [String: String], restarts: Bool) {
        precondition(!program.isEmpty, "a program has a name")
        self.program = program
        self.variables = variables
        self.restarts = restarts
    }

    /// Runs until the program ends for good.
    ///
    /// - Returns: Its exit status; 128 and the signal's number if a signal ended it.
    func run() async -> Int32 {
        let signals = await UnixSignalsSequence(trapping: Self.signals)
        let listener = Task { for await signal in signals { self.received(signal.rawValue) } }
        defer { listener.cancel() }
        var backoff = Backoff()
        while true {
            let started = ContinuousClock.now
            let status = await self.runOnce()
            let isFinal =
                status == 0 || status == ProgramCommand.notFound
                || status == ProgramCommand.notExecutable
            guard self.restarts, !isFinal, self.stopSignal == nil else { return status }
            let delay = backoff.next(afterRunning: started.duration(to: .now))
            Terminal.report(
                "objbus worker: \(Text.line(self.program[0])) ended with status \(status); "
                    + "starting it again in \(delay.components.seconds) s")
            await self.wait(delay)
            if let stop = self.stopSignal { return 128 + stop }
        }
    }

    private var stopSignal: Int32? { self.state.withLock { $0.stop } }

    private func received(_ signal: Int32) {
        let isStop = signal != SIGUSR1 && signal != SIGUSR2
        let (child, delay) = self.state.withLock { state in
            if isStop { state.stop = signal }
            return (state.child, isStop ? state.delay : nil)
        }
        if let child { kill(child, signal) }
        delay?.cancel()
    }

    private func wait(_ span: Duration) async {
        let delay = Task { _ = try? await Task.sleep(for: span) }
        let isStopped = self.state.withLock { state in
            state.delay = delay
            return state.stop != nil
        }
        if isStopped { delay.cancel() }
        await delay.value
    }

    // MARK: The child

    /// Starts the child on a thread that waits for it: the kernel ends a child with the thread
    /// that started it.
    private func runOnce() async -> Int32 {
        await withCheckedContinuation { continuation in
            do {
                try SystemThread.start(name: "objbus-child") {
                    continuation.resume(returning: self.spawnAndWait())
                }.detach()
            } catch {
                continuation.resume(returning: ProgramCommand.notExecutable)
            }
        }
    }

    private func spawnAndWait() -> Int32 {
        let command =
            ["objbus", "run-program", "--parent", "\(getpid())", "--"] + self.program
        let environment = ProcessInfo.processInfo.environment
            .merging(self.variables) { _, ours in ours }
            .map { "\($0.key)=\($0.value)" }
        var arguments = command.map { strdup($0) } + [nil]
        var variables = environment.map { strdup($0) } + [nil]
        defer {
            for text in arguments + variables { free(text) }
        }
        let child: pid_t? = self.state.withLock { state in
            guard state.stop == nil else { return nil }
            var child = pid_t()
            guard posix_spawn(&child, "/proc/self/exe", nil, nil, &arguments, &variables) == 0
            else { return nil }
            state.child = child
            return child
        }
        guard let child else {
            return self.stopSignal.map { 128 + $0 } ?? ProgramCommand.notExecutable
        }
        // It stays a zombie until the state forgets it: its number can't become another's.
        var info = siginfo_t()
        while waitid(P_PID, id_t(child), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        self.state.withLock { $0.child = nil }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7F
        return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
    }
}

/// How long to wait before the next start: 1, 2, 4, then always 5 seconds; from the beginning
/// once the program has run for ten.
struct Backoff {
    private static let longest = 5
    private var seconds = 1

    /// The next wait, after a run that took `span`.
    mutating func next(afterRunning span: Duration) -> Duration {
        if span >= .seconds(10) { self.seconds = 1 }
        defer { self.seconds = min(self.seconds * 2, Self.longest) }
        return .seconds(self.seconds)
    }
}
