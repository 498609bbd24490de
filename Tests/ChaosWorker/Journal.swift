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
        var linkEnds: UInt64 = 0
        var drops: UInt64 = 0
        var made: UInt32 = 0
        var gone: UInt32 = 0
    }

    /// Reasons of `Bus.drops` for which links ended, and those for which one-way calls that had
    /// arrived did not run.
    private static let linkEnds = [
        "linkGap", "linkSilence", "linkFailed", "linkRefused", "brokerStopped",
    ]
    private static let drops = ["oneWayCrowd", "oneWayRevoked", "startExpired", "unreadable"]

    private let descriptor: Int32
    /// Entries are in the order in which the lock was taken.
    private let state = Locked(State())

    init(_ path: String) throws {
        self.descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard self.descriptor >= 0 else { throw ChaosError("\(path): error \(errno)") }
    }

    /// Writes down the incarnations of a bus, the ends of its links and the one-way calls that it
    /// drops, for as long as the process lives.
    func follow(_ bus: Bus) {
        self.note(bus.incarnation)
        Task {
            while true {
                for _ in 0..<4 {
                    await pause(milliseconds: 5)
                    self.note(bus.incarnation)
                }
                self.note(bus.drops)
            }
        }
    }

    /// Writes down what is new in what a bus has counted.
    func note(_ counts: [String: UInt64]) {
        let linkEnds = Self.linkEnds.reduce(0) { $0 + (counts[$1] ?? 0) }
        let drops = Self.drops.reduce(0) { $0 + (counts[$1] ?? 0) }
        self.state.withLock { state in
            let now = MonotonicClock.now()
            if linkEnds > state.linkEnds { self.write(ChaosRecord(.unlinked, time: now)) }
            if drops > state.drops {
                self.write(ChaosRecord(.dropped, time: now, value: drops - state.drops))
            }
            (state.linkEnds, state.drops) = (linkEnds, drops)
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
    /// - Parameter target: of a one-way call who it is for; 0 if it follows a name.
    /// - Returns: Its number.
    func begin(_ lane: Int, oneWayTo target: UInt64? = nil) -> UInt32 {
        self.state.withLock { state in
            defer { state.calls += 1 }
            self.write(
                ChaosRecord(
                    target == nil ? .begun : .sent, lane: UInt8(lane), call: state.calls,
                    time: MonotonicClock.now(), value: target ?? 0))
            return state.calls
        }
    }

    func end(_ lane: Int, _ call: UInt32, _ outcome: ChaosOutcome) {
        self.state.withLock { _ in
            self.write(
                ChaosRecord(lane: UInt8(lane), call: call, time: MonotonicClock.now(), outcome))
        }
    }

    /// An object is made that may be handed out.
    ///
    /// - Returns: Its number, from 1.
    func made() -> UInt32 {
        self.state.withLock { state in
            state.made += 1
            self.write(ChaosRecord(.made, call: state.made, time: MonotonicClock.now()))
            return state.made
        }
    }

    func gone(_ number: UInt32) {
        self.state.withLock { state in
            state.gone += 1
            self.write(ChaosRecord(.gone, call: number, time: MonotonicClock.now()))
        }
    }

    /// Objects made here that live.
    var living: Int { self.state.withLock { Int($0.made - $0.gone) } }

    /// Something with an object of `owner` failed.
    func refused(_ owner: IncarnationID, since begun: UInt64, _ outcome: ChaosOutcome) {
        self.state.withLock { _ in
            self.write(
                ChaosRecord(
                    refusedBy: owner.rawValue, begun: begun, time: MonotonicClock.now(), outcome))
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
