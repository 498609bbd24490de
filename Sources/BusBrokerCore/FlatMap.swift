// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

/// A key that is a number or two, and hashes in a few instructions.
package protocol FlatKey: Equatable, Sendable {
    /// Bits that differ for different keys as far as 64 bits can; `seed` spreads what peers choose.
    func flatHash(seed: UInt64) -> UInt64
}

/// A dictionary of a few thousand keys that every message looks up, several times as fast as the
/// standard one. Tables that grow with objects and names have a `HashIndex`.
///
/// Open addressing, at most half full, so that a look-up reads one or two neighbouring words. Peers
/// that choose keys don't know the seed, and so can't heap them up. Its order means nothing:
/// whoever lists it sorts.
package struct FlatMap<Key: FlatKey, Value: Sendable>: Sendable {
    /// For each cell the mixed hash of its key, or 0 if it is free.
    private var tags: [UInt64]
    private var keys: [Key]
    private var values: [Value]
    private let seed: UInt64
    private let emptyKey: Key
    private let emptyValue: Value
    /// How many keys there are.
    package private(set) var count = 0

    /// An empty map.
    ///
    /// - Parameters:
    ///   - emptyKey: Stands in free cells; any key.
    ///   - emptyValue: Stands in free cells; any value that is cheap to keep.
    ///   - seed: Unknown to those who choose keys.
    package init(emptyKey: Key, emptyValue: Value, seed: UInt64 = 0) {
        (self.emptyKey, self.emptyValue, self.seed) = (emptyKey, emptyValue, seed)
        self.tags = [UInt64](repeating: 0, count: 16)
        self.keys = [Key](repeating: emptyKey, count: 16)
        self.values = [Value](repeating: emptyValue, count: 16)
    }

    /// The value of `key`; setting nil removes it.
    package subscript(key: Key) -> Value? {
        get {
            guard let cell = self.cell(of: key) else { return nil }
            return self.values[cell]
        }
        set {
            if let newValue {
                let cell = self.cellForWriting(key)
                self.values[cell] = newValue
            } else {
                self.remove(key)
            }
        }
    }

    /// Takes `key` and its value away.
    package mutating func remove(_ key: Key) {
        guard var hole = self.cell(of: key) else { return }
        let mask = self.tags.count - 1
        var next = (hole + 1) & mask
        // What was pushed on by the removed key moves back, so that no search ends too early.
        while self.tags[next] != 0 {
            let home = Int(truncatingIfNeeded: self.tags[next]) & mask
            if (next - home) & mask >= (next - hole) & mask {
                self.tags[hole] = self.tags[next]
                self.keys[hole] = self.keys[next]
                self.values.swapAt(hole, next)
                hole = next
            }
            next = (next + 1) & mask
        }
        self.tags[hole] = 0
        self.keys[hole] = self.emptyKey
        self.values[hole] = self.emptyValue
        self.count -= 1
    }

    private func cell(of key: Key) -> Int? {
        let tag = Self.tag(key, self.seed)
        let mask = self.tags.count &- 1
        var cell = Int(truncatingIfNeeded: tag) & mask
        while true {
            let found = self.tags[cell]
            if found == tag, self.keys[cell] == key { return cell }
            if found == 0 { return nil }
            cell = (cell &+ 1) & mask
        }
    }

    private mutating func cellForWriting(_ key: Key) -> Int {
        if let cell = self.cell(of: key) { return cell }
        if self.count * 2 >= self.tags.count { self.grow() }
        self.count += 1
        let cell = self.freeCell(for: Self.tag(key, self.seed))
        self.tags[cell] = Self.tag(key, self.seed)
        self.keys[cell] = key
        return cell
    }

    private func freeCell(for tag: UInt64) -> Int {
        let mask = self.tags.count - 1
        var cell = Int(truncatingIfNeeded: tag) & mask
        while self.tags[cell] != 0 { cell = (cell + 1) & mask }
        return cell
    }

    private mutating func grow() {
        let (tags, keys, values) = (self.tags, self.keys, self.values)
        let size = tags.count * 2
        self.tags = [UInt64](repeating: 0, count: size)
        self.keys = [Key](repeating: self.emptyKey, count: size)
        self.values = [Value](repeating: self.emptyValue, count: size)
        for former in tags.indices where tags[former] != 0 {
            let cell = self.freeCell(for: tags[former])
            self.tags[cell] = tags[former]
            self.keys[cell] = keys[former]
            self.values[cell] = values[former]
        }
    }

    /// Never 0.
    private static func tag(_ key: Key, _ seed: UInt64) -> UInt64 {
        mixedBits(key.flatHash(seed: seed)) | 1 << 63
    }
}

/// Spreads every bit of `word` over all bits, reversibly (the finaliser of MurmurHash3 by
/// A. Appleby).
package func mixedBits(_ word: UInt64) -> UInt64 {
    var mixed = word
    mixed = (mixed ^ (mixed >> 33)) &* 0xFF51_AFD7_ED55_8CCD
    mixed = (mixed ^ (mixed >> 33)) &* 0xC4CE_B9FE_1A85_EC53
    return mixed ^ (mixed >> 33)
}
