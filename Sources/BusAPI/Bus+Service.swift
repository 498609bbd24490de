// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusNode
import Glibc
public import ServiceLifecycle
import Synchronization
import UnixSignals

extension Bus: Service {
    /// Serves calls until the process is asked to end, then drains: names go to whoever stands by,
    /// handlers that run may finish within `Configuration.drain`, and the bus is closed.
    ///
    /// In a `ServiceGroup` that watches signals the group says when, in its order. In a program
    /// where nobody watches SIGTERM and SIGINT, this method does. Cancelling its task ends it too.
    public func run() async throws {
        await self.waitForStop([UnixSignal.sigterm, .sigint].filter(isUnwatched))
        await self.drain()
    }

    /// Returns when the process is to stop, or the task is cancelled.
    private func waitForStop(_ signals: [UnixSignal]) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await gracefulShutdown() }
            if !signals.isEmpty {
                group.addTask {
                    for await _ in await UnixSignalsSequence(trapping: signals) { return }
                }
            }
            await group.next()
            group.cancelAll()
        }
    }

    /// Hands every name to the next node that has published it, refuses calls that come later,
    /// waits for those that run, and closes the bus.
    ///
    /// A call that is refused fails with `disconnected`, executed: no; a proxy that follows a name
    /// then calls where the name is now, and its user sees no error. Calls are let in that a call
    /// made from here leads to, because else a handler that waits for them could not finish. If
    /// the broker can't be reached, no call is refused before the bus is closed. Nothing can be
    /// published any more.
    public func drain() async {
        self.isDraining.store(true, ordering: .sequentiallyConsistent)
        let isWithdrawn = await self.atMost(Self.controlTimeout) { try await self.withdrawAll() }
        // Not while a name still leads here: who is refused looks it up again, and only once.
        if isWithdrawn { self.node.drain() }
        await self.running.waitUntilIdle(atMost: self.configuration.drain)
        // Everything goes one way in order: with this answered, the last replies have arrived.
        await self.atMost(Self.controlTimeout) { try await self.ping() }
        await self.leave()
    }

    /// How long a bus that ends waits for a broker that may be gone.
    private static let controlTimeout = Duration.seconds(1)

    /// Whether `body` succeeded in time.
    @discardableResult
    private func atMost(
        _ limit: Duration, _ body: @escaping @Sendable () async throws -> Void
    ) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { await (try? body()) != nil }
            group.addTask {
                try? await Task.sleep(for: limit)
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }
}

/// Whether `signal` would end this process now.
private func isUnwatched(_ signal: UnixSignal) -> Bool {
    let number = signal == .sigterm ? SIGTERM : SIGINT
    var action = sigaction()
    guard sigaction(number, nil, &action) == 0 else { return false }
    return action.__sigaction_handler.sa_handler == nil
}
