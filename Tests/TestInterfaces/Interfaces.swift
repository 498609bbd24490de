// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Interfaces live in a module of their own: Swift 6.3.1 needs that for optimised builds.

public import ObjectBus

/// Greets; callers know only this.
@Resolvable
public protocol Greeting: BusInterface {
    /// Greets somebody a number of times.
    distributed func greet(_ name: String, times: Int) async throws -> String
}
