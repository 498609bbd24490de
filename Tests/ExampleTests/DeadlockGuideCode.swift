// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Code of docs/guides/deadlocks.md: compiled here, compared by DocumentedCodeTests.

import ObjectBus

/// Has money, and gives it to others.
@BusObject
distributed actor Ledger {
    private var balance = 10

    distributed func deposit(_ amount: Int) -> Int {
        self.balance += amount
        return self.balance
    }

    distributed func transfer(_ amount: Int, to other: Ledger) async throws -> Int {
        guard self.balance >= amount else { return self.balance }
        _ = try await other.deposit(amount)
        self.balance -= amount
        return self.balance
    }
}

func publishLedger(_ bus: Bus) async throws {
    let ledger = Ledger(actorSystem: bus)
    try bus.limit(ledger, toConcurrentCalls: 1)
    try await bus.publish(ledger, as: "ledger")
}
