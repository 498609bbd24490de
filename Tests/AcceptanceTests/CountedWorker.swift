// Part of objbus. SPDX-License-Identifier: Apache-2.0

import TestPrograms
import Testing

#if canImport(Glibc)
    import Glibc
#endif

extension Program {
    /// A `TestWorker` that publishes `served`, and counts how often it is called.
    static func served(by mode: String, at url: String) async throws -> Program {
        let worker = try Program("TestWorker", [mode, "served"], environment: ["OBJBUS_URL": url])
        _ = try await worker.line { $0 == "ready" }
        return worker
    }

    /// Tells it to end; how often it was called.
    func endCounted() async throws -> Int {
        self.signal(SIGTERM)
        let total = try await self.line()
        #expect(try await self.exitStatus() == 0)
        return try #require(Int(total))
    }
}
