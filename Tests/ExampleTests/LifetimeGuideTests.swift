// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ObjectBus
import Testing

/// Keeps a ticket that it was given.
@BusObject
private distributed actor Pocket {
    private var ticket: Ticket?

    distributed func put(_ ticket: Ticket) { self.ticket = ticket }
    distributed func show() async throws -> Int? { try await self.ticket?.show() }
    distributed func empty() { self.ticket = nil }
}

/// That the code of the guide to lifetimes does what it says.
@Suite(.timeLimit(.minutes(1))) struct LifetimeGuideTests {
    @Test func `a ticket is held, shown, seen, taken back and let go`() async throws {
        let desk = try await Bus.embedded(name: "desk")
        let client = try await desk.attach(name: "client")
        let pocket = Pocket(actorSystem: client)
        try await client.publish(pocket, as: "pocket")
        let remotePocket = try await desk.find(Pocket.self, named: "pocket")
        let log = Log()
        let ticket = Ticket(actorSystem: desk)
        try watchHolders(of: ticket, on: desk, log)

        try await remotePocket.put(ticket)
        #expect(try await remotePocket.show() == 1)
        let holders = try await listHolders(of: ticket, on: desk)
        #expect(holders.count == 1 && holders.first?.hasPrefix("client, through call ") == true)

        try takeBack(ticket, on: desk)
        let error = await #expect(throws: BusError.self) { try await remotePocket.show() }
        #expect(error?.kind == .denied)
        try await remotePocket.empty()
        while await log.lines.isEmpty { await Task.yield() }
        #expect(await log.lines == ["nobody else holds the ticket"])
        client.close()
        desk.close()
    }

    @Test func `whoever holds a ticket hears of its death`() async throws {
        let desk = try await Bus.embedded(name: "desk")
        let office = TicketOffice(actorSystem: desk)
        try await desk.publish(office, as: "tickets")
        let client = try await desk.attach(name: "client")
        let remote = try await client.find(TicketOffice.self, named: "tickets")
        let log = Log()
        func useOne() async throws {
            let ticket = try await remote.issue()
            watch(ticket, on: client, log)
            #expect(try await ticket.show() == 1)
        }
        try await useOne()
        while await log.lines.isEmpty { await Task.yield() }
        #expect(await log.lines == ["the ticket is worth nothing any more: released"])

        let found = try await client.find(pinned: TicketOffice.self, named: "tickets")
        let ticket = try await found.issue()
        async let end = waitForDeath(of: ticket, on: client)
        #expect(try await ticket.show() == 1)
        desk.close()
        #expect(try await end == "its owner closed its bus")
        client.close()
    }
}
