// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import BusZeroMQ
import ChaosChecks
import TestPrograms

/// Calls all objects as fast as they answer, and writes down what came of each call. Meanwhile it
/// trades with objects that come and go.
final class ChaosClient: Sendable {
    /// Calls of one object at a time.
    private static let window = 16
    /// One of so many calls takes its time at the object.
    private static let lingering: UInt32 = 64
    /// One of so many is one-way.
    private static let telling = 16
    /// Who trade at a time.
    private static let traders = 12
    /// Calls with a large argument that a flood has: more than a window takes (limits.md §1).
    private static let flood = 300

    private struct State {
        var isOver = false
        var floods: [Int: Task<Void, Never>] = [:]
    }

    private let number: UInt16
    private let bus: Bus
    private let journal: Journal
    private let bag: Bag
    private let layout = ChaosLayout()
    private let state = Locked(State())

    init(_ number: UInt16, _ bus: Bus, _ journal: Journal) {
        (self.number, self.bus, self.journal) = (number, bus, journal)
        self.bag = Bag(bus, journal)
    }

    /// Calls until it is told to rest, and then waits for what is under way.
    func run() async throws {
        self.journal.follow(self.bus)
        let calls = Task { await self.callAll() }
        for await command in commands() {
            let words = command.split(separator: " ")
            switch words.first {
            case "flood": if let worker = Int(words[1]) { self.flood(worker) }
            case "rest":
                self.state.withLock { $0.isOver = true }
                await calls.value
                // Order-free: all are awaited.
                for flood in self.state.withLock({ Array($0.floods.values) }) {
                    await flood.value
                }
                self.journal.finish()
                report("rest")
            default: await obey(command, self.bag, self.journal)
            }
        }
        await self.bus.leave()
    }

    private func callAll() async {
        await withTaskGroup(of: Void.self) { group in
            for lane in 0..<self.layout.lanes where !self.layout.isBulk(lane) {
                group.addTask { await self.drive(lane) }
            }
            let trader = ChaosTrader(self.bus, self.bag)
            for _ in 0..<Self.traders {
                group.addTask { await trader.run { self.isOver } }
            }
        }
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
            var (isGood, count) = (true, 0)
            while let isAnswered = await group.next() {
                isGood = isGood && isAnswered
                guard isGood, !self.isOver else { continue }
                count += 1
                if count % Self.telling == 0 {
                    group.addImmediateTask { await self.tellOnce(station, lane) }
                } else {
                    group.addImmediateTask { await self.callOnce(station, lane) }
                }
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

    private func tellOnce(_ station: Station, _ lane: Int) async -> Bool {
        let isPinned = self.layout.isPinned(lane)
        let target = isPinned ? station.id.reference.owner.rawValue : 0
        let call = self.journal.begin(lane, oneWayTo: target)
        do {
            try await station.oneway.tell(Int(self.number), Int(call))
            return true
        } catch {
            self.journal.end(lane, call, outcome(of: error))
            return false
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
        } catch {
            self.journal.end(lane, call, outcome(of: error))
            return false
        }
    }
}

/// How a call has ended that did not answer.
func outcome(of error: any Error) -> ChaosOutcome {
    guard let error = error as? BusError else { return .failed(.failed, .yes) }
    return .failed(error.kind, error.executed)
}
