// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/names.md; rules R16.

import BusZeroMQ

/// A name and what it was resolved to last, for references that follow their name.
final class NameBinding: Sendable {
    let name: String
    private let bus: Bus
    private let resolved: Locked<HeldReference>

    init(_ name: String, _ bus: Bus, _ resolved: HeldReference) {
        self.name = name
        self.bus = bus
        self.resolved = Locked(resolved)
    }

    var current: HeldReference { self.resolved.withLock { $0 } }

    /// Asks the broker again, unless somebody has since `former` failed.
    func resolve(after former: HeldReference) async throws -> HeldReference {
        let present = self.current
        guard present == former else { return present }
        let found = try await self.bus.resolve(self.name).held
        let replaced = self.resolved.withLock { held in
            let old = held
            held = found
            return old
        }
        withExtendedLifetime(replaced) {}
        return found
    }
}
