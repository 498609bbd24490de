// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// Decodes `Decodable` instances from CBOR (docs/protocol/values.md §7).
///
/// Accepts every form that `Value(cbor:)` accepts. Scalars, text, bytes and arrays of them take a
/// short way. A value type without state of its own: use it from any thread.
public struct ValueDecoder: Sendable {
    /// What to accept.
    public var limits: ValueLimits
    /// Passed through to the types' `init(from:)`.
    public var userInfo: [CodingUserInfoKey: any Sendable]

    /// Makes a decoder.
    public init(
        limits: ValueLimits = .standard,
        userInfo: [CodingUserInfoKey: any Sendable] = Dictionary()
    ) {
        self.limits = limits
        self.userInfo = userInfo
    }

    /// Decodes one item that starts at `offset`, and moves `offset` behind it.
    ///
    /// - Parameters:
    ///   - type: What the item must be.
    ///   - bytes: Items one after another.
    ///   - offset: In bytes; unchanged when this throws.
    ///   - buffers: The frames that came with the message.
    /// - Throws: `DecodingError`, also for malformed input; else what `init(from:)` throws.
    public func decode<T: Decodable>(
        _ type: T.Type = T.self, from bytes: [UInt8], at offset: inout Int,
        buffers: [Bytes] = []
    ) throws -> T {
        // As most numbers are: without a reader, which would have the bytes as well.
        if T.self == Int.self, limits == .standard, let number = plainInteger(bytes, &offset) {
            return unsafe unsafeBitCast(number, to: T.self)
        }
        var reader = CBORReader(bytes, at: offset, buffers: buffers, limits: limits)
        do {
            if let kind = NativeKind(T.self) {
                let native = try reader.native(type, as: kind)
                offset = reader.offset
                return native
            }
            let source = try DecodingSource(reader, userInfo: userInfo)
            let place = DecodingPlace(
                source: source, offset: source.start, parent: nil, key: nil)
            let result = try place.decode(type)
            offset = source.end
            return result
        } catch let error as ValueError {
            throw DecodingError.of(
                error, type: type, isNull: reader.isNull(at: offset), codingPath: [])
        }
    }

    /// Decodes one item that takes all of `bytes`.
    ///
    /// - Parameters:
    ///   - type: What the item must be.
    ///   - bytes: One item.
    ///   - buffers: The frames that came with the message.
    /// - Throws: `DecodingError`, also for malformed input; else what `init(from:)` throws.
    public func decode<T: Decodable>(
        _ type: T.Type = T.self, from bytes: [UInt8], buffers: [Bytes] = []
    ) throws -> T {
        var offset = 0
        let result = try decode(type, from: bytes, at: &offset, buffers: buffers)
        if offset < bytes.count {
            let error = ValueError(
                .trailingBytes, at: offset,
                "\(bytes.count - offset) bytes follow the value")
            throw DecodingError.of(error, type: type, isNull: false, codingPath: [])
        }
        return result
    }
}

/// The integer that starts at `offset`, which moves behind it. Nil, and `offset` stays, for what is
/// no `Int` or not whole; what is wrong with it the reader knows.
private func plainInteger(_ bytes: [UInt8], _ offset: inout Int) -> Int? {
    guard bytes.indices.contains(offset) else { return nil }
    // Major type 0 or 1, then an argument in these five bits or behind them.
    let initial = bytes[offset]
    guard initial < 0x40, initial & 0x1f < 28 else { return nil }
    let (isNegative, information) = (initial >= 0x20, initial & 0x1f)
    var word = UInt64(information)
    var next = offset + 1
    if information >= 24 {
        let count = 1 << Int(information - 24)
        guard count <= bytes.count - next else { return nil }
        word = 0
        for place in next..<next + count { word = word << 8 | UInt64(bytes[place]) }
        next += count
    }
    guard let number = Int(exactly: word) else { return nil }
    offset = next
    return isNegative ? -1 - number : number
}
