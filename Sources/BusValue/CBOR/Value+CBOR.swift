// Part of objbus. SPDX-License-Identifier: Apache-2.0

extension Value {
    /// Appends the deterministic encoding.
    ///
    /// - Parameters:
    ///   - bytes: Unchanged when this throws.
    ///   - limits: What the receiver is known to accept.
    /// - Throws: `limitExceeded`.
    public func encode(
        into bytes: inout [UInt8], limits: ValueLimits = .standard
    ) throws(ValueError) {
        var none: [Bytes] = []
        try encode(into: &bytes, buffers: &none, collects: false, limits: limits)
    }

    /// Appends the encoding, and large bytes to `buffers`, to be sent as frames of their own.
    ///
    /// - Parameters:
    ///   - bytes: Unchanged when this throws.
    ///   - buffers: Gets bytes of `Bytes.frameThreshold` and more; unchanged when this throws.
    ///   - limits: What the receiver is known to accept.
    /// - Throws: `limitExceeded`.
    public func encode(
        into bytes: inout [UInt8], buffers: inout [Bytes], limits: ValueLimits = .standard
    ) throws(ValueError) {
        try encode(into: &bytes, buffers: &buffers, collects: true, limits: limits)
    }

    private func encode(
        into bytes: inout [UInt8], buffers: inout [Bytes], collects: Bool, limits: ValueLimits
    ) throws(ValueError) {
        let (size, frames) = (bytes.count, buffers.count)
        var output = EncodingOutput(limits: limits, start: size)
        output.collects = collects
        swap(&output.bytes, &bytes)
        swap(&output.buffers, &buffers)
        defer {
            swap(&output.bytes, &bytes)
            swap(&output.buffers, &buffers)
        }
        do {
            try output.append(self)
            try output.checkSize(0)
        } catch {
            output.bytes.removeLast(output.bytes.count - size)
            output.buffers.removeLast(output.buffers.count - frames)
            throw error
        }
    }

    /// The deterministic encoding.
    ///
    /// - Throws: `limitExceeded`.
    public func encoded(limits: ValueLimits = .standard) throws(ValueError) -> [UInt8] {
        var bytes: [UInt8] = []
        try encode(into: &bytes, limits: limits)
        return bytes
    }

    /// Reads one item that takes all of `cbor`.
    ///
    /// - Parameters:
    ///   - cbor: Any well-formed encoding, deterministic or not.
    ///   - buffers: The frames that came with it.
    ///   - limits: What to accept.
    /// - Throws: A `ValueError` with the offset of the item at fault.
    public init(
        cbor: [UInt8], buffers: [Bytes] = [], limits: ValueLimits = .standard
    ) throws(ValueError) {
        var reader = CBORReader(cbor, buffers: buffers, limits: limits)
        self = try reader.value()
        try reader.finish()
    }

    /// Reads one item that starts at `offset`, and moves `offset` behind it.
    ///
    /// - Parameters:
    ///   - cbor: Items one after another.
    ///   - offset: In bytes; unchanged when this throws.
    ///   - buffers: The frames that came with it.
    ///   - limits: What to accept.
    /// - Throws: A `ValueError` with the offset of the item at fault.
    public init(
        cbor: [UInt8], at offset: inout Int, buffers: [Bytes] = [],
        limits: ValueLimits = .standard
    ) throws(ValueError) {
        var reader = CBORReader(cbor, at: offset, buffers: buffers, limits: limits)
        self = try reader.value()
        offset = reader.offset
    }
}
