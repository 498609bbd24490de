// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/references.md §2. Pure: no I/O, no clock, no randomness.

package import BusWire

/// Own objects that others may hold: `exp[r]`, and what pins them besides.
package struct ExportTable: Sendable {
    package struct Export: Hashable, Sendable {
        /// How often the object was put into a transmission, less what Unrefs gave back.
        package var count: UInt64 = 0
        /// Messages and calls in this process that carry it.
        package var pins: Int = 0
        package var generation: Generation = .first

        var isIdle: Bool { self.count == 0 && self.pins == 0 }
    }

    private var exports: [ObjectNumber: Export] = [:]
    /// Generations of objects that were revoked, which outlive their exports (rules R25).
    private var generations: [ObjectNumber: Generation] = [:]

    package init() {}

    package var count: Int { self.exports.count }

    package subscript(object: ObjectNumber) -> Export? { self.exports[object] }

    /// The numbers exported, sorted.
    package var objects: [ObjectNumber] { self.exports.keys.sorted() }

    /// Whether anything was ever revoked.
    var hasRevocations: Bool { !self.generations.isEmpty }

    package func generation(of object: ObjectNumber) -> Generation {
        self.generations[object] ?? .first
    }

    /// Rows for HELLO, by object.
    package var restatement: [HelloBody.Export] {
        self.exports.sorted { $0.key < $1.key }.map { object, export in
            HelloBody.Export(
                object: object, generation: self.generation(of: object), count: export.count)
        }
    }

    /// Put into a transmission. True if the object must be retained from now on.
    package mutating func countTransmission(_ object: ObjectNumber) -> Bool {
        self.change(object) { $0.count += 1 }
    }

    /// True if the object must be retained from now on.
    package mutating func pin(_ object: ObjectNumber) -> Bool {
        self.change(object) { $0.pins += 1 }
    }

    /// True if the object need no longer be retained.
    package mutating func unpin(_ object: ObjectNumber) -> Bool {
        guard self.exports[object] != nil else { return false }
        _ = self.change(object) { $0.pins -= min(1, $0.pins) }
        return self.forgetIfIdle(object)
    }

    /// The broker gives back `count` exports. Nil if it gives back more than there are; else
    /// whether the object need no longer be retained.
    package mutating func giveBack(_ object: ObjectNumber, count: UInt64) -> Bool? {
        guard let export = self.exports[object], export.count >= count else { return nil }
        _ = self.change(object) { $0.count -= count }
        return self.forgetIfIdle(object)
    }

    /// A new incarnation begins: only one export per published name remains. Pins are given back
    /// under the old incarnation's references, which mean nothing here any more.
    /// Returns the objects that need no longer be retained, sorted.
    package mutating func restart(published: [ObjectNumber]) -> [ObjectNumber] {
        for object in self.objects {
            _ = self.change(object) {
                $0.count = 0
                $0.pins = 0
            }
        }
        for object in published { _ = self.change(object) { $0.count += 1 } }
        self.generations = [:]
        return self.objects.filter { self.forgetIfIdle($0) }
    }

    /// Makes all copies of earlier generations worthless; returns the new generation.
    package mutating func revoke(_ object: ObjectNumber) -> Generation {
        let next = self.generation(of: object).next
        self.generations[object] = next
        return next
    }

    private mutating func change(_ object: ObjectNumber, _ body: (inout Export) -> Void) -> Bool {
        guard let place = self.exports.index(forKey: object) else {
            var export = Export()
            body(&export)
            self.exports[object] = export
            return true
        }
        body(&self.exports.values[place])
        return false
    }

    private mutating func forgetIfIdle(_ object: ObjectNumber) -> Bool {
        guard self.exports[object]?.isIdle ?? false else { return false }
        self.exports[object] = nil
        return true
    }
}
