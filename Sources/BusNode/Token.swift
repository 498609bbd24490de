// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/references.md §3.

import BusNodeCore
package import BusWire

/// Keeps one reference held by this process while it lives; all proxies of it share one.
///
/// Its `deinit` only appends to a list, so it may die on any thread and under any lock.
package final class Token: Sendable {
    package let reference: Reference
    let generation: TokenGeneration
    private let node: Node

    init(_ reference: Reference, _ generation: TokenGeneration, _ node: Node) {
        self.reference = reference
        self.generation = generation
        self.node = node
    }

    deinit {
        self.node.tokenDied(self.reference, self.generation)
    }
}
