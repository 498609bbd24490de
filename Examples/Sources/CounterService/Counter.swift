// Part of objbus. SPDX-License-Identifier: Apache-2.0

import CounterInterface
import ObjectBus

/// A number that many may change.
@BusObject
public distributed actor Counter: Counting {
    private var total = 0

    /// Starts at 0.
    public init(actorSystem: Bus) { self.actorSystem = actorSystem }

    /// Adds `amount` and returns the new total.
    public distributed func add(_ amount: Int) -> Int {
        self.total += amount
        return self.total
    }

    /// Takes `amount` away and returns the new total; throws `NotEnough`.
    public distributed func take(_ amount: Int) throws -> Int {
        guard amount <= self.total else {
            throw NotEnough(wanted: amount, present: self.total)
        }
        self.total -= amount
        return self.total
    }
}
