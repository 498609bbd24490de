// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

/// Rows that keep their number as long as they live.
///
/// They lie in chunks, so that growing copies nothing and never needs the room twice.
package struct RowStore<Row: Sendable>: Sendable {
    private static var chunkSize: Int { 1_024 }
    private var chunks: [[Row]] = []
    private var free: [UInt32] = []
    /// Stands in free rows.
    private let blank: Row

    /// - Parameter blank: stands in free rows; cheap to keep.
    package init(blank: Row) {
        self.blank = blank
    }

    package mutating func insert(_ row: Row) -> UInt32 {
        if let number = self.free.popLast() {
            self.change(number) { $0 = row }
            return number
        }
        if self.chunks.last?.count ?? Self.chunkSize == Self.chunkSize {
            self.chunks.append([])
            // The first one grows with its rows: most tables are small.
            if self.chunks.count > 1 {
                self.chunks[self.chunks.count - 1].reserveCapacity(Self.chunkSize)
            }
        }
        let last = self.chunks.count - 1
        self.chunks[last].append(row)
        return UInt32(last * Self.chunkSize + self.chunks[last].count - 1)
    }

    package mutating func remove(_ number: UInt32) {
        let blank = self.blank
        self.change(number) { $0 = blank }
        self.free.append(number)
    }

    /// Reads a row without copying it.
    package func read<Result>(_ number: UInt32, _ body: (Row) -> Result) -> Result {
        body(self.chunks[Int(number) / Self.chunkSize][Int(number) % Self.chunkSize])
    }

    /// Changes a row in place.
    package mutating func change<Result>(
        _ number: UInt32, _ body: (inout Row) -> Result
    ) -> Result {
        body(&self.chunks[Int(number) / Self.chunkSize][Int(number) % Self.chunkSize])
    }

    /// What `body` makes of each row, free ones among them.
    package func compactMap<Result>(_ body: (Row) -> Result?) -> [Result] {
        var results: [Result] = []
        for chunk in self.chunks {
            for index in chunk.indices {
                if let result = body(chunk[index]) { results.append(result) }
            }
        }
        return results
    }
}
