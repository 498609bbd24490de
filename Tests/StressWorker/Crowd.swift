// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI

/// Some of many nodes, in one process: each publishes an object, waits until all of the crowd have,
/// calls the next node's object, and waits until all have been called.
func joinCrowd(from first: Int, _ count: Int, of total: Int) async throws -> LoadReport {
    var members: [(bus: Bus, target: Target)] = []
    for index in first..<first + count {
        var configuration = Bus.Configuration(name: "member-\(index)")
        configuration.connectTimeout = .seconds(60)
        // The default context has room for fewer sockets than a crowd needs.
        try configuration.useOwnContext()
        let bus = try await Bus.connect(configuration)
        let target = Target(actorSystem: bus)
        try await bus.publish(target, as: "crowd/\(index)")
        members.append((bus, target))
    }
    try await waitForNames("crowd/", total, on: members[0].bus)
    var report = LoadReport()
    for (offset, member) in members.enumerated() {
        let next = (first + offset + 1) % total
        do {
            let neighbour = try await member.bus.find(Target.self, named: "crowd/\(next)")
            if try await neighbour.add(next, 1) == next + 1 { report.calls += 1 }
        } catch {
            report.errors["\(error)", default: 0] += 1
        }
    }
    // Nobody leaves before all have called.
    try await members[0].bus.publish(members[0].target, as: "done/\(first)")
    try await waitForNames("done/", total / count, on: members[0].bus)
    return report
}

private func waitForNames(_ prefix: String, _ count: Int, on bus: Bus) async throws {
    let end = ContinuousClock.now + .seconds(120)
    while try await bus.names(prefix: prefix).count < count {
        guard ContinuousClock.now < end else {
            throw StressError("fewer than \(count) names \(prefix) after 120 s")
        }
        await pause(milliseconds: 100)
    }
}
