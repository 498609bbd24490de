// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusNode
import Glibc
public import ServiceLifecycle
import UnixSignals

extension Bus: Service {
    /// Serves calls until the process is asked to end, then drains: names are withdrawn so that
    /// callers turn elsewhere, handlers that run may finish within `Configuration.drain`, and the
    /// bus is closed.
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

    /// Withdraws every name, waits for running handlers, and closes the bus.
    public func drain() async {
        await self.atMost(Self.controlTimeout) {
            for name in self.node.publishedNames {
                // A broker that can't be reached forgets the names by itself.
                try? await self.withdraw(name)
            }
        }
        await self.running.waitUntilIdle(atMost: self.configuration.drain)
        // Everything goes one way in order: with this answered, the last replies have arrived.
        await self.atMost(Self.controlTimeout) { try? await self.ping() }
        await self.leave()
    }

    /// How long a bus that ends waits for a broker that may be gone.
    private static let controlTimeout = Duration.seconds(1)

    private func atMost(_ limit: Duration, _ body: @escaping @Sendable () async -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask(operation: body)
            group.addTask { try? await Task.sleep(for: limit) }
            await group.next()
            group.cancelAll()
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
