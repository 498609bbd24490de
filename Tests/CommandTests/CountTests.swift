// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import TestPrograms
import Testing

/// What one call takes of heap, broker, scheduler and system, held against thresholds; these do not
/// depend on the machine. docs/performance.md says how they are counted.
@Suite(.serialized, .timeLimit(.minutes(2)), .enabled(if: Tool.isPlain, "built for a sanitizer"))
struct CountTests {
    @Test func `a typed call takes no more than it may`() async throws {
        let outcome = try await self.outcome("add")
        #expect(outcome == Outcome(status: 0, output: outcome.output, errors: []))
        #expect(outcome.output.first?.contains("allocations") == true)
    }

    @Test func `a call among 500 copies nothing of the others`() async throws {
        let outcome = try await self.outcome("add outstanding=500", thresholds: "-crowded")
        #expect(outcome == Outcome(status: 0, output: outcome.output, errors: []))
        #expect(outcome.output.first?.contains("allocatedBytes") == true)
    }

    @Test func `a call that takes twice as much is told, thing by thing`() async throws {
        let outcome = try await self.outcome("callback")
        #expect(outcome.status == 1)
        for name in ["allocations", "messages", "wakeUps", "systemCalls"] {
            #expect(outcome.errors.contains { $0.hasPrefix("\(name): ") }, "\(outcome)")
        }
    }

    private func outcome(
        _ workload: String, thresholds: String = ""
    ) async throws -> Outcome {
        let root = URL(filePath: #filePath).appending(path: "../../..").standardized
        #if DEBUG
            let build = "debug"
        #else
            let build = "release"
        #endif
        let arguments = [
            "python3", root.appending(path: "Benchmarks/counts.py").path, "--objbus",
            Tool.products.appending(path: "objbus").path, "--workload", workload, "--check",
            build + thresholds,
        ]
        return try await Tool(arguments, program: URL(filePath: "/usr/bin/env")).outcome()
    }
}

extension Tool {
    /// Whether the command is built without a sanitizer, which would count as well.
    static let isPlain: Bool = {
        let path = Tool.products.appendingPathComponent("objbus").path
        let program = FileManager.default.contents(atPath: path) ?? Data()
        return !["__tsan_init", "__asan_init"].contains { program.range(of: Data($0.utf8)) != nil }
    }()
}
