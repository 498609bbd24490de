// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import ObjectBus
import TestObjects

/// A worker process for tests: publishes the test objects and lives until its standard input ends.
@main struct TestWorker {
    static func main() async throws {
        let bus = try await Bus.connect(name: "worker")
        let objects = try await TestObjects(on: bus)
        FileHandle.standardOutput.write(Data("ready\n".utf8))
        await withCheckedContinuation { continuation in
            let thread = Thread {
                while readLine() != nil {}
                continuation.resume()
            }
            thread.start()
        }
        withExtendedLifetime(objects) {}
        bus.close()
    }
}
