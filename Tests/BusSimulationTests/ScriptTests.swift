// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusSimulation
import BusWire
import Testing

/// Small stories, each told again with something going wrong at each boundary of its messages.
@Suite struct ScriptTests {
    @Test(arguments: SimulationScript.all.map(\.name), 1...5 as ClosedRange<UInt64>)
    func `a script ends as it should, whatever its messages' times`(name: String, seed: UInt64)
        throws
    {
        let script = try #require(SimulationScript.named(name))
        let report = SimulationRun.report(SimulationPlan(script, seed: seed))
        #expect(report.violation == nil)
        #expect(report.statistics.linksBroken == 0)
    }

    @Test(arguments: SimulationScript.all.map(\.name))
    func `a link or the broker lost between any two messages changes nothing`(name: String) throws {
        let script = try #require(SimulationScript.named(name))
        var sweep = BoundarySweep(script, seed: 1, isBrief: true)
        let report = sweep.run()
        #expect(report.violation == nil, "objbus simulate \(report.replay.joined(separator: " "))")
        #expect(report.messages >= 4)
        #expect(report.runs > 5 * report.messages)
    }

    /// Faults that once broke a promise.
    static let regressions: [[String]] = [
        // A call to the broker that waited for a new link was told that the broker had ended.
        ["--script", "publish-and-find", "--seed", "1", "--fault", "cut0@0"],
        // A node that called itself never got the call that it sent again.
        ["--script", "self-handle", "--seed", "1", "--fault", "cut0/up@2"],
        // A name withdrawn from one run of the broker is unknown to the next one.
        ["--script", "withdrawn", "--seed", "1", "--fault", "restart@2+"],
    ]

    @Test(arguments: regressions)
    func `faults that once broke a promise do so no more`(arguments: [String]) throws {
        var lines: [String] = []
        #expect(try SimulationRun.run(arguments) { lines.append($0) }, "\(lines.suffix(3))")
        #expect(lines.count > 20)
    }

    @Test(arguments: [
        "cut1@0", "cut0/up@4", "cut2/down@4+", "cut0/both@1", "silence1@3", "crash0@7+",
        "restart@2", "restart@12+",
    ])
    func `a fault is written as it is read`(text: String) throws {
        let fault = try #require(BoundaryFault(text))
        #expect(fault.description == text)
    }

    @Test(arguments: [
        "", "cut", "cut1", "cut@3", "cut1@", "cut1@-1", "cut1/sideways@3", "silence1/up@3",
        "restart1@3", "boom1@3", "cut1@3@4",
    ])
    func `what is no fault is not read as one`(text: String) {
        #expect(BoundaryFault(text) == nil)
    }
}
