// Part of objbus. SPDX-License-Identifier: Apache-2.0

import TestPrograms
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

    @Test func `one seed is told event by event, unless that is not wanted`() async throws {
        let arguments = ["simulate", "--seed", "7", "--steps", "300"]
        let events = try await Tool(arguments).outcome()
        #expect(events.status == 0 && events.output.count > 300)
        let quiet = try await Tool(arguments + ["--quiet"]).outcome()
        #expect(quiet.output == events.output.suffix(1))
    }

    @Test func `a script is told with the faults given, and swept with all of them`() async throws {
        let told = try await Tool([
            "simulate", "--script", "callback", "--fault", "cut1@4", "--fault", "restart@9+",
        ]).outcome()
        #expect(told.status == 0)
        #expect(told.output.contains { $0.contains("fault: link") })
        #expect(told.output.contains { $0.contains("fault: the broker dies") })
        let swept = try await Tool([
            "simulate", "--script", "call", "--boundaries", "1", "--brief",
        ]).outcome()
        #expect(swept.status == 0 && swept.output.count == 1)
        #expect(swept.output.first?.hasPrefix("seed 1, call: 10 messages, ") == true)
    }

    @Test func `a broken promise is code 1, told on the standard output`() async throws {
        let outcome = try await Tool([
            "simulate", "--seeds", "8", "--canary", "forgotten-release",
        ]).outcome()
        #expect(outcome.status == 1 && outcome.errors.isEmpty)
        #expect(outcome.output.contains { $0.contains("BROKEN") })
    }

    @Test(arguments: [
        ["--nodes", "65"], ["--canary", "parrot"], ["--seed", "-1"], ["--script", "hamlet"],
        ["--fault", "cut1"], ["--only", "rain"],
    ])
    func `wrong options are code 2`(options: [String]) async throws {
        let outcome = try await Tool(["simulate"] + options).outcome()
        #expect(outcome.status == 2 && outcome.output.isEmpty && outcome.errors.count == 1)
    }
}
