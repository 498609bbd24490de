// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import BusZeroMQ
import ChaosChecks
import TestPrograms

/// Calls all objects as fast as they answer, and writes down what came of each call.
final class ChaosClient: Sendable {
    /// Calls of one object at a time.
    private static let window = 16
    /// One of so many calls takes its time at the object.
    private static let lingering: UInt32 = 64
    /// Calls with a large argument that a flood has: more than a window takes (limits.md §1).
    private static let flood = 300

    private struct State {
        var isOver = false
        var floods: [Int: Task<Void, Never>] = [:]
    }

    private let number: UInt16
    private let bus: Bus
    private let journal: Journal
    private let layout = ChaosLayout()
    private let state = Locked(State())

    init(_ number: UInt16, _ bus: Bus, _ journal: Journal) {
        (self.number, self.bus, self.journal) = (number, bus, journal)
    }

    /// Calls until the standard input ends, and then waits for what is under way.
    func run() async throws {
        self.journal.follow(self.bus)
        await withTaskGroup(of: Void.self) { group in
            for lane in 0..<self.layout.lanes where !self.layout.isBulk(lane) {
                group.addTask { await self.drive(lane) }
            }
            for await command in commands() {
                let words = command.split(separator: " ")
                if words == ["cut"] { shutDownConnections() }
                if words.first == "flood", let worker = Int(words[1]) { self.flood(worker) }
            }
            self.state.withLock { $0.isOver = true }
        }
        // Order-free: all are awaited.
        for flood in self.state.withLock({ Array($0.floods.values) }) { await flood.value }
        self.journal.finish()
        await self.bus.leave()
    }

    private var isOver: Bool { self.state.withLock { $0.isOver } }

    /// One object's calls; after a call that failed the object is looked for anew.
    private func drive(_ lane: Int) async {
        while !self.isOver {
            if let station = await self.find(lane) {
                await self.call(station, lane)
            }
            await pause(milliseconds: 20)
        }
    }

    private func find(_ lane: Int) async -> Station? {
        let name = self.layout.name(ofLane: lane)
        return self.layout.isPinned(lane)
            ? try? await self.bus.find(pinned: Station.self, named: name)
            : try? await self.bus.find(Station.self, named: name)
    }

    /// Calls some at a time until one fails. All are issued by one task, each up to its first
    /// suspension, which is when it is in the stream: their numbers are the order of issuing.
    private func call(_ station: Station, _ lane: Int) async {
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<Self.window {
                group.addImmediateTask { await self.callOnce(station, lane) }
            }
            var isGood = true
            while let isAnswered = await group.next() {
                isGood = isGood && isAnswered
                guard isGood, !self.isOver else { continue }
                group.addImmediateTask { await self.callOnce(station, lane) }
            }
        }
    }

    private func callOnce(_ station: Station, _ lane: Int) async -> Bool {
        let call = self.journal.begin(lane)
        return await self.end(lane, call) {
            call % Self.lingering == 0
                ? try await station.linger(Int(self.number), Int(call), milliseconds: 5)
                : try await station.enter(Int(self.number), Int(call))
        }
    }

    /// Sends a worker more than its pipe takes.
    private func flood(_ worker: Int) {
        let lane = (0..<self.layout.lanes).first { lane in
            self.layout.worker(ofLane: lane) == worker && self.layout.isBulk(lane)
        }
        guard let lane else { return }
        self.state.withLock { state in
            guard state.floods[lane] == nil, !state.isOver else { return }
            state.floods[lane] = Task {
                await self.flood(lane: lane)
                self.state.withLock { $0.floods[lane] = nil }
            }
        }
    }

    private func flood(lane: Int) async {
        guard let station = await self.find(lane) else { return }
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<Self.flood {
                group.addImmediateTask {
                    let call = self.journal.begin(lane)
                    return await self.end(lane, call) {
                        try await station.take(Int(self.number), Int(call), load(of: Int(call)))
                    }
                }
            }
        }
    }

    /// Writes down how a call ends, and says whether it was answered.
    private func end(
        _ lane: Int, _ call: UInt32, _ body: () async throws -> Int
    ) async -> Bool {
        do {
            let answer = try await body()
            self.journal.end(lane, call, .answered(answer))
            return true
        } catch let error as BusError {
            self.journal.end(lane, call, .failed(error.kind, error.executed))
        } catch {
            self.journal.end(lane, call, .failed(.failed, .yes))
        }
        return false
    }
}
