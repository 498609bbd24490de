// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusSimulation
import BusWire
import Testing

@Suite struct SimulationTests {
    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func `in a world without faults every call is answered and every object goes`(seed: UInt64) {
        let report = SimulationRun.report(SimulationPlan(seed: seed, faults: FaultRates()))
        #expect(report.violation == nil)
        #expect(report.statistics.linksBroken == 0)
        #expect(report.statistics.answers > 50)
        #expect(report.statistics.objectsFreed > 10)
    }

    @Test(arguments: Array(stride(from: UInt64(1), to: 201, by: 25)))
    func `two hundred seeds with faults keep every promise`(first: UInt64) {
        for seed in first..<first + 25 {
            let report = SimulationRun.report(SimulationPlan(seed: seed))
            #expect(report.violation == nil, "seed \(seed)")
        }
    }

    /// Seeds that once broke a promise, with the number of steps and nodes.
    static let regressions: [(seed: UInt64, steps: Int, nodes: Int)] = [
        (8, 1_000, 4), (30, 1_000, 4), (55, 1_000, 4), (243, 1_000, 4), (537, 1_000, 4),
        (10_537, 2_000, 4), (10_538, 2_000, 4), (10_543, 2_000, 4), (300_006, 3_000, 2),
        (200_376, 5_000, 6), (400_097, 3_000, 12), (400_296, 3_000, 12),
    ]

    @Test(arguments: regressions)
    func `seeds that once broke a promise keep it`(
        plan: (seed: UInt64, steps: Int, nodes: Int)
    ) {
        var plan = SimulationPlan(seed: plan.seed, steps: plan.steps, nodes: plan.nodes)
        // What came later would make another story of it.
        plan.faults.keep(
            Set(FaultRates.Kind.allCases).subtracting([
                .duplicate, .swap, .garble, .brokerStop, .drain,
            ]))
        #expect(SimulationRun.report(plan).violation == nil)
    }

    @Test func `faults happen, and the applications live through them`() {
        var sum = SimulationStatistics()
        for seed in 1...20 as ClosedRange<UInt64> {
            let one = SimulationRun.report(SimulationPlan(seed: seed)).statistics
            sum.linksBroken += one.linksBroken
            sum.brokerRestarts += one.brokerRestarts
            sum.nodesEnded += one.nodesEnded
            sum.answers += one.answers
            sum.failures += one.failures
            sum.objectsFreed += one.objectsFreed
        }
        #expect(sum.linksBroken > 100)
        #expect(sum.brokerRestarts > 5)
        #expect(sum.nodesEnded > 10)
        #expect(sum.answers > 1_000)
        #expect(sum.failures > 100)
        #expect(sum.objectsFreed > 200)
    }

    @Test func `calls by name go where it leads, and are told when that has changed`() {
        var sum = SimulationStatistics()
        for seed in 1...20 as ClosedRange<UInt64> {
            let report = SimulationRun.report(SimulationPlan(seed: seed))
            #expect(report.violation == nil, "seed \(seed)")
            sum.callsByName += report.statistics.callsByName
            sum.moved += report.statistics.moved
        }
        #expect(sum.callsByName > 200)
        #expect(sum.moved > 20)
    }

    @Test func `a broker that is told to end is no fault to anybody`() {
        var sum = SimulationStatistics()
        for seed in 1...20 as ClosedRange<UInt64> {
            var faults = FaultRates()
            faults.brokerStop = 40
            let report = SimulationRun.report(SimulationPlan(seed: seed, faults: faults))
            #expect(report.violation == nil, "seed \(seed)")
            sum.brokerStops += report.statistics.brokerStops
            sum.farewells += report.statistics.farewells
            sum.incarnationsLost += report.statistics.incarnationsLost
            sum.disconnected += report.statistics.disconnected
        }
        #expect(sum.brokerStops > 20)
        #expect(sum.farewells > 60)
        #expect(sum.incarnationsLost == 0)
        #expect(sum.disconnected == 0)
    }

    @Test func `a node that is told to end answers what it runs, and refuses the rest`() {
        var sum = SimulationStatistics()
        for seed in 1...20 as ClosedRange<UInt64> {
            var faults = FaultRates()
            faults.drain = 60
            let report = SimulationRun.report(SimulationPlan(seed: seed, faults: faults))
            #expect(report.violation == nil, "seed \(seed)")
            sum.drains += report.statistics.drains
            sum.drainsInOrder += report.statistics.drainsInOrder
            sum.disconnected += report.statistics.disconnected
            sum.disconnectedMaybe += report.statistics.disconnectedMaybe
        }
        #expect(sum.drains > 20)
        #expect(sum.drainsInOrder > 20)
        #expect(sum.disconnected > 20)
        // A later word of an end that was told before does not say that all was answered.
        #expect(sum.disconnectedMaybe * 3 < sum.disconnected)
    }

    @Test func `the same plan gives the same run, another seed another one`() {
        let first = SimulationRun.report(SimulationPlan(seed: 7))
        let again = SimulationRun.report(SimulationPlan(seed: 7))
        let other = SimulationRun.report(SimulationPlan(seed: 77))
        #expect(first == again)
        #expect(first.digest != other.digest)
    }

    @Test func `a trace changes nothing of what it tells`() {
        var plan = SimulationPlan(seed: 3, steps: 300)
        let silent = SimulationRun.report(plan)
        plan.isTraced = true
        let traced = SimulationRun.report(plan)
        #expect(silent.lines.isEmpty)
        #expect(traced.lines.count > 300)
        #expect(traced.digest == silent.digest)
        #expect(traced.steps == silent.steps)
    }
}
