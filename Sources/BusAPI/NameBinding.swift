// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/names.md; rules R16.

import BusZeroMQ

/// A name and what it was resolved to last, for references that follow their name.
final class NameBinding: Sendable {
    let name: String
    private let bus: Bus
    private let resolved: Locked<FoundName>

    init(_ name: String, _ bus: Bus, _ resolved: FoundName) {
        self.name = name
        self.bus = bus
        self.resolved = Locked(resolved)
    }

    var current: HeldReference { self.resolved.withLock { $0.held } }

    /// The number of the head that the name meant then.
    var fence: UInt64 { self.resolved.withLock { $0.fence } }

    /// Asks the broker again, unless somebody has since `former` failed.
    func resolve(after former: HeldReference) async throws -> HeldReference {
        let present = self.current
        guard present == former else { return present }
        let found = try await self.bus.resolve(self.name)
        let replaced = self.resolved.withLock { resolved in
            let old = resolved
            resolved = found
            return old
        }
        withExtendedLifetime(replaced) {}
        return found.held
    }
}
