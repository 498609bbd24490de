// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation

/// Runs `body` on a thread of its own, which may block, outside of any task.
@discardableResult
package func onOwnThread<Result: Sendable>(
    _ body: @escaping @Sendable () throws -> Result
) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        Thread { continuation.resume(with: Swift.Result { try body() }) }.start()
    }
}
