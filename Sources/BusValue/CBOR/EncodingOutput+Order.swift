// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/values.md §2.3 for what is encoded without a `Value`.

extension EncodingOutput {
    /// Puts a map's entries in the order of their keys, of equal keys only the last.
    ///
    /// - Parameters:
    ///   - base: The first of the map's entries, which are taken off the stack.
    ///   - start: Where the first entry starts in the output.
    /// - Returns: How many entries are left.
    mutating func sortEntries(from base: Int, start: Int) -> Int {
        let count = entries.count - base
        defer { entries.removeLast(count) }
        if areSorted(from: base) { return count }
        for index in base..<entries.count {
            entries[index].end = index + 1 < entries.count ? entries[index + 1].key : bytes.count
        }
        let unordered = Array(bytes[start...])
        unsafe unordered.withUnsafeBytes { content in
            entries[base...].sort { left, right in
                let order = unsafe EncodingOutput.order(left, right, in: content, from: start)
                return order == 0 ? left.key < right.key : order < 0
            }
        }
        bytes.removeLast(unordered.count)
        var kept = 0
        unsafe unordered.withUnsafeBytes { content in
            for index in base..<entries.count {
                let entry = entries[index]
                if index + 1 < entries.count,
                    unsafe EncodingOutput.order(
                        entry, entries[index + 1], in: content, from: start) == 0
                {
                    continue
                }
                let piece = entry.key - start..<entry.end - start
                unsafe bytes.append(contentsOf: content[piece])
                kept += 1
            }
        }
        return kept
    }

    private func areSorted(from base: Int) -> Bool {
        unsafe bytes.withUnsafeBytes { content in
            var index = base + 1
            while index < entries.count {
                let order = unsafe EncodingOutput.order(
                    entries[index - 1], entries[index], in: content, from: 0)
                if order >= 0 { return false }
                index += 1
            }
            return true
        }
    }

    private static func order(
        _ left: Entry, _ right: Entry, in content: UnsafeRawBufferPointer, from start: Int
    ) -> Int {
        unsafe lexicographicOrder(
            UnsafeRawBufferPointer(
                rebasing: content[left.key - start..<left.value - start]),
            UnsafeRawBufferPointer(
                rebasing: content[right.key - start..<right.value - start]))
    }

    /// The order of pieces of the output by their bytes; nil when two are equal.
    func order(of pieces: [Range<Int>]) -> [Int]? {
        unsafe bytes.withUnsafeBytes { bytes in
            func order(_ left: Int, _ right: Int) -> Int {
                unsafe lexicographicOrder(
                    UnsafeRawBufferPointer(rebasing: bytes[pieces[left]]),
                    UnsafeRawBufferPointer(rebasing: bytes[pieces[right]]))
            }
            let sorted = pieces.indices.sorted { order($0, $1) < 0 }
            let hasEqual = zip(sorted, sorted.dropFirst()).contains { order($0, $1) == 0 }
            return hasEqual ? nil : sorted
        }
    }
}
