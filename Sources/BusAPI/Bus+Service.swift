// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusNode
public import ServiceLifecycle

extension Bus: Service {
    /// Serves calls until the process is asked to end, then drains: names are withdrawn so that
    /// callers turn elsewhere, handlers that run may finish within `Configuration.drain`, and the
    /// bus is closed.
    ///
    /// Outside a `ServiceGroup` it serves until its task is cancelled.
    public func run() async throws {
        try? await gracefulShutdown()
        await self.drain()
    }

    /// Withdraws every name, waits for running handlers, and closes the bus.
    public func drain() async {
        for name in self.node.publishedNames {
            // A broker that can't be reached forgets the names by itself.
            try? await self.withdraw(name)
        }
        await self.running.waitUntilIdle(atMost: self.configuration.drain)
        self.close()
    }
}
