// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import Foundation

/// One promise under stress, and how it was kept.
struct Trial: Sendable {
    let name: String
    /// What is done, for people.
    let about: String
    let run: @Sendable () async throws -> [Finding]

    /// One measured figure, and what it may be.
    struct Finding: Sendable {
        let what: String
        let value: String
        let bar: String
        let isKept: Bool
    }

    static let all = [
        Trial(name: "stopped", about: "one worker stands still", run: stopped),
        Trial(name: "flood", about: "64 KiB at a time to a worker that stands still", run: flood),
        Trial(
            name: "oneway", about: "1 MiB at a time, and nobody wants an answer",
            run: oneWayFlood),
        Trial(
            name: "share", about: "1 MiB one-way to a worker that stands still most of the time",
            run: share),
        Trial(name: "fair", about: "one client calls as much as it can, three a little", run: fair),
        Trial(name: "outstanding", about: "10,000 calls at a time", run: outstanding),
        Trial(name: "crowd", about: "1,000 nodes", run: crowd),
    ]

    /// Holds the trials named, prints a table, and says whether all promises were kept.
    static func hold(_ names: [String]) async -> Bool {
        let unknown = names.filter { name in !self.all.contains { $0.name == name } }
        guard unknown.isEmpty else {
            print("no trial \(unknown[0]); there are: \(self.all.map(\.name))")
            return false
        }
        var isGood = true
        print(row("TRIAL", "FIGURE", "VALUE", "BAR", ""))
        for trial in self.all where names.isEmpty || names.contains(trial.name) {
            do {
                for finding in try await trial.run() {
                    let verdict = finding.isKept ? "kept" : "MISSED"
                    print(row(trial.name, finding.what, finding.value, finding.bar, verdict))
                    isGood = isGood && finding.isKept
                }
            } catch {
                print(row(trial.name, "\(error)", "", "", "FAILED"))
                isGood = false
            }
            fflush(nil)
        }
        return isGood
    }

    private static func row(_ columns: String...) -> String {
        let widths = [12, 52, 14, 10, 6]
        return zip(columns, widths)
            .map { $0.padding(toLength: max($1, $0.count), withPad: " ", startingAt: 0) }
            .joined(separator: " ")
    }
}

private func round(_ value: Double) -> String { String(format: "%.2f", value) }

private func start(_ load: Load, on stage: StressStage) throws -> StressProgram {
    let text = String(decoding: try JSONEncoder().encode(load), as: UTF8.self)
    return try stage.start(["load", text])
}

// MARK: The trials

/// Callers of one worker, while another one stands still and is called all the same. Rounds with
/// and without are interleaved, as machines drift.
private func stopped() async throws -> [Trial.Finding] {
    let stage = try StressStage()
    let (good, bad) = (try await stage.server("good"), try await stage.server("bad"))
    var ratios: [Double] = []
    var errors: [String: Int] = [:]
    for _ in 0..<5 {
        let load = Load(object: "good", kind: .add, outstanding: 8, seconds: 2)
        let alone = try await start(load, on: stage).report()
        bad.signal(SIGSTOP)
        let stuck = try start(
            Load(object: "bad", kind: .add, outstanding: 64, seconds: 2, deadline: 2.5), on: stage)
        let beside = try await start(load, on: stage).report()
        bad.signal(SIGCONT)
        _ = try await stuck.report()
        ratios.append(beside.p99 / alone.p99)
        errors.merge(alone.errors, uniquingKeysWith: +)
        errors.merge(beside.errors, uniquingKeysWith: +)
    }
    withExtendedLifetime((good, bad)) {}
    let ratio = ratios.sorted()[ratios.count / 2]
    return [
        Trial.Finding(
            what: "p99 of callers of another worker, by theirs alone", value: round(ratio),
            bar: "<= 1.20", isKept: ratio <= 1.2),
        Trial.Finding(
            what: "their errors", value: "\(errors)", bar: "none", isKept: errors.isEmpty),
    ]
}

/// How long a flood lasts.
private var floodSeconds: Double {
    ProcessInfo.processInfo.environment["STRESS_FLOOD_SECONDS"].flatMap(Double.init) ?? 10
}

private func flood() async throws -> [Trial.Finding] { try await flood(.take, clients: 8) }

private func oneWayFlood() async throws -> [Trial.Finding] {
    try await flood(.takeOneWay, clients: 2)
}

/// What clients can make others remember while their callee reads nothing: their windows together,
/// or their one-way calls, come to more than the callee's credit.
private func flood(_ kind: Load.Kind, clients count: Int) async throws -> [Trial.Finding] {
    let stage = try StressStage()
    let target = try await stage.server("target")
    let bus = try await stage.connect()
    let before = stage.brokerMemory
    target.signal(SIGSTOP)
    let load = Load(
        object: "target", kind: kind, outstanding: 4_096 / count, seconds: floodSeconds,
        deadline: 2)
    let clients = try (0..<count).map { _ in try start(load, on: stage) }
    var (broker, caller) = (0, 0)
    while clients.contains(where: \.isRunning) {
        broker = max(broker, stage.brokerMemory)
        caller = max(caller, clients.map(\.memory).max() ?? 0)
        await pause(milliseconds: 20)
    }
    let status = try await bus.status()
    target.signal(SIGCONT)
    var errors: [String: Int] = [:]
    for client in clients {
        errors.merge(try await client.report().errors, uniquingKeysWith: +)
    }
    var most = 0
    let end = ContinuousClock.now + .seconds(2)
    while ContinuousClock.now < end {
        most = max(most, target.memory)
        await pause(milliseconds: 20)
    }
    let refused = errors["overloaded, executed: no", default: 0]
    let dropped = status["drops"]?["oneWayOverCredit"]?.intValue ?? 0
    return [
        memory("the broker grew by", broker - before),
        memory("a client took, at most", caller),
        memory("the worker took afterwards", most),
        Trial.Finding(
            what: "refused at a client, dropped at the broker", value: "\(refused), \(dropped)",
            bar: "> 0", isKept: refused + dropped > 0),
    ]
}

private func memory(_ what: String, _ mebibytes: Int) -> Trial.Finding {
    Trial.Finding(
        what: what, value: "\(mebibytes) MiB", bar: "<= 512", isKept: mebibytes <= 512)
}

/// A client floods a worker that takes in little, and another one calls it.
private func share() async throws -> [Trial.Finding] {
    let stage = try StressStage()
    let target = try await stage.server("target")
    let bus = try await stage.connect()
    let flood = try start(
        Load(object: "target", kind: .takeOneWay, outstanding: 16, seconds: 7), on: stage)
    let victim = try start(
        Load(object: "target", kind: .add, outstanding: 8, seconds: 6), on: stage)
    while victim.isRunning {
        target.signal(SIGSTOP)
        await pause(milliseconds: 90)
        target.signal(SIGCONT)
        await pause(milliseconds: 10)
    }
    let report = try await victim.report()
    let status = try await bus.status()
    _ = try await flood.report()
    let dropped = status["drops"]?["oneWayOverCredit"]?.intValue ?? 0
    return [
        Trial.Finding(
            what: "calls of the flood that were dropped", value: "\(dropped)", bar: "> 0",
            isKept: dropped > 0),
        Trial.Finding(
            what: "right answers a second of the other one", value: "\(Int(report.rate))",
            bar: "> 0", isKept: report.rate > 0),
        Trial.Finding(
            what: "its errors", value: "\(report.errors)", bar: "none",
            isKept: report.errors.isEmpty),
    ]
}

/// Three clients with little to do beside one that calls as much as it can.
private func fair() async throws -> [Trial.Finding] {
    let stage = try StressStage()
    let server = try await stage.server("busy")
    let share = Load(object: "busy", kind: .work, outstanding: 16, seconds: 5)
    // All alike: what each of four gets is its fair share.
    let even = try (0..<4).map { _ in try start(share, on: stage) }
    var fairRate = 0.0
    for client in even { fairRate += try await client.report().rate / 4 }
    let greedy = try start(
        Load(object: "busy", kind: .work, outstanding: 4_000, seconds: 6), on: stage)
    let victims = try (0..<3).map { _ in try start(share, on: stage) }
    var rate = 0.0
    for client in victims { rate += try await client.report().rate / 3 }
    _ = try await greedy.report()
    withExtendedLifetime(server) {}
    let part = rate / fairRate
    return [
        Trial.Finding(
            what: "what others get beside it, by their fair share", value: round(part),
            bar: ">= 0.80", isKept: part >= 0.8)
    ]
}

private func outstanding() async throws -> [Trial.Finding] {
    let stage = try StressStage()
    let server = try await stage.server("counter")
    let report = try await start(
        Load(object: "counter", kind: .add, outstanding: 10_000, seconds: 5), on: stage
    ).report()
    withExtendedLifetime(server) {}
    return [
        Trial.Finding(
            what: "right answers a second", value: "\(Int(report.rate))", bar: "> 0",
            isKept: report.rate > 0),
        Trial.Finding(
            what: "errors", value: "\(report.errors)", bar: "none", isKept: report.errors.isEmpty),
    ]
}

/// Every node publishes an object, and calls that of the next one.
private func crowd() async throws -> [Trial.Finding] {
    let count = 1_000
    let stage = try StressStage()
    let before = stage.brokerMemory
    let processes = try (0..<10).map { index in
        try stage.start(["crowd", "\(index * count / 10)", "\(count / 10)", "\(count)"])
    }
    var answered = 0
    var errors: [String: Int] = [:]
    for process in processes {
        let report = try await process.report()
        answered += report.calls
        errors.merge(report.errors, uniquingKeysWith: +)
    }
    let grown = stage.brokerMemory - before
    return [
        Trial.Finding(
            what: "right answers, one of each node", value: "\(answered)", bar: "\(count)",
            isKept: answered == count),
        Trial.Finding(
            what: "errors", value: "\(errors)", bar: "none", isKept: errors.isEmpty),
        memory("the broker grew by", grown),
    ]
}
