// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/framing.md §5. Pure: no I/O, no clock, no randomness.

/// One row of a message's reference table: 40 bytes at the frame's end.
package struct ReferenceEntry: Hashable, Sendable {
    package static let size = 40

    package var reference: Reference
    package var generation: Generation
    /// The proof of the right to hold; zero unless this makes the receiver a holder (rules R24).
    package var seal: Seal

    package init(
        reference: Reference, generation: Generation = .first, seal: Seal = .none
    ) {
        self.reference = reference
        self.generation = generation
        self.seal = seal
    }

    /// Reads the entry that starts at `offset`; traps outside the span.
    package init(reading frame: RawSpan, at offset: Int) {
        self.reference = Reference(
            owner: IncarnationID(rawValue: frame.number(at: offset)),
            object: ObjectNumber(rawValue: frame.number(at: offset + 8)))
        self.generation = Generation(rawValue: frame.number(at: offset + 16))
        self.seal = Seal(high: frame.number(at: offset + 24), low: frame.number(at: offset + 32))
    }

    package func write(to frame: inout MutableRawSpan, at offset: Int) {
        frame.put(self.reference.owner.rawValue, at: offset)
        frame.put(self.reference.object.rawValue, at: offset + 8)
        frame.put(self.generation.rawValue, at: offset + 16)
        frame.put(UInt32(0), at: offset + 20)
        frame.put(self.seal.high, at: offset + 24)
        frame.put(self.seal.low, at: offset + 32)
    }
}
