// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import Foundation

/// What one bad neighbour costs the others. `scripts/stress` runs it.
///
///     StressWorker trial NAME...     holds trials, all of them if none is named
///
/// It starts itself again as `serve NAME` and `load JSON`, and `objbus` from its own folder.
@main struct StressWorker {
    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        switch arguments.first {
        case "trial":
            exit(await Trial.hold(Array(arguments.dropFirst())) ? 0 : 1)
        case "serve" where arguments.count == 2:
            let bus = try await Bus.connect()
            let target = Target(actorSystem: bus)
            try await bus.publish(target, as: arguments[1])
            Bus.exitWhenParentEnds()
            try await bus.run()
            withExtendedLifetime(target) {}
        case "crowd" where arguments.count == 4:
            let numbers = arguments.dropFirst().compactMap { Int($0) }
            let report = try await joinCrowd(from: numbers[0], numbers[1], of: numbers[2])
            FileHandle.standardOutput.write(try JSONEncoder().encode(report))
        case "load" where arguments.count == 2:
            let load = try JSONDecoder().decode(Load.self, from: Data(arguments[1].utf8))
            let report = try await run(load, on: try await Bus.connect())
            FileHandle.standardOutput.write(try JSONEncoder().encode(report))
        default:
            print("usage: StressWorker trial [NAME]... | serve NAME | load JSON")
            exit(2)
        }
    }
}
