// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import BusZeroMQ
import ChaosChecks
import Foundation

/// What a process writes down of the calls that it makes or runs, so that its end loses nothing.
final class Journal: Sendable {
    private struct State {
        var incarnations: Set<UInt64> = []
        var calls: UInt32 = 0
        var runs = 0
    }

    private let descriptor: Int32
    /// Entries are in the order in which the lock was taken.
    private let state = Locked(State())

    init(_ path: String) throws {
        self.descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard self.descriptor >= 0 else { throw ChaosError("\(path): error \(errno)") }
    }

    /// Writes down the incarnations that a bus has, for as long as the process lives.
    func follow(_ bus: Bus) {
        self.note(bus.incarnation)
        Task {
            while true {
                await pause(milliseconds: 5)
                self.note(bus.incarnation)
            }
        }
    }

    /// Writes an incarnation down, unless it is known.
    func note(_ incarnation: IncarnationID) {
        self.state.withLock { self.note(incarnation, &$0) }
    }

    private func note(_ incarnation: IncarnationID, _ state: inout State) {
        guard incarnation != .broker, state.incarnations.insert(incarnation.rawValue).inserted
        else { return }
        self.write(
            ChaosRecord(.joined, time: MonotonicClock.now(), value: incarnation.rawValue))
    }

    /// A client is about to issue a call.
    ///
    /// - Returns: Its number.
    func begin(_ lane: Int) -> UInt32 {
        self.state.withLock { state in
            defer { state.calls += 1 }
            self.write(
                ChaosRecord(
                    .begun, lane: UInt8(lane), call: state.calls, time: MonotonicClock.now()))
            return state.calls
        }
    }

    func end(_ lane: Int, _ call: UInt32, _ outcome: ChaosOutcome) {
        self.state.withLock { _ in
            self.write(
                ChaosRecord(lane: UInt8(lane), call: call, time: MonotonicClock.now(), outcome))
        }
    }

    func finish() {
        self.state.withLock { _ in
            self.write(ChaosRecord(.finished, time: MonotonicClock.now()))
        }
    }

    /// An object runs a call.
    ///
    /// - Returns: How many this process had run before.
    func run(
        _ lane: Int, client: UInt16, call: UInt32, of caller: IncarnationID,
        in owner: IncarnationID
    ) -> Int {
        self.state.withLock { state in
            self.note(owner, &state)
            defer { state.runs += 1 }
            self.write(
                ChaosRecord(
                    .ran, lane: UInt8(lane), process: client, call: call,
                    time: MonotonicClock.now(), value: caller.rawValue))
            return state.runs
        }
    }

    private func write(_ record: ChaosRecord) {
        let bytes = record.bytes
        guard Glibc.write(self.descriptor, bytes, bytes.count) == bytes.count else {
            complain("a journal can't be written: error \(errno)")
            exit(3)
        }
    }
}

/// Why there is no run.
struct ChaosError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
