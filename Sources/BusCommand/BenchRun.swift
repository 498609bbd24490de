// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import BusExamples
import BusZeroMQ

/// Measures calls of a published `Bench`.
struct BenchRun: Sendable {
    private let remote: RemoteObject
    private let typed: Bench
    /// The bench of this process that is called back.
    private let own: Bench

    /// Finds the bench and asks it to call back here.
    ///
    /// - Throws: `BusError`; of kind `notFound` it says how to get one.
    init(_ name: String, on bus: Bus) async throws {
        do {
            self.remote = try await bus.object(named: name)
            self.typed = try await bus.find(Bench.self, named: name)
        } catch let error as BusError where error.kind == .notFound {
            throw CommandFailure.of(
                .notFound, "nothing is published as '\(name)': run 'objbus worker bench' first")
        }
        self.own = Bench(actorSystem: bus)
        try await self.typed.keep(self.own)
    }

    /// Lets go of the bench of this process.
    func end() async throws { try await self.typed.keep(nil) }

    /// Warms up and measures.
    func result(of plan: BenchPlan) async throws -> BenchResult {
        let bytes = Bytes([UInt8](repeating: 7, count: plan.bytes))
        let blocking = BlockingObject(self.remote)
        return switch (plan.interface, plan.workload) {
        case (.typed, .add): try await self.measure(plan, TypedAdd(bench: self.typed))
        case (.typed, .echo):
            try await self.measure(plan, TypedEcho(bench: self.typed, bytes: bytes))
        case (.typed, .callback): try await self.measure(plan, TypedCallback(bench: self.typed))
        case (.typed, .handover):
            try await self.measure(plan, TypedHandover(bench: self.typed, own: self.own))
        case (.dynamic, .add): try await self.measure(plan, DynamicAdd(bench: self.remote))
        case (.dynamic, .echo):
            try await self.measure(plan, DynamicEcho(bench: self.remote, bytes: bytes))
        case (.dynamic, .callback):
            try await self.measure(plan, DynamicCallback(bench: self.remote))
        case (.dynamic, .handover):
            try await self.measure(plan, DynamicHandover(bench: self.remote, own: self.own))
        case (.blocking, .add): try await self.measure(plan, BlockingAdd(bench: blocking))
        case (.blocking, .echo):
            try await self.measure(plan, BlockingEcho(bench: blocking, bytes: bytes))
        case (.blocking, .callback): try await self.measure(plan, BlockingCallback(bench: blocking))
        case (.blocking, .handover):
            try await self.measure(plan, BlockingHandover(bench: blocking, own: self.own))
        }
    }

    // MARK: Calls that await

    private func measure(_ plan: BenchPlan, _ calls: some BenchCalls) async throws -> BenchResult {
        // Detached: whoever calls from the main actor pays a hop for each call.
        let measured: @Sendable () async throws -> BenchResult = {
            if plan.warmUp > 0 {
                _ = try await Self.spans(plan.warmUp, plan.outstanding, calls)
            }
            let start = MonotonicClock.now()
            let spans = try await Self.spans(plan.calls, plan.outstanding, calls)
            return BenchResult(plan, spans: spans, start: start, end: MonotonicClock.now())
        }
        guard plan.executor == .bus else {
            // Not with an executor that is nil: it would be asked for at each hop.
            return try await Task.detached(operation: measured).value
        }
        return try await Task.detached(
            executorPreference: self.own.actorSystem.taskExecutor, operation: measured
        ).value
    }

    /// Makes `count` calls from as many tasks as are to be outstanding.
    private static func spans(
        _ count: Int, _ outstanding: Int, _ calls: some BenchCalls
    ) async throws -> [UInt32] {
        guard outstanding > 1 else { return try await self.lane(0, count, calls) }
        return try await withThrowingTaskGroup(of: [UInt32].self) { group in
            for (lane, share) in self.shares(count, outstanding).enumerated() {
                group.addTask { try await self.lane(lane, share, calls) }
            }
            var all: [UInt32] = []
            all.reserveCapacity(count)
            for try await spans in group { all += spans }
            return all
        }
    }

    /// One task's calls, one after another.
    private static func lane(
        _ lane: Int, _ count: Int, _ calls: some BenchCalls
    ) async throws -> [UInt32] {
        var spans: [UInt32] = []
        spans.reserveCapacity(count)
        var before = MonotonicClock.now()
        for number in 0..<count {
            try await calls.call(number, lane)
            let after = MonotonicClock.now()
            spans.append(UInt32(clamping: after - before))
            before = after
        }
        return spans
    }

    // MARK: Calls that block

    private func measure(
        _ plan: BenchPlan, _ calls: some BlockingBenchCalls
    ) async throws -> BenchResult {
        if plan.warmUp > 0 { _ = try await Self.spans(plan.warmUp, plan.outstanding, calls) }
        let start = MonotonicClock.now()
        let spans = try await Self.spans(plan.calls, plan.outstanding, calls)
        return BenchResult(plan, spans: spans, start: start, end: MonotonicClock.now())
    }

    /// Makes `count` calls from as many threads as are to be outstanding.
    private static func spans(
        _ count: Int, _ outstanding: Int, _ calls: some BlockingBenchCalls
    ) async throws -> [UInt32] {
        try await withThrowingTaskGroup(of: [UInt32].self) { group in
            for (lane, share) in self.shares(count, outstanding).enumerated() {
                group.addTask {
                    try await withCheckedThrowingContinuation { continuation in
                        do {
                            try SystemThread.start(name: "bench \(lane)") {
                                let spans = Result { try self.lane(lane, share, calls) }
                                continuation.resume(with: spans)
                            }.detach()
                        } catch {
                            continuation.resume(throwing: error)
                        }
                    }
                }
            }
            var all: [UInt32] = []
            for try await spans in group { all += spans }
            return all
        }
    }

    /// One thread's calls, one after another.
    private static func lane(
        _ lane: Int, _ count: Int, _ calls: some BlockingBenchCalls
    ) throws -> [UInt32] {
        var spans: [UInt32] = []
        spans.reserveCapacity(count)
        var before = MonotonicClock.now()
        for number in 0..<count {
            try calls.call(number, lane)
            let after = MonotonicClock.now()
            spans.append(UInt32(clamping: after - before))
            before = after
        }
        return spans
    }

    /// `count` dealt out to lanes, as evenly as can be; lanes without a call are left out.
    static func shares(_ count: Int, _ lanes: Int) -> [Int] {
        (0..<min(lanes, count)).map { count / lanes + ($0 < count % lanes ? 1 : 0) }
    }
}
