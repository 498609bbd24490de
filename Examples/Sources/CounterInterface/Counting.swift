// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ObjectBus

/// A number that many may change.
@Resolvable
public protocol Counting: BusInterface {
    /// Adds `amount` and returns the new total.
    distributed func add(_ amount: Int) async throws -> Int

    /// Takes `amount` away and returns the new total; throws `NotEnough`.
    distributed func take(_ amount: Int) async throws -> Int
}

/// Less is there than was to be taken.
public struct NotEnough: Error, Codable, Equatable {
    /// What was to be taken.
    public var wanted: Int
    /// What is there.
    public var present: Int

    /// Makes the error.
    public init(wanted: Int, present: Int) {
        self.wanted = wanted
        self.present = present
    }
}
