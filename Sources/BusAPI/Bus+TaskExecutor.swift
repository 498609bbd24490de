// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusNode

extension Bus {
    /// Runs tasks on the thread that receives for this bus, as it runs the handlers of its objects.
    ///
    /// A task that has many calls under way, or makes one after another, saves the way to a thread
    /// of Swift's pool and back for each of them, and what several such tasks send leaves together
    /// (docs/performance.md has figures):
    ///
    /// ```swift
    /// try await withTaskExecutorPreference(bus.taskExecutor) {
    ///     for order in orders { try await shop.place(order) }
    /// }
    /// ```
    ///
    /// Actors with executors of their own, as the main actor, keep them. A task that holds its
    /// thread for more than some milliseconds is left alone with it: another thread goes on
    /// receiving, of 64 at most. Once the bus is closed, tasks go on in Swift's pool.
    public var taskExecutor: any TaskExecutor { self.node.executor }
}
