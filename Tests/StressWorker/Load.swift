// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import Foundation

/// What one process calls.
struct Load: Codable, Sendable {
    enum Kind: String, Codable, Sendable {
        /// A small call that is answered at once.
        case add
        /// 64 KiB there.
        case take
        /// Keeps the object's processor busy for 100 us.
        case work
        /// 1 MiB there, and nobody answers.
        case takeOneWay
    }

    var object: String
    var kind: Kind
    /// Calls at a time.
    var outstanding: Int
    var seconds: Double
    /// How long after its start a call may end, in seconds.
    var deadline = 30.0
}

/// What came of a load.
struct LoadReport: Codable, Sendable {
    var calls = 0
    var seconds = 0.0
    /// Microseconds.
    var p50 = 0.0
    var p99 = 0.0
    var longest = 0.0
    /// By kind, and whether they were executed.
    var errors: [String: Int] = [:]

    var rate: Double { Double(self.calls) / max(self.seconds, 1e-9) }
}

/// Calls of one process, some at a time, for a while; the first fifth of the time warms up.
func run(_ load: Load, on bus: Bus) async throws -> LoadReport {
    let target = try await bus.find(Target.self, named: load.object)
        .with(deadline: .seconds(load.deadline))
    let clock = ContinuousClock()
    let begin = clock.now + .seconds(load.seconds / 5)
    let end = clock.now + .seconds(load.seconds)
    let parts = await withTaskGroup(of: (spans: [Double], errors: [String: Int]).self) { group in
        for _ in 0..<load.outstanding {
            group.addTask {
                var spans: [Double] = []
                var errors: [String: Int] = [:]
                while clock.now < end {
                    let start = clock.now
                    do {
                        try await call(target, load.kind)
                        guard start >= begin else { continue }
                        spans.append((clock.now - start) / .microseconds(1))
                    } catch let error as BusError {
                        errors["\(error.kind), executed: \(error.executed)", default: 0] += 1
                        await Task.yield()
                    } catch {
                        errors["\(error)", default: 0] += 1
                    }
                }
                return (spans, errors)
            }
        }
        return await group.reduce(into: []) { $0.append($1) }
    }
    let spans = parts.flatMap(\.spans).sorted()
    var report = LoadReport(calls: spans.count, seconds: (clock.now - begin) / .seconds(1))
    report.errors = parts.reduce(into: [:]) { $0.merge($1.errors, uniquingKeysWith: +) }
    if !spans.isEmpty {
        report.p50 = spans[(spans.count - 1) / 2]
        report.p99 = spans[(spans.count * 99 - 1) / 100]
        report.longest = spans[spans.count - 1]
    }
    return report
}

private let block = Bytes([UInt8](repeating: 7, count: 65_536))
private let largeBlock = Bytes([UInt8](repeating: 7, count: 1_048_576))

private func call(_ target: Target, _ kind: Load.Kind) async throws {
    switch kind {
    case .add:
        guard try await target.add(2, 3) == 5 else { throw StressError("2 + 3 is not 5") }
    case .take:
        guard try await target.take(block) == block.count else {
            throw StressError("bytes were lost")
        }
    case .work:
        _ = try await target.work(microseconds: 100)
    case .takeOneWay:
        try await target.oneway.drop(largeBlock)
    }
}
