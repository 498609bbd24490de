// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// What the decoders of one call share. Not `Sendable`: it lives during one call, on its thread.
final class DecodingSource {
    /// The input; moved about as items are read.
    var reader: CBORReader
    /// What the caller passes through to the types.
    let userInfo: [CodingUserInfoKey: any Sendable]
    /// Behind the item in the caller's input.
    let end: Int
    /// The place of the item in `reader`.
    let start: Int
    private var extents: [Extent] = []

    /// Scans the item at the reader's place; a foreign form is first brought into ours.
    ///
    /// After the scan every definite item is known to be well-formed, so stepping over cannot fail.
    init(
        _ reader: CBORReader, userInfo: [CodingUserInfoKey: any Sendable]
    ) throws(ValueError) {
        self.reader = reader
        self.userInfo = userInfo
        var scanner = reader
        var isDefinite = true
        try scanner.scan(&extents, &isDefinite)
        end = scanner.offset
        if isDefinite {
            start = reader.offset
            return
        }
        var copy = reader
        var bytes: [UInt8] = []
        var buffers: [Bytes] = []
        try copy.value().encode(into: &bytes, buffers: &buffers, limits: reader.limits)
        self.reader = CBORReader(bytes, buffers: buffers, limits: reader.limits)
        scanner = self.reader
        extents = []
        try scanner.scan(&extents, &isDefinite)
        start = 0
    }

    /// Goes to an item with the whole budget: the scan has charged it already.
    func move(to offset: Int) {
        reader.restart(at: offset)
    }

    /// The place behind the item at a place.
    func skip(_ offset: Int) throws(ValueError) -> Int {
        move(to: offset)
        var head = try reader.head()
        if head.major == .tag { head = try reader.head() }
        switch head.major {
        case .bytes, .text:
            return try reader.content(of: head).upperBound
        case .array, .map:
            let place = binarySearch(count: extents.count) { extents[$0].start - head.offset }
            guard place.found else {
                throw ValueError(.malformed, at: offset, "an item that was not scanned")
            }
            return extents[place.index].end
        default:
            return reader.offset
        }
    }
}
