// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

/// Finds rows by the hash of their key; the keys themselves stay in the rows.
///
/// Open addressing in words of half a hash and a row's number, at most three quarters full: mostly
/// a look-up reads one line of the cache here and one row. Hashes must be seeded where peers
/// choose keys. Its order means nothing.
package struct HashIndex: Sendable {
    /// The upper half of the hash, and the row's number plus one; 0 if the cell is free.
    private var cells = [UInt64](repeating: 0, count: 16)
    /// How many rows can be found.
    package private(set) var count = 0

    package init() {}

    /// The row whose key has `hash`, and which `matches`.
    package func row(_ hash: UInt64, where matches: (UInt32) -> Bool) -> UInt32? {
        self.cell(hash, where: matches).map { Self.row(in: self.cells[$0]) }
    }

    /// Adds a row that can't be found yet.
    package mutating func insert(_ row: UInt32, _ hash: UInt64) {
        if (self.count + 1) * 4 > self.cells.count * 3 { self.grow() }
        self.count += 1
        self.place((hash >> 32) << 32 | UInt64(row) + 1)
    }

    /// Takes away a row that was added with `hash`.
    package mutating func remove(_ row: UInt32, _ hash: UInt64) {
        guard var hole = self.cell(hash, where: { $0 == row }) else { return }
        let mask = self.cells.count - 1
        var next = (hole + 1) & mask
        // What was pushed on by the removed row moves back, so that no search ends too early.
        while self.cells[next] != 0 {
            let home = self.home(of: self.cells[next])
            if (next - home) & mask >= (next - hole) & mask {
                self.cells[hole] = self.cells[next]
                hole = next
            }
            next = (next + 1) & mask
        }
        self.cells[hole] = 0
        self.count -= 1
    }

    private static func row(in cell: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: cell) &- 1 }

    private func home(of cell: UInt64) -> Int {
        Int(truncatingIfNeeded: cell >> 32) & (self.cells.count &- 1)
    }

    private func cell(_ hash: UInt64, where matches: (UInt32) -> Bool) -> Int? {
        let mask = self.cells.count &- 1
        var place = self.home(of: hash)
        while true {
            let found = self.cells[place]
            if found == 0 { return nil }
            if found >> 32 == hash >> 32, matches(Self.row(in: found)) { return place }
            place = (place &+ 1) & mask
        }
    }

    private mutating func place(_ cell: UInt64) {
        let mask = self.cells.count - 1
        var place = self.home(of: cell)
        while self.cells[place] != 0 { place = (place + 1) & mask }
        self.cells[place] = cell
    }

    private mutating func grow() {
        let former = self.cells
        self.cells = [UInt64](repeating: 0, count: former.count * 2)
        for cell in former where cell != 0 { self.place(cell) }
    }
}
