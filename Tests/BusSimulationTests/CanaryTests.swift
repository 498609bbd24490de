// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusSimulation
import Testing

/// The checkers are worth what they find: each planted bug must be found.
@Suite struct CanaryTests {
    /// The first broken promise that contains `text`, among some seeds.
    private func firstViolation(
        _ canary: Canary, faults: FaultRates? = nil, checkInterval: Int = 8, with text: String = "",
        seeds: ClosedRange<UInt64> = 1...150
    ) -> String? {
        for seed in seeds {
            var plan = SimulationPlan(seed: seed, faults: faults)
            plan.canary = canary
            plan.checkInterval = checkInterval
            if let violation = SimulationRun.report(plan).violation,
                text.isEmpty || violation.contains(text)
            {
                return violation
            }
        }
        return nil
    }

    /// Chance finds all but one, which a script finds.
    @Test(arguments: Canary.allCases.filter { $0 != .overtakingRelease })
    func `every planted bug is found`(canary: Canary) {
        #expect(self.firstViolation(canary) != nil)
    }

    @Test func `a RELEASE on a channel of its own takes away the right of what it overtakes`()
        throws
    {
        let script = try #require(SimulationScript.named("one-way-and-gone"))
        var plan = SimulationPlan(script, seed: 1)
        #expect(SimulationRun.report(plan).violation == nil)
        plan.canary = .overtakingRelease
        #expect(SimulationRun.report(plan).violation?.hasPrefix("J3") == true)
        // With nobody comparing counters, the damage is a call that is lost.
        plan.checkInterval = .max
        #expect(SimulationRun.report(plan).violation?.contains("was lost") == true)
    }

    @Test func `an identity that is stolen is noticed when the thief gets in`() throws {
        var faults = FaultRates()
        faults.hostile = 500
        let violation = try #require(self.firstViolation(.leakedSecret, faults: faults))
        #expect(violation.contains("was taken by another process"))
    }

    @Test func `a lie about what was executed is noticed`() throws {
        let violation = try #require(
            self.firstViolation(.lyingFailure, faults: FaultRates(), checkInterval: .max))
        #expect(violation.contains("was executed, but failed"))
    }

    @Test func `a swallowed UNREF keeps an object for ever`() throws {
        let violation = try #require(
            self.firstViolation(.swallowedUnref, faults: FaultRates(), checkInterval: .max))
        #expect(violation.contains("nobody holds it"))
    }

    @Test func `a node that drains and lets new calls in is noticed`() throws {
        var faults = FaultRates()
        faults.drain = 60
        let violation = try #require(self.firstViolation(.deafDrain, faults: faults))
        #expect(violation.contains("which is about to end"))
    }

    @Test func `who says too early that all is answered makes others tell an untruth`() throws {
        var faults = FaultRates()
        faults.goodbye = 60
        let violation = try #require(self.firstViolation(.hastyGoodbye, faults: faults))
        #expect(violation.contains("was executed, but failed"))
    }

    @Test func `what a broker says behind STOPPING is noticed`() throws {
        var faults = FaultRates()
        faults.brokerStop = 60
        let violation = try #require(self.firstViolation(.wordAfterStopping, faults: faults))
        #expect(violation.contains("comes behind STOPPING"))
    }

    @Test func `a planted bug is found again in a smaller story`() throws {
        let arguments = ["--seed", "3", "--canary", "forgotten-release"]
        var lines: [String] = []
        #expect(try SimulationRun.run(arguments + ["--shrink"]) { lines.append($0) } == false)
        let prefix = "shrunk to: objbus simulate "
        let last = try #require(lines.last)
        #expect(last.hasPrefix(prefix))
        let shrunk = last.dropFirst(prefix.count).split(separator: " ").map(String.init)
        let steps = try #require(shrunk.firstIndex(of: "--steps").map { shrunk[$0 + 1] })
        #expect(try #require(Int(steps)) < 200)
        lines = []
        #expect(try SimulationRun.run(shrunk) { lines.append($0) } == false)
        #expect(lines.last?.contains("BROKEN: J2") == true)
    }

    @Test func `a copy that is not counted shows in the counters`() throws {
        let violation = try #require(self.firstViolation(.uncountedCopy, faults: FaultRates()))
        #expect(violation.hasPrefix("J2"))
    }

    @Test func `a copy that is not counted frees an object that is held`() {
        // With nobody comparing counters, only the damage itself can be seen.
        let violation = self.firstViolation(
            .uncountedCopy, faults: FaultRates(), checkInterval: .max, with: "freed",
            seeds: 1...200)
        #expect(violation != nil)
    }

    @Test func `one copy per HELLO shows only when links break`() throws {
        #expect(self.firstViolation(.helloSaysOne, faults: FaultRates()) == nil)
        var faults = FaultRates()
        faults.linkLoss = 200
        let violation = try #require(self.firstViolation(.helloSaysOne, faults: faults))
        #expect(violation.hasPrefix("J2"))
    }

    @Test func `a forgotten Release keeps an object for ever`() {
        let violation = self.firstViolation(
            .forgottenRelease, faults: FaultRates(), checkInterval: .max, with: "nobody holds it")
        #expect(violation != nil)
    }

    @Test func `a swallowed answer leaves a call open`() throws {
        let violation = try #require(
            self.firstViolation(.swallowedAnswer, faults: FaultRates(), checkInterval: .max))
        #expect(violation.contains("not every call has ended"))
    }

    @Test func `a call that overtakes another is seen when it starts`() throws {
        let violation = try #require(
            self.firstViolation(.overtaking, faults: FaultRates(), checkInterval: .max))
        #expect(violation.contains("was started after call"))
    }
}
