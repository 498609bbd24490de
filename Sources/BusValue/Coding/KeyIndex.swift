// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// A map's entries by key: one pass makes the index, lookups are binary searches.
///
/// A class, so that the copies that the standard library makes of a container cost little.
final class KeyIndex {
    /// One entry: a text key by where its UTF-8 is, or an integer key.
    struct Entry {
        let text: Range<Int>
        let number: Int?
        let value: Int
    }

    let bytes: [UInt8]
    private(set) var entries: [Entry] = []

    /// Indexes the map at the place of a reader of input that was scanned.
    init(_ reader: inout CBORReader, _ extents: [Extent]) throws(ValueError) {
        bytes = reader.bytes
        let start = reader.offset
        let map = try reader.head()
        guard map.major == .map else { throw reader.mismatch(at: start, expected: "map") }
        let count = Int(map.argument)
        entries.reserveCapacity(count)
        var isSorted = true
        for index in 0..<count {
            let entry = try KeyIndex.entry(&reader)
            if index > 0, order(entries[index - 1], entry) >= 0 { isSorted = false }
            entries.append(entry)
            reader.restart(at: try reader.skip(entry.value, extents))
        }
        if isSorted { return }
        entries.sort { order($0, $1) < 0 }
        for (left, right) in zip(entries, entries.dropFirst()) where order(left, right) == 0 {
            throw ValueError(.duplicate, at: start, "the map has a key twice")
        }
    }

    private static func entry(_ reader: inout CBORReader) throws(ValueError) -> Entry {
        let start = reader.offset
        let key = try reader.head()
        switch key.major {
        case .text:
            let text = try reader.content(of: key)
            return Entry(text: text, number: nil, value: reader.offset)
        case .unsigned, .negative:
            break
        case .tag where key.argument == CBORTag.bignum || key.argument == CBORTag.negativeBignum:
            break
        default:
            throw reader.mismatch(at: start, expected: "a text key")
        }
        reader.restart(at: start)
        let number = try reader.integer(Int.self)
        return Entry(text: 0..<0, number: number, value: reader.offset)
    }

    /// Integers by number before texts, these by length and then by content.
    private func order(_ left: Entry, _ right: Entry) -> Int {
        switch (left.number, right.number) {
        case (let left?, let right?): return left < right ? -1 : left == right ? 0 : 1
        case (_?, nil): return -1
        case (nil, _?): return 1
        case (nil, nil): break
        }
        if left.text.count != right.text.count { return left.text.count - right.text.count }
        return unsafe bytes.withUnsafeBytes {
            unsafe lexicographicOrder(
                UnsafeRawBufferPointer(rebasing: $0[left.text]),
                UnsafeRawBufferPointer(rebasing: $0[right.text]))
        }
    }

    /// The place of the value under a key, its text first, then its number.
    func find(_ name: consuming String, _ number: Int?) -> Int? {
        let place = name.withUTF8 { name in
            unsafe bytes.withUnsafeBytes { bytes in
                binarySearch(count: entries.count) { index in
                    let entry = entries[index]
                    if entry.number != nil { return -1 }
                    if entry.text.count != name.count { return entry.text.count - name.count }
                    return unsafe lexicographicOrder(
                        UnsafeRawBufferPointer(rebasing: bytes[entry.text]),
                        UnsafeRawBufferPointer(name))
                }
            }
        }
        if place.found { return entries[place.index].value }
        guard let number else { return nil }
        let numbered = binarySearch(count: entries.count) { index in
            guard let other = entries[index].number else { return 1 }
            return other < number ? -1 : other == number ? 0 : 1
        }
        return numbered.found ? entries[numbered.index].value : nil
    }
}
