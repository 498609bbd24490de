// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusNode
import BusWire
import BusZeroMQ

extension Bus {
    /// How long `leave` waits for a handler that keeps its thread.
    private static let patience = Duration.seconds(1)

    /// Closes, and waits until the goodbye has left; for processes that end next.
    ///
    /// Without this a process may be gone before its goodbye, and the broker then keeps its
    /// references for the resume window. Waits for about a second at most; the goodbye is sure to
    /// leave only if the configuration had `useOwnContext` called.
    package func leave() async {
        self.close()
        let timer = Task { [node] in
            try await Task.sleep(for: Self.patience)
            node.stopWaitingForEnd()
        }
        let hasEnded = await self.node.waitForEnd()
        timer.cancel()
        if hasEnded, self.configuration.ownsContext { self.configuration.context?.finish() }
    }
}

extension Bus.Configuration {
    /// Gives the bus sockets that nobody else shares, so that `leave` can wait for them.
    ///
    /// - Throws: `BusError` of kind `overloaded` when the process has no descriptors left.
    package mutating func useOwnContext() throws(BusError) {
        do {
            self.context = try Context()
            self.ownsContext = true
        } catch {
            throw BusError(.overloaded, "this process can't open sockets: \(error)")
        }
    }
}
