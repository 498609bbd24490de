// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import BusZeroMQ
import ChaosChecks
import Foundation
import Logging
import TestPrograms

/// Real processes under load, to which things happen. `scripts/chaos` runs it.
///
///     ChaosWorker direct SECONDS INTERVAL SEED RATE [network] [json]
///
/// It starts itself again as `worker INDEX JOURNAL` and `client NUMBER JOURNAL`, and `objbus` from
/// its own folder.
@main struct ChaosWorker {
    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        switch arguments.first {
        case "direct" where arguments.count >= 5:
            let numbers = arguments[1...4].compactMap { Int($0) }
            guard numbers.count == 4 else { break }
            // Somebody who is written to may have ended.
            signal(SIGPIPE, SIG_IGN)
            let layout = ChaosLayout()
            let network =
                arguments.contains("network")
                ? try await ChaosNetwork(places: layout.workers + layout.clients) : nil
            let plan = ChaosPlan(
                seed: UInt64(numbers[2]), milliseconds: numbers[0] * 1_000, interval: numbers[1],
                cutMax: network == nil ? 0 : 6_000, layout)
            let report = try await ChaosDirector(seconds: numbers[0], plan, network).run()
            let isGood = try tell(report, rate: numbers[3], asJSON: arguments.last == "json")
            exit(isGood ? 0 : 1)
        case "worker" where arguments.count == 3:
            guard let index = Int(arguments[1]) else { break }
            try await serve(index, try Journal(arguments[2]))
            exit(0)
        case "client" where arguments.count == 3:
            guard let number = UInt16(arguments[1]) else { break }
            let journal = try Journal(arguments[2])
            try await ChaosClient(number, try await connect("client-\(number)"), journal).run()
            exit(0)
        default:
            break
        }
        print("usage: ChaosWorker direct SECONDS INTERVAL SEED RATE [network] [json]")
        exit(2)
    }

    /// Prints a report, and says whether it is as good as it should be.
    private static func tell(_ report: ChaosReport, rate: Int, asJSON: Bool) throws -> Bool {
        if asJSON {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            print(String(decoding: try encoder.encode(report), as: UTF8.self))
        } else {
            for line in report.table { print(line) }
        }
        for line in report.examples { complain(line) }
        if Int(report.rate) < rate { complain("fewer than \(rate) calls a second") }
        return report.isGood && Int(report.rate) >= rate
    }
}

/// Attaches a worker or a client to the bus.
///
/// - Parameter url: of the broker; nil for the one that the environment tells.
func connect(_ name: String, to url: String? = nil) async throws -> Bus {
    var configuration = Bus.Configuration(url: url, name: name)
    configuration.connectTimeout = .seconds(60)
    // Longer than anything that happens here may delay a call: who waits so long is forgotten.
    configuration.deadline = .seconds(60)
    configuration.logger.logLevel = .critical
    try configuration.useOwnContext()
    return try await Bus.connect(configuration)
}

/// Has the objects of one worker until the standard input ends.
private func serve(_ index: Int, _ journal: Journal) async throws {
    let bus = try await connect("worker-\(index)")
    journal.follow(bus)
    let layout = ChaosLayout()
    var stations: [Station] = []
    for lane in index * layout.objects..<(index + 1) * layout.objects {
        let station = Station(lane, journal, actorSystem: bus)
        try await bus.publish(station, as: layout.name(ofLane: lane))
        stations.append(station)
    }
    let bag = Bag(bus, journal)
    let market = Market(bag, actorSystem: bus)
    try await bus.publish(market, as: layout.market(of: index))
    for await command in commands() { await obey(command, bag, journal) }
    // Its journal tells all of its incarnations.
    while !bus.isLinked { await pause(milliseconds: 5) }
    journal.note(bus.incarnation)
    journal.note(bus.drops)
    withExtendedLifetime((stations, market)) {}
    await bus.leave()
}

/// How long objects may live on that nobody holds any more, in milliseconds.
private let lettingGoMax = 20_000

/// Does what the director tells workers and clients alike, and reports it.
func obey(_ command: String, _ bag: Bag, _ journal: Journal) async {
    switch command {
    case "cut": return shutDownConnections()
    case "check": await bag.check()
    case "drop":
        bag.clear()
        let end = MonotonicClock.now() + UInt64(lettingGoMax) * 1_000_000
        while journal.living > 0, MonotonicClock.now() < end { await pause(milliseconds: 5) }
    default: break
    }
    report(command)
}

/// Tells the director that a command is carried out.
func report(_ command: String) {
    FileHandle.standardOutput.write(Data("\(command)\n".utf8))
}

/// What the director writes, line by line.
func commands() -> AsyncStream<String> {
    AsyncStream { continuation in
        Thread.detachNewThread {
            while let line = readLine() { continuation.yield(line) }
            continuation.finish()
        }
    }
}

/// Lets other things happen for a while; what is waited for is in other processes.
func pause(milliseconds: Int) async {
    await withCheckedContinuation { continuation in
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(milliseconds)) {
            continuation.resume()
        }
    }
}

func complain(_ line: String) {
    FileHandle.standardError.write(Data("\(line)\n".utf8))
}
