// Part of objbus. SPDX-License-Identifier: Apache-2.0

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
        let watch = Task {
            await pause(milliseconds: Self.patience)
            if !Task.isCancelled { program.kill() }
        }
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

    private func check() throws -> ChaosReport {
        var checker = ChaosChecker(self.layout, self.processes, self.faults)
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
