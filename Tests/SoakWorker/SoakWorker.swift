// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import Foundation
import Logging

/// The soak: many processes, many steps, all kinds of trouble. `scripts/soak` runs it.
///
///     SoakWorker drive STEPS SEED [NODES]   agents pass and drop items while things break
///     SoakWorker memory REFERENCES          short-lived references, and the memory they take
///
/// It starts itself again as `agent`, `maker` and `user`, and `objbus` from its own folder.
@main struct SoakWorker {
    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        let numbers = arguments.dropFirst().compactMap { UInt64($0) }
        switch arguments.first {
        case "drive" where numbers.count >= 2:
            let nodes = numbers.count > 2 ? Int(numbers[2]) : 6
            try await self.soak { world in
                try await SoakDriver(
                    in: world, nodes: nodes, steps: Int(numbers[0]), seed: numbers[1]
                ).run()
            }
        case "memory" where numbers.count == 1:
            try await self.soak { world in
                try await SoakMemory(references: Int(numbers[0])).run(in: world)
            }
        case "agent" where numbers.count == 3:
            let bus = try await self.connect("agent/\(numbers[0])")
            let agent = Agent(
                index: Int(numbers[0]), of: Int(numbers[1]), seed: numbers[2], actorSystem: bus)
            try await self.serve(agent, "agent/\(numbers[0])", on: bus)
        case "maker":
            let bus = try await self.connect("maker")
            try await self.serve(Maker(actorSystem: bus), "maker", on: bus)
        case "user":
            let bus = try await self.connect("user")
            try await self.serve(User(actorSystem: bus), "user", on: bus)
        default:
            say("usage: SoakWorker drive STEPS SEED [NODES] | memory REFERENCES")
            exit(2)
        }
    }

    /// Runs one part of it, and ends its processes whatever comes of that.
    private static func soak(_ part: @Sendable (SoakWorld) async throws -> Bool) async throws
        -> Never
    {
        let world = try SoakWorld()
        var isGood = false
        do {
            isGood = try await part(world)
        } catch {
            say("VIOLATION: \(error)")
        }
        await world.end()
        exit(isGood ? 0 : 1)
    }

    private static func connect(_ name: String) async throws -> Bus {
        var configuration = Bus.Configuration(name: name)
        configuration.connectTimeout = .seconds(20)
        configuration.logger.logLevel = .critical
        return try await Bus.connect(configuration)
    }

    /// Serves until whoever started this process ends, or kills it.
    private static func serve<Object: DistributedActor>(
        _ object: Object, _ name: String, on bus: Bus
    ) async throws where Object.ActorSystem == Bus {
        try await bus.publish(object, as: name)
        await inputEnds()
        withExtendedLifetime(object) {}
        bus.close()
    }
}
