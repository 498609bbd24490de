// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusSimulation
import BusWire
import Foundation
import TestPrograms
import Testing

/// Swift seeds its hashing per process: only a second process shows an order that leaked.
@Suite struct TwoProcessTests {
    /// The lines that `objbus simulate` prints.
    private func linesOfSecondProcess(_ arguments: [String]) async throws -> [String] {
        let outcome = try await Program("objbus", ["simulate"] + arguments).outcome()
        #expect(outcome.status == 0)
        return outcome.output
    }

    @Test func `a second process goes the same way through the same seeds`() async throws {
        let arguments = ["--seed", "500", "--seeds", "12", "--steps", "800", "--nodes", "5"]
        var lines: [String] = []
        #expect(try SimulationRun.run(arguments) { lines.append($0) })
        #expect(lines.count == 12)
        #expect(try await self.linesOfSecondProcess(arguments) == lines)
    }

    @Test func `a second process writes the same trace`() async throws {
        let arguments = ["--seed", "9", "--steps", "400", "--trace"]
        var lines: [String] = []
        #expect(try SimulationRun.run(arguments) { lines.append($0) })
        #expect(lines.count > 400)
        #expect(try await self.linesOfSecondProcess(arguments) == lines)
    }

    @Test(arguments: [
        ["--seed"], ["--seed", "x"], ["--nodes", "0"], ["--nodes", "65"], ["--seeds", "0"],
        ["--canary", "parrot"], ["--wings", "2"], ["--only", "rain"], ["--script", "hamlet"],
        ["--fault", "cut1"], ["--boundaries", "3"],
    ])
    func `arguments that mean nothing are refused with a sentence`(arguments: [String]) {
        let error = #expect(throws: BusError.self) {
            try SimulationRun.run(arguments) { _ in }
        }
        #expect(error?.kind == .invalid)
        #expect(error?.message.isEmpty == false)
    }

    @Test func `a broken promise is reported, and makes the run fail`() throws {
        var lines: [String] = []
        let arguments = ["--seed", "1", "--seeds", "8", "--canary", "forgotten-release"]
        #expect(try SimulationRun.run(arguments) { lines.append($0) } == false)
        #expect(lines.contains { $0.contains("BROKEN: J2") })
    }
}
