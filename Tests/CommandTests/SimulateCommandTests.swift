// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Testing

@Suite(.timeLimit(.minutes(2))) struct SimulateCommandTests {
    @Test func `a seed tells the same story in every process`() async throws {
        let arguments = ["simulate", "--seed", "7", "--seeds", "2", "--steps", "300"]
        let first = try await Tool(arguments).outcome()
        #expect(first.status == 0)
        #expect(first.output.count == 2)
        #expect(try await Tool(arguments).outcome() == first)
        let trace = try await Tool(arguments + ["--trace"]).outcome()
        #expect(trace.output.count > 300)
    }

    @Test func `a broken promise is code 1, told on the standard output`() async throws {
        let outcome = try await Tool([
            "simulate", "--seeds", "8", "--canary", "forgotten-release",
        ]).outcome()
        #expect(outcome.status == 1 && outcome.errors.isEmpty)
        #expect(outcome.output.contains { $0.contains("BROKEN") })
    }

    @Test(arguments: [["--nodes", "65"], ["--canary", "parrot"], ["--seed", "-1"]])
    func `wrong options are code 2`(options: [String]) async throws {
        let outcome = try await Tool(["simulate"] + options).outcome()
        #expect(outcome.status == 2 && outcome.output.isEmpty && outcome.errors.count == 1)
    }
}
