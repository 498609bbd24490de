// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import Foundation

/// Lets agents take many steps while their processes, their links and the broker come and go; then
/// compares what lives with what can be reached.
actor SoakDriver {
    /// Steps that an agent takes at a time.
    private static let chunk = 500

    private let world: SoakWorld
    private let bus: Bus
    private let nodes: Int
    private let wanted: Int
    private var random: SplitMix
    private var begun = 0
    private var total = SoakReport()
    private var memory = MemoryTable()
    private var memoryMarks = [10, 50, 100]
    private var events: [String: Int] = [:]
    /// One thing goes wrong at a time, and what goes wrong is over before the end.
    private var isBusy = false

    init(in world: SoakWorld, nodes: Int, steps: Int, seed: UInt64) async throws {
        self.world = world
        self.nodes = nodes
        self.wanted = steps
        self.random = SplitMix(state: seed)
        for index in 0..<nodes {
            try await world.start("agent/\(index)", Self.arguments(index, nodes, seed))
        }
        var configuration = Bus.Configuration(url: world.url, name: "driver")
        configuration.connectTimeout = .seconds(20)
        self.bus = try await Bus.connect(configuration)
    }

    private static func arguments(_ index: Int, _ nodes: Int, _ seed: UInt64) -> [String] {
        ["agent", "\(index)", "\(nodes)", "\(seed &+ UInt64(index))"]
    }

    /// Returns whether all went well.
    func run() async throws -> Bool {
        let start = ContinuousClock.now
        for index in 0..<self.nodes { try await self.awaitAgent(index) }
        await withTaskGroup(of: Void.self) { group in
            for index in 0..<self.nodes { group.addTask { await self.drive(index) } }
        }
        self.memory.note("100 %", await self.world.memory())
        say(
            "\(self.total.steps) steps, \(self.total.calls) calls in "
                + "\(ContinuousClock.now - start): \(self.total.disconnected) to somebody who had "
                + "ended, \(self.total.cancelled) cancelled; "
                + self.events.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
                .joined(separator: ", "))
        let isEven = await self.compare()
        for violation in self.total.violations { say("VIOLATION: \(violation)") }
        return isEven && self.total.violations.isEmpty
    }

    private func awaitAgent(_ index: Int) async throws {
        let end = ContinuousClock.now + .seconds(30)
        while true {
            do {
                _ = try await self.bus.find(Agent.self, named: "agent/\(index)")
                return
            } catch let error as BusError where ContinuousClock.now < end {
                guard error.kind == .notFound || error.kind == .disconnected else { throw error }
                await pause(milliseconds: 20)
            }
        }
    }

    /// One agent's steps, chunk by chunk.
    private func drive(_ index: Int) async {
        while self.begun < self.wanted {
            self.begun += Self.chunk
            do {
                let agent = try await self.bus.find(Agent.self, named: "agent/\(index)")
                let report = try await agent.with(deadline: .seconds(300)).run(Self.chunk)
                self.add(report)
            } catch let error as BusError
                where [.disconnected, .notFound, .recovering].contains(error.kind)
            {
                // Killed, or cut off for too long: what it did in this chunk does not count.
                self.begun -= Self.chunk
                self.events["chunks lost", default: 0] += 1
                await pause(milliseconds: 20)
            } catch {
                self.total.violations.append("driving agent \(index): \(error)")
                self.begun = .max / 2
            }
            await self.noteMemory()
            await self.makeTrouble()
        }
    }

    private func add(_ report: SoakReport) {
        self.total.steps += report.steps
        self.total.calls += report.calls
        self.total.disconnected += report.disconnected
        self.total.cancelled += report.cancelled
        self.total.violations += report.violations
        if !report.violations.isEmpty { self.begun = .max / 2 }
    }

    private func noteMemory() async {
        guard let mark = self.memoryMarks.first, mark < 100,
            self.total.steps >= self.wanted / 100 * mark
        else { return }
        self.memoryMarks.removeFirst()
        self.memory.note("\(mark) %", await self.world.memory())
    }

    // MARK: Trouble

    private func makeTrouble() async {
        guard !self.isBusy, self.begun < self.wanted else { return }
        self.isBusy = true
        defer { self.isBusy = false }
        let index = Int.random(in: 0..<self.nodes, using: &self.random)
        let name = "agent/\(index)"
        do {
            switch Int.random(in: 0..<400, using: &self.random) {
            case 0..<100:
                self.events["cuts", default: 0] += 1
                try await self.bus.find(Agent.self, named: name).oneway.cut()
            case 100..<112:
                self.events["kills", default: 0] += 1
                let seed = self.random.next()
                try await self.world.start(name, Self.arguments(index, self.nodes, seed))
                try await self.awaitAgent(index)
            case 112:
                self.events["restarts of the broker", default: 0] += 1
                try await self.world.restartBroker()
            case 113:
                self.events["standstills", default: 0] += 1
                await self.world.stall(name, milliseconds: 3_500)
            default:
                break
            }
        } catch let error as BusError
            where [.disconnected, .notFound, .recovering].contains(error.kind)
        {
            // It is in trouble already.
        } catch {
            self.total.violations.append("troubling \(name): \(error)")
        }
    }

    // MARK: The end

    /// Waits until what lives is what can be reached; says what differs if that takes too long.
    private func compare() async -> Bool {
        let end = ContinuousClock.now + .seconds(30)
        while true {
            let differences = await self.differences()
            if differences.isEmpty { return true }
            guard ContinuousClock.now < end else {
                for line in differences { say("VIOLATION: \(line)") }
                return false
            }
            await pause(milliseconds: 200)
        }
    }

    private func differences() async -> [String] {
        var living: Set<String> = []
        var held: Set<String> = []
        var lines: [String] = []
        for index in 0..<self.nodes {
            do {
                let agent = try await self.bus.find(Agent.self, named: "agent/\(index)")
                let inventory = try await agent.inventory()
                living.formUnion(inventory.living)
                held.formUnion(inventory.held)
                lines += inventory.violations
            } catch {
                lines.append("agent \(index) does not answer: \(error)")
            }
        }
        let leaked = living.subtracting(held).sorted()
        let lost = held.subtracting(living).sorted()
        if !leaked.isEmpty {
            lines.append("\(leaked.count) live that nobody holds: \(leaked.prefix(10))")
        }
        if !lost.isEmpty { lines.append("\(lost.count) are held and dead: \(lost.prefix(10))") }
        if lines.isEmpty { say("\(living.count) objects live, and all of them are held") }
        return lines
    }
}
