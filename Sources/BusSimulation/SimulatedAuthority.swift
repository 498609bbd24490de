// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

import BusKernel
package import BusWire

/// Seals by a keyed mixing function: good enough to tell right from wrong, not to resist a forger.
///
/// It outlives the broker's runs, as the key file does.
package struct SimulatedAuthority: SealAuthority {
    private let key: UInt64

    package init(key: UInt64) {
        self.key = key
    }

    package func seal(_ message: [UInt8]) -> Seal {
        var digest = TraceDigest()
        digest.add(self.key)
        digest.add(bytes: message)
        var mixer = RandomSource(seed: digest.value)
        // Never the seal that means "none".
        return Seal(high: mixer.next() | 1, low: mixer.next())
    }
}

/// FNV-1a over words of 64 bits: the same in every process, unlike `Hasher`.
package struct TraceDigest: Hashable, Sendable {
    package private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    package init() {}

    package mutating func add(_ word: UInt64) {
        self.value = (self.value ^ word) &* 0x0000_0100_0000_01B3
        // The multiplication carries upwards only; whole words need the way back too.
        self.value ^= self.value >> 29
    }

    package mutating func add(bytes: [UInt8]) {
        self.add(UInt64(bytes.count))
        let span = bytes.span.bytes
        var offset = 0
        while offset + 8 <= bytes.count {
            self.add(span.number(at: offset))
            offset += 8
        }
        while offset < bytes.count {
            self.add(UInt64(bytes[offset]))
            offset += 1
        }
    }

    package mutating func add(text: String) {
        self.add(bytes: Array(text.utf8))
    }
}
