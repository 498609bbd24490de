// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/references.md §4. Pure: no I/O, no clock, no randomness.

/// Computes seals with a key that only the broker knows; a keyed pseudo-random function.
///
/// The shell's is HMAC-SHA256 cut to 16 bytes; the simulator's need not be secure.
package protocol SealAuthority: Sendable {
    func seal(_ message: [UInt8]) -> Seal
}

extension SealAuthority {
    /// The proof of the right to hold `reference` in `generation` (rules R24).
    package func seal(_ reference: Reference, _ generation: Generation) -> Seal {
        var message: [UInt8] = [0x52]  // "R"
        message.append(number: reference.owner.rawValue)
        message.append(number: reference.object.rawValue)
        message.append(number: generation.rawValue)
        return self.seal(message)
    }

    /// The secret that resumes `incarnation` (rules R5).
    package func secret(of incarnation: IncarnationID) -> Seal {
        var message: [UInt8] = [0x49]  // "I"
        message.append(number: incarnation.rawValue)
        return self.seal(message)
    }
}
