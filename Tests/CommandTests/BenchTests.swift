// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import TestPrograms
import Testing

@testable import BusCommand

/// What `bench` is asked, and what it makes of what it measured.
@Suite struct BenchPlanTests {
    @Test func `a line of words is a plan; what it does not name is as usual`() throws {
        let plan = try BenchPlan(
            line: " echo interface=dynamic executor=bus outstanding=16  calls=5000 warm-up=0 "
                + "bytes=65536")
        let expected = BenchPlan(
            workload: .echo, interface: .dynamic, executor: .bus, outstanding: 16, calls: 5_000,
            warmUp: 0, bytes: 65_536)
        #expect(plan == expected)
        #expect(try BenchPlan(line: "") == BenchPlan())
        #expect(throws: CommandFailure.self) {
            try BenchPlan(line: "add interface=blocking executor=bus")
        }
    }

    @Test(arguments: [
        "adder", "calls", "calls=", "calls=many", "calls=0", "outstanding=4097", "warm-up=-1",
        "interface=slow", "executor=main", "interface=typed=typed", "bytes=33554433",
    ])
    func `a word that is no part of a plan is told`(word: String) {
        #expect(throws: CommandFailure.self) { try BenchPlan(line: "add \(word)") }
    }

    @Test func `a rank is rounded up, and the spans need not come sorted`() {
        let result = BenchResult(
            BenchPlan(), spans: [4_000, 1_000, 3_000, 2_000, 5_000], start: 10, end: 2_010)
        #expect([0.0, 0.2, 0.21, 0.5, 0.99, 1].map(result.microseconds) == [1, 1, 2, 3, 5, 5])
        #expect(result.callsPerSecond == 2_500_000)
        #expect(result.row == ["add", "typed", "pool", "1", "2500000", "3.0", "5.0"])
    }

    @Test func `calls are dealt out to all lanes, none of them idle`() {
        #expect(BenchRun.shares(10, 4) == [3, 3, 2, 2])
        #expect(BenchRun.shares(3, 8) == [1, 1, 1])
    }
}

/// `bench` in processes of their own.
@Suite(.serialized, .timeLimit(.minutes(2))) struct BenchCommandTests {
    @Test func `every workload can be called in every way`() async throws {
        let site = try await Site(objects: ["bench"])
        let ways = [("blocking", "pool"), ("dynamic", "pool"), ("typed", "pool"), ("typed", "bus")]
        for (interface, executor) in ways {
            for workload in BenchWorkload.allCases {
                let outcome = try await site.run(
                    "bench", workload.rawValue, "--interface", interface, "--executor", executor,
                    "--calls", "20", "--warm-up", "0", "--outstanding", "4", "--bytes", "20000",
                    "--json")
                let result = try #require(try json(outcome.output) as? [String: Any])
                #expect(outcome.status == 0)
                #expect(result["workload"] as? String == workload.rawValue)
                #expect(result["interface"] as? String == interface)
                #expect(result["executor"] as? String == executor)
                #expect(result["calls"] as? Int == 20)
                let middle = try #require(result["p50"] as? Double)
                #expect(try middle > 0 && middle <= #require(result["max"] as? Double))
            }
        }
    }

    @Test func `each line of the input is answered by one`() async throws {
        let site = try await Site(objects: ["bench"])
        let bench = try Tool(["bench", "--lines", "--json", "--bus", site.url])
        try await bench.errorLine(with: "ready")
        bench.type("add calls=10\necho calls=20 bytes=8\n")
        #expect(try await bench.line(with: #""calls":10"#).contains(#""workload":"add""#))
        #expect(try await bench.line(with: #""calls":20"#).contains(#""bytes":8"#))
        bench.endInput()
        #expect(try await bench.exitStatus() == 0)
    }

    @Test func `without a bench it says how to get one`() async throws {
        let site = try await Site(objects: ["counter"])
        let outcome = try await site.run("bench", "add")
        #expect(outcome.status == 3)
        #expect(outcome.errors.first?.contains("objbus worker bench") == true)
    }
}
