// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/names.md §6. Pure: no I/O, no clock, no randomness.

/// What has lately become of names, change by change, for those who watch them.
///
/// Changes are numbered from 1. Whoever knows the names as they were after change n, and asks for
/// what came after it, misses nothing; if that is not here any more, they begin anew.
package struct NameLog: Sendable {
    /// A name with the claims that it has since.
    package struct Change: Hashable, Sendable {
        package let name: String
        package let queue: [NameTable.Claim]
    }

    /// Changes that are kept, and the claims in them, about 10 MB at most; with one more the older
    /// half goes.
    package static let changesMax = 4_096
    package static let claimsMax = 65_536

    private var changes: [Change] = []
    private var claims = 0
    /// The number of the last change.
    package private(set) var last: UInt64 = 0

    package init() {}

    /// `name` has these claims now.
    package mutating func note(_ name: String, _ queue: [NameTable.Claim]) {
        self.last += 1
        self.changes.append(Change(name: name, queue: queue))
        self.claims += queue.count
        while self.changes.count > Self.changesMax || self.claims > Self.claimsMax {
            let old = self.changes.prefix((self.changes.count + 1) / 2)
            self.claims -= old.reduce(0) { $0 + $1.queue.count }
            self.changes.removeFirst(old.count)
        }
    }

    /// Changes after number `number`, of names that begin with `prefix`, in their order; nil if
    /// they are not all here.
    package func changes(after number: UInt64, withPrefix prefix: String) -> [Change]? {
        guard number <= self.last else { return nil }
        let count = self.last - number
        guard count <= UInt64(self.changes.count) else { return nil }
        return self.changes.suffix(Int(count)).filter { $0.name.hasPrefix(prefix) }
    }
}
