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

    /// Reads a native item at a place.
    func native<T>(_ type: T.Type, _ kind: NativeKind, at offset: Int) throws(ValueError) -> T {
        try reader.native(type, as: kind, at: offset)
    }

    /// The index of the map at a place.
    func index(at offset: Int) throws(ValueError) -> KeyIndex {
        reader.restart(at: offset)
        return try KeyIndex(&reader, extents)
    }

    /// The place behind the item at a place.
    func skip(_ offset: Int) throws(ValueError) -> Int {
        try reader.skip(offset, extents)
    }
}
