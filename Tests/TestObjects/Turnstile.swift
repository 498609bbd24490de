// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Test objects are public only to be seen across modules.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

public import ObjectBus

/// Counts how many are inside at a time; lets them out where a gate does.
@BusObject
public distributed actor Turnstile {
    public typealias ActorSystem = Bus

    private var inside = 0
    private var most = 0

    public init(actorSystem: Bus) {
        self.actorSystem = actorSystem
    }

    /// Stays inside until `gate` opens; returns how many were inside at a time so far.
    public distributed func pass(_ number: Int, through gate: Gate) async throws -> Int {
        self.inside += 1
        self.most = max(self.most, self.inside)
        defer { self.inside -= 1 }
        _ = try await gate.pass(number)
        return self.most
    }

    /// Stays inside until `gate` opens and `other` has answered.
    public distributed func meet(_ other: Turnstile, through gate: Gate) async throws -> Int {
        _ = try await self.pass(0, through: gate)
        return try await other.reach([])
    }

    /// Goes through `others`, one calling the next one; returns how many there were.
    public distributed func reach(_ others: [Turnstile]) async throws -> Int {
        guard let next = others.first else { return 0 }
        return try await next.reach(Array(others.dropFirst())) + 1
    }

    /// The same, and the last one stays inside until `gate` opens.
    public distributed func reach(
        _ others: [Turnstile], then gate: Gate
    ) async throws -> Int {
        guard let next = others.first else {
            _ = try await gate.pass(0)
            return 0
        }
        return try await next.reach(Array(others.dropFirst()), then: gate) + 1
    }
}

/// Four of them: one call at a time of each of two, two of the next, any of the last.
public struct Turnstiles: Sendable {
    public static let limits = [1, 1, 2, nil]
    private let all: [Turnstile]

    /// Publishes them as `turnstile/0` to `turnstile/3`.
    public init(on bus: Bus) async throws {
        self.all = Self.limits.map { _ in Turnstile(actorSystem: bus) }
        for (index, turnstile) in self.all.enumerated() {
            if let limit = Self.limits[index] {
                try bus.limit(turnstile, toConcurrentCalls: limit)
            }
            try await bus.publish(turnstile, as: "turnstile/\(index)")
        }
    }
}
