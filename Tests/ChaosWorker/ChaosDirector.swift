// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import BusZeroMQ
import ChaosChecks
import Foundation
import TestPrograms

/// Starts all processes, does to them what a plan says, and compares their journals.
actor ChaosDirector {
    /// How long clients may take to come to their end, in milliseconds: longer than a call may.
    private static let patience = 100_000
    /// Messages that the broker keeps for a node: less than a flood has, more than all other calls.
    private static let highWater = 400
    /// How long all is well before the end, in milliseconds: everybody has noticed by its silence
    /// that a link has ended, has another one, and has written down whether it is a new
    /// incarnation's.
    private static let peace = 5_000
    /// Between two looks at what the broker has dropped, in milliseconds.
    private static let lookPause = 100

    private let layout = ChaosLayout()
    private let plan: ChaosPlan
    private let duration: Int
    private let folder: String
    private let url: String
    /// Whose cables are pulled; nil if all are on one machine, and connections are shut down.
    private let network: ChaosNetwork?
    private var programs: [ChaosSlot: Program] = [:]
    private var processes: [ChaosProcess] = []
    private var faults: [ChaosFault] = []
    private var drops: [ChaosDrops] = []

    init(seconds: Int, _ plan: ChaosPlan, _ network: ChaosNetwork?) throws {
        self.plan = plan
        self.duration = seconds * 1_000
        self.folder = FileManager.default.temporaryDirectory.path + "/objbus-chaos-\(getpid())"
        self.network = network
        self.url = network == nil ? "ipc://\(self.folder)/bus" : ChaosNetwork.url
        try FileManager.default.createDirectory(
            atPath: self.folder, withIntermediateDirectories: true)
    }

    func run() async throws -> ChaosReport {
        for slot in self.slots { try self.start(slot) }
        let bus = try await connect("director", to: self.url)
        let looks = Task { await self.followDrops(bus) }
        let begin = MonotonicClock.now()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for step in self.plan.steps {
                await self.wait(until: begin, plus: step.at)
                group.addTask { try await self.cause(step) }
            }
            await self.wait(until: begin, plus: self.duration)
            try await group.waitForAll()
        }
        await pause(milliseconds: Self.peace)
        await self.rest()
        looks.cancel()
        await looks.value
        await self.end()
        let report = try self.check()
        if report.isGood {
            try? FileManager.default.removeItem(atPath: self.folder)
        } else {
            self.tellFaults(since: begin)
            complain("the journals are in \(self.folder)")
        }
        return report
    }

    private var slots: [ChaosSlot] { self.layout.slots }

    private func wait(until begin: UInt64, plus milliseconds: Int) async {
        let passed = Int((MonotonicClock.now() - begin) / 1_000_000)
        if passed < milliseconds { await pause(milliseconds: milliseconds - passed) }
    }

    // MARK: Processes

    private func start(_ slot: ChaosSlot) throws {
        let id = UInt16(self.processes.count)
        self.processes.append(ChaosProcess(id: id, slot: slot))
        let journal = self.journal(of: id)
        switch slot {
        case .broker:
            var options = [
                "--listen", self.url, "--state", self.folder, "--log-level", "critical",
                "--set", "highWater=\(Self.highWater)",
            ]
            // Everybody may connect: there is nobody else.
            if self.network != nil { options.append("--insecure") }
            self.programs[slot] = try Program("objbus", ["broker"] + options)
        case .worker(let index):
            self.programs[slot] = try self.start(["worker", "\(index)", journal], in: slot)
        case .client:
            self.programs[slot] = try self.start(["client", "\(id)", journal], in: slot)
        }
    }

    /// Starts this program in another role.
    private func start(_ role: [String], in slot: ChaosSlot) throws -> Program {
        let this = CommandLine.arguments[0]
        let environment = ["OBJBUS_URL": self.url]
        guard let network, let place = self.layout.place(of: slot) else {
            return try Program(this, role, environment: environment)
        }
        return try network.start(this, role, environment: environment, at: place)
    }

    private func journal(of id: UInt16) -> String { "\(self.folder)/\(id).journal" }

    private func kill(_ slot: ChaosSlot) {
        guard let index = self.processes.lastIndex(where: { $0.slot == slot }) else { return }
        self.processes[index].killed = MonotonicClock.now()
        self.programs[slot]?.kill()
        self.programs[slot] = nil
    }

    /// Lets everybody come to rest, look for what it holds, and let go of it.
    private func rest() async {
        let others = self.slots.filter { $0 != .broker }
        for command in ["rest", "check", "drop"] {
            for slot in others { self.programs[slot]?.type("\(command)\n") }
            for slot in others { await self.awaitReport(command, of: slot) }
            // What is sent one-way is under way when its sender rests.
            await pause(milliseconds: 1_000)
        }
    }

    private func awaitReport(_ command: String, of slot: ChaosSlot) async {
        guard let program = self.programs[slot] else { return }
        let watch = self.watch(program)
        defer { watch.cancel() }
        do {
            try await program.line(with: command)
        } catch {
            complain("\(slot) does not \(command): \(error)")
        }
    }

    /// Kills a program that takes too long, unless cancelled.
    private func watch(_ program: Program) -> Task<Void, Never> {
        Task {
            await pause(milliseconds: Self.patience)
            if !Task.isCancelled { program.kill() }
        }
    }

    /// Lets clients come to their end, then ends the others.
    private func end() async {
        for slot in self.slots where slot.role == "client" { self.programs[slot]?.endInput() }
        for slot in self.slots where slot.role == "client" { await self.awaitEnd(of: slot) }
        for slot in self.slots where slot.role == "worker" { self.programs[slot]?.endInput() }
        for slot in self.slots where slot.role == "worker" { await self.awaitEnd(of: slot) }
        self.programs[.broker]?.kill()
    }

    private func awaitEnd(of slot: ChaosSlot) async {
        guard let program = self.programs[slot] else { return }
        let watch = self.watch(program)
        let status = try? await program.exitStatus()
        watch.cancel()
        if status != 0 { complain("\(slot) ends with status \(status ?? -1)") }
    }

    // MARK: Faults

    private func cause(_ step: ChaosPlan.Step) async throws {
        let begin = MonotonicClock.now()
        let slot = step.slot
        switch step.kind {
        case .kill:
            self.kill(slot)
            await pause(milliseconds: step.length)
            try self.start(slot)
        case .stop:
            self.programs[slot]?.signal(SIGSTOP)
            await pause(milliseconds: step.length)
            self.programs[slot]?.signal(SIGCONT)
        case .cut:
            guard let network, let place = self.layout.place(of: slot) else {
                self.programs[slot]?.type("cut\n")
                break
            }
            try await network.pull(place)
            await pause(milliseconds: step.length)
            try await network.plug(place)
        case .flood:
            guard case .worker(let index) = slot else { return }
            self.programs[slot]?.signal(SIGSTOP)
            for client in self.slots where client.role == "client" {
                self.programs[client]?.type("flood \(index)\n")
            }
            await pause(milliseconds: step.length)
            self.programs[slot]?.signal(SIGCONT)
        case .turn:
            for slot in self.slots {
                self.kill(slot)
                try self.start(slot)
                await pause(milliseconds: step.length)
            }
        }
        self.faults.append(
            ChaosFault(step.kind, slot, begin: begin, end: MonotonicClock.now()))
    }

    private func tellFaults(since begin: UInt64) {
        complain("milliseconds are counted from \(begin / 1_000_000)")
        for fault in self.faults.sorted(by: { $0.begin < $1.begin }) {
            let span = [fault.begin, fault.end].map { ($0 - begin) / 1_000_000 }
            complain("\(span[0]) to \(span[1]) ms: \(fault.kind) \(fault.slot)")
        }
    }

    // MARK: The end

    /// Asks the broker again and again how many one-way calls it has dropped.
    private func followDrops(_ bus: Bus) async {
        var (run, count, time) = (Value.null, 0, MonotonicClock.now())
        while !Task.isCancelled {
            await pause(milliseconds: Self.lookPause)
            guard let status = try? await bus.status() else { continue }
            let now = MonotonicClock.now()
            let drops = ["oneWayDropped", "oneWayOverCredit"].reduce(0) {
                $0 + (status["drops"]?[$1]?.intValue ?? 0)
            }
            let more = status["run"] == run ? drops - count : drops
            if more > 0 { self.drops.append(ChaosDrops(more, from: time, until: now)) }
            (run, count, time) = (status["run"] ?? .null, drops, now)
        }
        await bus.leave()
    }

    private func check() throws -> ChaosReport {
        var checker = ChaosChecker(
            self.layout, self.processes, self.faults, drops: self.drops)
        for role in ["client", "worker"] {
            for process in self.processes where process.slot.role == role {
                // Who was killed at once has none.
                let data = FileManager.default.contents(atPath: self.journal(of: process.id))
                let journal = [UInt8](data ?? Data())
                if role == "client" {
                    checker.readClient(process.id, journal)
                } else {
                    checker.readWorker(process.id, journal)
                }
            }
        }
        return checker.report()
    }
}
