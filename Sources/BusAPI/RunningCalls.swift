// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusWire
import BusZeroMQ

/// Handlers that run, so that they can be cancelled.
final class RunningCalls: Sendable {
    private enum Run {
        case starting(isCancelled: Bool)
        case running(Task<Void, any Error>)
    }

    private let runs = Locked<[CallIdentity: Run]>([:])
    private let idle = Locked<[CheckedContinuation<Void, Never>]>([])

    /// Call before the handler's task exists, which may end before `started` is called; also when
    /// it is known that there will be one.
    func starts(_ identity: CallIdentity) {
        self.runs.withLock { runs in
            if runs[identity] == nil { runs[identity] = .starting(isCancelled: false) }
        }
    }

    func started(_ identity: CallIdentity, _ task: Task<Void, any Error>) {
        let isCancelled = self.runs.withLock { runs in
            guard case .starting(let isCancelled) = runs[identity] else { return false }
            runs[identity] = .running(task)
            return isCancelled
        }
        if isCancelled { task.cancel() }
    }

    func ended(_ identity: CallIdentity) {
        let isIdle = self.runs.withLock { runs in
            runs[identity] = nil
            return runs.isEmpty
        }
        if isIdle { self.resumeWaiting() }
    }

    /// Returns when no handler runs, or after `limit`.
    func waitUntilIdle(atMost limit: Duration) async {
        let timer = Task {
            guard (try? await Task.sleep(for: limit)) != nil else { return }
            self.resumeWaiting()
        }
        await withCheckedContinuation { continuation in
            self.idle.withLock { $0.append(continuation) }
            if self.runs.withLock({ $0.isEmpty }) { self.resumeWaiting() }
        }
        timer.cancel()
    }

    private func resumeWaiting() {
        let waiting = self.idle.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func cancel(_ identity: CallIdentity) {
        let task = self.runs.withLock { runs -> Task<Void, any Error>? in
            switch runs[identity] {
            case .starting:
                runs[identity] = .starting(isCancelled: true)
                return nil
            case .running(let task):
                return task
            case nil:
                return nil
            }
        }
        task?.cancel()
    }

    func cancelAll() {
        for identity in self.runs.withLock({ Array($0.keys) }) { self.cancel(identity) }
    }
}
