// Part of objbus. SPDX-License-Identifier: Apache-2.0

import TestPrograms

/// A network with a place for each worker and client, whose cable can be pulled out.
///
/// It needs root, and a network namespace and a folder `/run` that are this process's own.
struct ChaosNetwork: Sendable {
    /// Of the broker, which is outside all places.
    static let url = "tcp://10.77.0.1:7420"

    init(places: Int) async throws {
        try await Self.ip("link set lo up")
        try await Self.ip("link add chaos type bridge")
        try await Self.ip("addr add 10.77.0.1/24 dev chaos")
        try await Self.ip("link set chaos up")
        for place in 0..<places {
            try await Self.ip("netns add chaos\(place)")
            try await Self.ip(
                "link add cable\(place) type veth peer name inside netns chaos\(place)")
            try await Self.ip("link set cable\(place) master chaos up")
            try await Self.ip("-n chaos\(place) addr add 10.77.0.\(place + 2)/24 dev inside")
            try await Self.ip("-n chaos\(place) link set inside up")
        }
    }

    /// Starts a program in a place.
    func start(
        _ program: String, _ arguments: [String], environment: [String: String], at place: Int
    ) throws -> Program {
        try Program(
            Self.env, ["ip", "netns", "exec", "chaos\(place)", program] + arguments,
            environment: environment)
    }

    /// From now on nothing goes in or out, and neither side is told.
    func pull(_ place: Int) async throws { try await Self.ip("link set cable\(place) down") }

    func plug(_ place: Int) async throws { try await Self.ip("link set cable\(place) up") }

    /// Finds programs where they are installed.
    private static let env = "/usr/bin/env"

    private static func ip(_ words: String) async throws {
        let program = try Program(
            self.env, ["ip"] + words.split(separator: " ").map(String.init))
        guard try await program.exitStatus() == 0 else { throw ChaosError("ip \(words) fails") }
    }
}
