// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/references.md §5. Pure: no I/O, no clock, no randomness.

extension ReferenceEntry {
    /// The reference and its seal as text, for use outside the bus: whoever has it may claim the
    /// reference while somebody keeps the object alive.
    package var tag: String {
        let reference = self.reference
        return "ref:\(hexadecimal(reference.owner.rawValue)).\(reference.object.rawValue)"
            + ".\(self.generation.rawValue)"
            + ".\(hexadecimal(self.seal.high))\(hexadecimal(self.seal.low))"
    }

    /// Reads what `tag` wrote; nil for anything else.
    package init?(tag: String) {
        guard tag.hasPrefix("ref:"), tag.utf8.count <= 128 else { return nil }
        let parts = tag.dropFirst(4).split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0].utf8.count == 16, parts[3].utf8.count == 32,
            let owner = UInt64(parts[0], radix: 16), let object = UInt64(parts[1]),
            let generation = UInt32(parts[2]), let high = UInt64(parts[3].prefix(16), radix: 16),
            let low = UInt64(parts[3].suffix(16), radix: 16)
        else { return nil }
        self.init(
            reference: Reference(
                owner: IncarnationID(rawValue: owner), object: ObjectNumber(rawValue: object)),
            generation: Generation(rawValue: generation), seal: Seal(high: high, low: low))
    }
}
