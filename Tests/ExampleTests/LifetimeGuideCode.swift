// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Code of docs/guides/lifetimes.md: compiled here, run by LifetimeGuideTests.

import ObjectBus

/// Hands out tickets.
@BusObject
distributed actor TicketOffice {
    /// A new ticket, which lives here for as long as anybody anywhere holds it.
    distributed func issue() -> Ticket {
        Ticket(actorSystem: self.actorSystem)
    }
}

/// Lets somebody in.
@BusObject
distributed actor Ticket {
    private var uses = 0

    /// Shows it once more; how often that was.
    distributed func show() -> Int {
        self.uses += 1
        return self.uses
    }
}

/// Who has come and gone.
actor Log {
    private(set) var lines: [String] = []

    func add(_ line: String) { self.lines.append(line) }
}

func watch(_ ticket: Ticket, on bus: Bus, _ log: Log) {
    bus.onDeath(of: ticket) { reason in
        await log.add("the ticket is worth nothing any more: \(reason)")
    }
}

func waitForDeath(of ticket: Ticket, on bus: Bus) async throws -> String {
    switch try await bus.death(of: ticket) {
    case .released: "this process let go of it"
    case .revoked: "its owner took it back"
    case .ownerLeft: "its owner closed its bus"
    case .ownerCrashed: "its owner was killed, or cut off"
    case .ownerRestarted: "its owner crashed, and is back as another process"
    }
}

func watchHolders(of ticket: Ticket, on bus: Bus, _ log: Log) throws {
    try bus.onUnheld(ticket) {
        await log.add("nobody else holds the ticket")
    }
}

func listHolders(of ticket: Ticket, on bus: Bus) async throws -> [String] {
    let holders = try await bus.holders(of: ticket)
    return holders.map { "\($0.node), through \($0.through)" }
}

func takeBack(_ ticket: Ticket, on bus: Bus) throws {
    try bus.revoke(ticket)
}
