// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// Encodes `Encodable` instances as CBOR, without a `Value` between (docs/protocol/values.md §7).
///
/// Scalars, text, bytes and arrays of them take a short way that allocates nothing but the output.
/// A value type without state of its own: use it from any thread.
public struct ValueEncoder: Sendable {
    /// What the receiver is known to accept.
    public var limits: ValueLimits
    /// Passed through to the types' `encode(to:)`.
    public var userInfo: [CodingUserInfoKey: any Sendable]

    /// Makes an encoder.
    public init(
        limits: ValueLimits = .standard,
        userInfo: [CodingUserInfoKey: any Sendable] = Dictionary()
    ) {
        self.limits = limits
        self.userInfo = userInfo
    }

    /// Appends one item.
    ///
    /// - Parameters:
    ///   - value: Becomes one CBOR item.
    ///   - bytes: Unchanged when this throws.
    /// - Throws: `EncodingError`, also when a limit is exceeded; else what `encode(to:)` throws.
    public func encode<T: Encodable>(_ value: T, into bytes: inout [UInt8]) throws {
        var none: [Bytes] = []
        try encode(value, into: &bytes, buffers: &none, collects: false)
    }

    /// Appends one item, and large bytes to `buffers`, to be sent as frames of their own.
    ///
    /// - Parameters:
    ///   - value: Becomes one CBOR item.
    ///   - bytes: Unchanged when this throws.
    ///   - buffers: Gets bytes of `Bytes.frameThreshold` and more; unchanged when this throws.
    /// - Throws: `EncodingError`, also when a limit is exceeded; else what `encode(to:)` throws.
    public func encode<T: Encodable>(
        _ value: T, into bytes: inout [UInt8], buffers: inout [Bytes]
    ) throws {
        try encode(value, into: &bytes, buffers: &buffers, collects: true)
    }

    /// One item's bytes.
    ///
    /// - Throws: `EncodingError`, also when a limit is exceeded; else what `encode(to:)` throws.
    public func encode<T: Encodable>(_ value: T) throws -> [UInt8] {
        var bytes: [UInt8] = []
        try encode(value, into: &bytes)
        return bytes
    }

    private func encode<T: Encodable>(
        _ value: T, into bytes: inout [UInt8], buffers: inout [Bytes], collects: Bool
    ) throws {
        if T.self == Int.self, limits.items > 0, limits.messageBytes >= CBORWriter.integerBytesMax {
            // The commonest of all, and never too large.
            CBORWriter.integer(cast(value, to: Int.self), into: &bytes)
            return
        }
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
            if let kind = NativeKind(T.self) {
                try output.append(value, as: kind, depth: 0)
            } else {
                try encodeComposite(value, to: &output)
            }
            try output.checkSize(0)
        } catch {
            output.bytes.removeLast(output.bytes.count - size)
            output.buffers.removeLast(output.buffers.count - frames)
            guard let error = error as? ValueError else { throw error }
            throw EncodingError.invalidValue(
                value,
                .init(codingPath: [], debugDescription: error.message, underlyingError: error))
        }
    }

    /// Encodes what is not native, through a sink that borrows the output for the time.
    private func encodeComposite<T: Encodable>(
        _ value: T, to output: inout EncodingOutput
    ) throws {
        let sink = EncodingSink(output, userInfo: userInfo)
        output.bytes = []
        output.buffers = []
        defer {
            swap(&output.bytes, &sink.output.bytes)
            swap(&output.buffers, &sink.output.buffers)
        }
        try EncodingPlace(sink: sink, parent: nil, key: nil, depth: 0).encode(value)
    }
}
