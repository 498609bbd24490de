// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusSimulation

/// Bytes as choices. Every sequence of bytes is a script; behind its end all choices are 0.
package struct ScriptReader: Sendable {
    private let bytes: [UInt8]
    private var place = 0

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    package var isAtEnd: Bool { self.place >= self.bytes.count }

    package mutating func byte() -> UInt8 {
        guard !self.isAtEnd else { return 0 }
        self.place += 1
        return self.bytes[self.place - 1]
    }

    /// True for odd bytes.
    package mutating func flag() -> Bool { self.byte() & 1 == 1 }

    /// A number below `bound`, which must be from 1 to 256.
    package mutating func below(_ bound: Int) -> Int { Int(self.byte()) % bound }

    package mutating func pick<Element>(_ choices: [Element]) -> Element? {
        choices.isEmpty ? nil : choices[self.below(min(choices.count, 256))]
    }

    /// A number of any size: mostly small, or one near which sums overflow.
    package mutating func number() -> UInt64 {
        let first = self.byte()
        switch first {
        case 0..<0xE0: return UInt64(first)
        case 0xE0..<0xF0: return UInt64(1) << (UInt64(first & 15) * 4 + 3)
        case 0xF0..<0xF8: return .max - UInt64(first & 7)
        case 0xF8..<0xFC: return (1 << 62) - 1 + UInt64(first & 3)
        case 0xFC..<0xFE: return UInt64(self.byte()) << 8 | UInt64(self.byte())
        default: return (0..<8).reduce(0) { number, _ in number << 8 | UInt64(self.byte()) }
        }
    }

    /// At most 255 bytes, as many as the next byte says and there are.
    package mutating func run() -> [UInt8] {
        let end = min(self.place + 1 + Int(self.byte()), self.bytes.count)
        guard self.place < end else { return [] }
        defer { self.place = end }
        return Array(self.bytes[self.place..<end])
    }
}

/// A core that a script is played to, with books of its own.
protocol ScriptedDoor {
    var script: ScriptReader { get }
    /// Of all that has happened: the same for the same script.
    var digest: TraceDigest { get }
    /// The first promise that was broken.
    var violation: String? { get set }

    /// Plays the next operation, and checks what came of it.
    mutating func step()

    /// Lets everybody leave: every call must have ended, and no table may keep anything.
    mutating func leave()
}

extension ScriptedDoor {
    /// Plays the script to its end, then lets everybody leave.
    mutating func run() -> (violation: String?, digest: UInt64) {
        while !self.script.isAtEnd, self.violation == nil { self.step() }
        if self.violation == nil { self.leave() }
        return (self.violation, self.digest.value)
    }

    mutating func fail(_ violation: String) {
        if self.violation == nil { self.violation = violation }
    }
}
