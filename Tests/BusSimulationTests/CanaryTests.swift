// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusSimulation
import Testing

/// The checkers are worth what they find: each planted bug must be found.
@Suite struct CanaryTests {
    /// The first broken promise that contains `text`, among some seeds.
    private func firstViolation(
        _ canary: Canary, faults: FaultRates? = nil, checkInterval: Int = 8, with text: String = ""
    ) -> String? {
        for seed in 1...40 as ClosedRange<UInt64> {
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

    @Test(arguments: Canary.allCases)
    func `every planted bug is found`(canary: Canary) {
        #expect(self.firstViolation(canary) != nil)
    }

    @Test func `a copy that is not counted shows in the counters`() throws {
        let violation = try #require(self.firstViolation(.uncountedCopy, faults: FaultRates()))
        #expect(violation.hasPrefix("J2"))
    }

    @Test func `a copy that is not counted frees an object that is held`() {
        // With nobody comparing counters, only the damage itself can be seen.
        let violation = self.firstViolation(
            .uncountedCopy, faults: FaultRates(), checkInterval: .max, with: "freed")
        #expect(violation != nil)
    }

    @Test func `one copy per HELLO shows only when links break`() throws {
        #expect(self.firstViolation(.helloSaysOne, faults: FaultRates()) == nil)
        var faults = FaultRates()
        faults.linkLoss = 200
        let violation = try #require(self.firstViolation(.helloSaysOne, faults: faults))
        #expect(violation.hasPrefix("J2"))
    }

    @Test func `a forgotten Release keeps an object for ever`() throws {
        let violation = try #require(
            self.firstViolation(.forgottenRelease, faults: FaultRates(), checkInterval: .max))
        #expect(violation.contains("not every table is empty"))
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
