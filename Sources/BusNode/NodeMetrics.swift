// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusNodeCore
import Metrics

/// Tells the process's metrics system what a node has counted.
struct NodeMetrics {
    private var reported = Tally<NodeDrop>()

    /// Adds what was counted since the last time; about once a second.
    mutating func update(_ drops: Tally<NodeDrop>) {
        guard drops != self.reported else { return }
        for (reason, count) in drops.added(since: self.reported) {
            Counter(label: "objbus_node_drops_total", dimensions: [("reason", reason.name)])
                .increment(by: Int64(clamping: count))
        }
        self.reported = drops
    }
}
