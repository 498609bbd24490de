// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI

/// Pure: what `bench` measured.
struct BenchResult: Hashable {
    let plan: BenchPlan
    /// Nanoseconds, one for each call; sorted, at least one.
    let spans: [UInt32]
    /// On the monotonic clock, in nanoseconds.
    let start: UInt64
    let end: UInt64

    /// Sorts the spans.
    init(_ plan: BenchPlan, spans: [UInt32], start: UInt64, end: UInt64) {
        (self.plan, self.spans) = (plan, spans.sorted())
        (self.start, self.end) = (start, end)
    }

    var seconds: Double { Double(self.end - self.start) / 1e9 }

    var callsPerSecond: Double { Double(self.spans.count) / max(self.seconds, 1e-9) }

    /// The span, in microseconds, that this part of all calls did not exceed: the one of rank
    /// `part` times the count, rounded up.
    func microseconds(_ part: Double) -> Double {
        let rank = Int((part * Double(self.spans.count)).rounded(.up))
        return Double(self.spans[min(max(rank, 1), self.spans.count) - 1]) / 1_000
    }

    /// For programs; spans in microseconds.
    var json: Value {
        var map: ValueMap = [
            "workload": .string(self.plan.workload.rawValue),
            "interface": .string(self.plan.interface.rawValue),
            "executor": .string(self.plan.executor.rawValue),
            "outstanding": .integer(Int64(self.plan.outstanding)),
            "calls": .integer(Int64(self.spans.count)),
            "seconds": .double(self.seconds), "callsPerSecond": .double(self.callsPerSecond),
            "p50": .double(self.microseconds(0.5)), "p90": .double(self.microseconds(0.9)),
            "p99": .double(self.microseconds(0.99)), "max": .double(self.microseconds(1)),
            "start": .integer(Int64(clamping: self.start)),
            "end": .integer(Int64(clamping: self.end)),
        ]
        if self.plan.workload == .echo { map["bytes"] = .integer(Int64(self.plan.bytes)) }
        return .map(map)
    }

    /// The heads of the columns of `row`.
    static let head = [
        "WORKLOAD", "INTERFACE", "EXECUTOR", "OUTSTANDING", "CALLS/S", "P50 US", "P99 US",
    ]

    /// For people.
    var row: [String] {
        let workload =
            self.plan.workload == .echo
            ? "echo \(self.plan.bytes) B" : self.plan.workload.rawValue
        return [
            workload, self.plan.interface.rawValue, self.executor,
            "\(self.plan.outstanding)", "\(Int(self.callsPerSecond.rounded()))",
            Self.tenths(self.microseconds(0.5)), Self.tenths(self.microseconds(0.99)),
        ]
    }

    private var executor: String {
        self.plan.interface == .blocking ? "-" : self.plan.executor.rawValue
    }

    private static func tenths(_ number: Double) -> String {
        let tenths = Int((number * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
