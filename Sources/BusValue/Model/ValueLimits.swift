// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// Bounds on what is encoded and decoded, checked before memory is taken.
///
/// Going over one is `ValueError.Kind.limitExceeded`; docs/protocol/values.md §6 lists them.
public struct ValueLimits: Sendable, Hashable {
    /// Arrays, maps and sets inside one another. Bounds the recursion: keep it below about 500.
    public var depth: Int
    /// Items in one top-level item, keys and values counted each. Bounds memory to about 25 times
    /// this number of bytes, as an item of one byte takes 24 in an array of `Value`.
    public var items: Int
    /// Bytes of one encoded top-level item, extra frames not counted.
    public var messageBytes: Int
    /// Bytes of one text or byte string that travels inline.
    public var stringBytes: Int
    /// Bytes of an integer's magnitude; its decimal text takes quadratic time to make.
    public var bigIntegerBytes: Int
    /// Extra frames of one message.
    public var buffers: Int

    /// Makes bounds; the defaults suit both ends of the bus.
    public init(
        depth: Int = 64, items: Int = 4_194_304, messageBytes: Int = 64 << 20,
        stringBytes: Int = 64 << 20, bigIntegerBytes: Int = 8192, buffers: Int = 256
    ) {
        self.depth = depth
        self.items = items
        self.messageBytes = messageBytes
        self.stringBytes = stringBytes
        self.bigIntegerBytes = bigIntegerBytes
        self.buffers = buffers
    }

    /// The bounds that both ends assume unless told otherwise.
    public static let standard = ValueLimits()
}
