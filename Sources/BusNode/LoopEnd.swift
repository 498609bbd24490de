// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusZeroMQ

/// The moment when a node's loop has closed its sockets, for those who wait for it.
final class LoopEnd: Sendable {
    private struct State {
        var isReached = false
        var waiting: [CheckedContinuation<Bool, Never>] = []
    }

    private let state = Locked(State())

    /// The loop is over.
    func reached() { self.resume(reached: true) }

    /// Those who wait wait no longer.
    func giveUp() { self.resume(reached: false) }

    /// Whether the loop is over, as soon as it is or somebody gives up.
    func wait() async -> Bool {
        await withCheckedContinuation { continuation in
            let isReached = self.state.withLock { state in
                if !state.isReached { state.waiting.append(continuation) }
                return state.isReached
            }
            if isReached { continuation.resume(returning: true) }
        }
    }

    private func resume(reached: Bool) {
        let waiting = self.state.withLock { state in
            state.isReached = state.isReached || reached
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume(returning: reached) }
    }
}
