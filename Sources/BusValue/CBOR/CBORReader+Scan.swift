// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// Where one array or map starts and ends; lets a decoder step over it at once.
struct Extent {
    let start: Int
    var end: Int
}

extension CBORReader {
    /// Steps over one item and checks its structure: heads, bounds, depth, tags, simple values.
    ///
    /// - Parameters:
    ///   - extents: Gets the arrays and maps, in the order of their starts.
    ///   - isDefinite: Set to false when something has an indefinite length.
    ///   - depth: How many arrays and maps are around it.
    mutating func scan(
        _ extents: inout [Extent], _ isDefinite: inout Bool, depth: Int = 0
    ) throws(ValueError) {
        let head = try head()
        switch head.major {
        case .unsigned, .negative:
            return
        case .bytes, .text:
            guard head.isIndefinite else {
                _ = try content(of: head)
                return
            }
            isDefinite = false
            var total = 0
            while let range = try chunk(of: head, total: total) { total += range.count }
        case .array, .map:
            try checkDepth(depth + 1, at: head.offset)
            let index = extents.count
            extents.append(Extent(start: head.offset, end: 0))
            try scanContent(of: head, &extents, &isDefinite, depth: depth + 1)
            extents[index].end = offset
        case .tag:
            guard CBORReader.isKnown(head.argument) else { throw unknownTag(head) }
            guard offset < end else { throw short(at: head.offset) }
            guard bytes[offset] >> 5 != CBORWriter.MajorType.tag.rawValue else {
                throw ValueError(
                    .malformed, at: head.offset,
                    "tag \(head.argument) before the wrong kind of item")
            }
            try scan(&extents, &isDefinite, depth: depth)
        case .simple:
            guard 20...27 ~= head.information, head.information != 24 else {
                throw unknownSimple(head)
            }
        }
    }

    private mutating func scanContent(
        of head: Head, _ extents: inout [Extent], _ isDefinite: inout Bool, depth: Int
    ) throws(ValueError) {
        let itemsEach = head.major == .map ? 2 : 1
        if head.isIndefinite {
            isDefinite = false
            while try !takeBreak() {
                for _ in 0..<itemsEach { try scan(&extents, &isDefinite, depth: depth) }
            }
            return
        }
        let count = try count(of: head, itemsEach: itemsEach)
        for _ in 0..<count * itemsEach { try scan(&extents, &isDefinite, depth: depth) }
    }

    /// The place behind an item of input that was scanned.
    mutating func skip(_ item: Int, _ extents: [Extent]) throws(ValueError) -> Int {
        restart(at: item)
        var head = try head()
        if head.major == .tag { head = try self.head() }
        switch head.major {
        case .bytes, .text:
            return try content(of: head).upperBound
        case .array, .map:
            let place = binarySearch(count: extents.count) { extents[$0].start - head.offset }
            guard place.found else {
                throw ValueError(.malformed, at: item, "an item that was not scanned")
            }
            return extents[place.index].end
        default:
            return offset
        }
    }

    /// Whether a tag is one of ours.
    static func isKnown(_ tag: UInt64) -> Bool {
        switch tag {
        case CBORTag.epoch, CBORTag.bignum, CBORTag.negativeBignum, CBORTag.uuid, CBORTag.set,
            CBORTag.reference, CBORTag.timestamp, CBORTag.frame:
            true
        default: false
        }
    }
}
