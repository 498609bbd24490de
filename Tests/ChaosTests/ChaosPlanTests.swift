// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusWire
import ChaosChecks
import Testing

@Suite struct ChaosPlanTests {
    private func plan(seed: UInt64) -> ChaosPlan {
        ChaosPlan(seed: seed, milliseconds: 600_000, interval: 2_000, cutMax: 6_000, ChaosLayout())
    }

    @Test func `a seed makes one plan`() {
        #expect(self.plan(seed: 5) == self.plan(seed: 5))
        #expect(self.plan(seed: 5) != self.plan(seed: 6))
    }

    @Test func `there is a fault at every interval, of every kind`() {
        let steps = self.plan(seed: 1).steps
        #expect(steps.map(\.at) == Array(stride(from: 2_000, to: 600_000, by: 2_000)))
        #expect(Set(steps.map(\.kind)) == Set(ChaosFault.Kind.allCases))
    }

    @Test func `a process is in one trouble at a time`() {
        var free: [ChaosSlot: Int] = [:]
        for step in self.plan(seed: 1).steps where step.kind != .turn {
            #expect(free[step.slot] ?? 0 <= step.at)
            free[step.slot] = step.at + step.length
        }
    }
}

@Suite struct ChaosRecordTests {
    @Test(arguments: [
        ChaosRecord(.joined, time: 1 << 60, value: .max),
        ChaosRecord(.ran, lane: 14, process: 999, call: 1 << 31, time: 5, value: 1 << 63),
        ChaosRecord(lane: 3, call: 4, time: 5, .answered(-6)),
        ChaosRecord(lane: 3, call: 4, time: 5, .failed(.overloaded, .no)),
        ChaosRecord(lane: 3, call: 4, time: 5, .failed(.recovering, .maybe)),
    ])
    func `an entry is read as it was written`(record: ChaosRecord) {
        let bytes = [0] + record.bytes
        #expect(record.bytes.count == ChaosRecord.size)
        #expect(ChaosRecord(bytes, at: 1) == record)
        #expect(ChaosRecord(bytes, at: 2) == nil)
    }

    @Test func `an outcome is read as it was written`() {
        let outcomes: [ChaosOutcome] = [
            .answered(.min), .failed(.disconnected, .maybe), .failed(.notFound, .no),
            .failed(.failed, .yes),
        ]
        let read = outcomes.map { ChaosRecord(lane: 0, call: 0, time: 0, $0).outcome }
        #expect(read == outcomes)
    }
}
