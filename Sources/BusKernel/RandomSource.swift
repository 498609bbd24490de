// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock; all randomness comes from the seed.

/// A seeded generator, so that whatever a core draws can be replayed.
///
/// The algorithm is SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014). It is not for secrets; those come from the shell's key.
package struct RandomSource: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) {
        self.state = seed
    }

    package mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which must be positive.
    package mutating func below(_ bound: UInt64) -> UInt64 {
        precondition(bound > 0, "there is no number below zero")
        return self.next().multipliedFullWidth(by: bound).high
    }
}
