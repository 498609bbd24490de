// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Code of the guides that is not in Examples: compiled here, compared by DocumentedCodeTests.

import CounterInterface
import ObjectBus
import Testing

/// A number that grows.
@BusObject
distributed actor Tally {
    private var total = 0

    /// Adds `amount` and returns the new total.
    distributed func add(_ amount: Int) -> Int {
        self.total += amount
        return self.total
    }
}

/// Makes counters.
@BusObject
distributed actor Mint {
    /// A new counter, which ends when nobody holds it.
    distributed func counter() -> Tally { Tally(actorSystem: self.actorSystem) }

    /// Calls back: `listener` may live in the caller's process, or in a third one.
    distributed func count(to limit: Int, telling listener: Tally) async throws -> Int {
        for _ in 0..<limit { _ = try await listener.add(1) }
        return try await listener.add(0)
    }
}

/// Divides.
@BusObject
distributed actor Divider {
    distributed func share(of total: Int, among heads: Int) throws -> Int {
        guard heads != 0 else { throw BusError(.invalid, executed: .yes, "nobody to share with") }
        return total / heads
    }
}

/// Nobody knows whether the amount was added.
struct Unsure: Error {
    var amount: Int
}

func addWithPatience(_ amount: Int, to counter: $Counting) async throws -> Int {
    do {
        return try await counter.add(amount)
    } catch let error as BusError where error.executed == .no {
        // It did not run and will not: to call again does no harm.
        return try await counter.add(amount)
    } catch let error as BusError where error.kind == .disconnected {
        // Its process ended meanwhile. Nobody knows whether this amount was added.
        throw Unsure(amount: amount)
    }
}

func printStranger(from remote: RemoteObject) async throws {
    do {
        _ = try await remote.take(1000) as Int
    } catch let error as RemoteError {
        print(error.typeName, error.message, error.hops.first?.method ?? "")
    }
}
