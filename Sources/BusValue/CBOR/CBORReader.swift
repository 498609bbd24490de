// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/values.md §4: what a decoder accepts and refuses.

/// Reads CBOR items from an array, one after another.
///
/// Every bound is checked before memory is taken, and whatever the bytes are, the outcome is an
/// item or a `ValueError` with its offset. After an error the place is undefined.
public struct CBORReader: Sendable {
    /// One head: what kind of item, and its number, length or count.
    public struct Head: Sendable, Hashable {
        /// The major type.
        public let major: CBORWriter.MajorType
        /// The argument; 0 when the length is indefinite.
        public let argument: UInt64
        /// The low five bits of the initial byte.
        let information: UInt8
        /// Where the head starts.
        let offset: Int

        /// Whether the length is indefinite, or for `simple`, whether this is a break.
        public var isIndefinite: Bool { information == 31 }
    }

    /// The input.
    let bytes: [UInt8]
    /// The place of the next item, in bytes.
    public private(set) var offset: Int
    /// Where the input or the size limit ends.
    let end: Int
    /// The bounds.
    let limits: ValueLimits
    /// Frames that came with the message.
    let buffers: [Bytes]
    /// Items that may still be read.
    private var itemsLeft: Int

    /// Makes a reader that starts at `offset`; an offset outside the bytes is a truncated item.
    public init(
        _ bytes: [UInt8], at offset: Int = 0, buffers: [Bytes] = [],
        limits: ValueLimits = .standard
    ) {
        self.bytes = bytes
        self.offset = 0...bytes.count ~= offset ? offset : bytes.count
        self.limits = limits
        self.buffers = buffers
        end = min(bytes.count, self.offset + max(0, min(limits.messageBytes, 1 << 40)))
        itemsLeft = limits.items
    }

    /// Goes to another place of the same input.
    mutating func move(to offset: Int) {
        self.offset = offset
    }

    /// Goes to another place with the whole budget of items, for input that was scanned before.
    mutating func restart(at offset: Int) {
        self.offset = offset
        itemsLeft = limits.items
    }

    /// Fails unless all bytes are read.
    public func finish() throws(ValueError) {
        if offset < bytes.count {
            throw ValueError(
                .trailingBytes, at: offset, "\(bytes.count - offset) bytes follow the value")
        }
    }

    // MARK: Heads

    /// Reads one head and counts it as an item.
    public mutating func head() throws(ValueError) -> Head {
        guard offset < end else { throw short(at: offset) }
        itemsLeft -= 1
        if itemsLeft < 0 {
            throw ValueError(
                .limitExceeded, at: offset, "the value has more than \(limits.items) items")
        }
        let start = offset
        let initial = bytes[start]
        let information = initial & 0x1f
        let major = CBORWriter.MajorType(rawValue: initial >> 5) ?? .simple
        offset += 1
        if information < 24 {
            return Head(
                major: major, argument: UInt64(information), information: information,
                offset: start)
        }
        guard information < 28 else {
            guard information == 31, major.canBeIndefinite else {
                throw ValueError(.malformed, at: start, "reserved initial byte")
            }
            return Head(major: major, argument: 0, information: 31, offset: start)
        }
        let argument = try word(count: 1 << Int(information - 24), of: start)
        return Head(major: major, argument: argument, information: information, offset: start)
    }

    /// Reads a big-endian word of 1, 2, 4 or 8 bytes.
    private mutating func word(count: Int, of item: Int) throws(ValueError) -> UInt64 {
        guard count <= end - offset else { throw short(at: item) }
        var word: UInt64 = 0
        for place in offset..<offset + count {
            word = word << 8 | UInt64(bytes[place])
        }
        offset += count
        return word
    }

    /// Takes a break if one is next.
    mutating func takeBreak() throws(ValueError) -> Bool {
        guard offset < end else { throw short(at: offset) }
        guard bytes[offset] == 0xff else { return false }
        offset += 1
        return true
    }

    /// The initial byte of the next item, or nil at the end.
    var peeked: UInt8? {
        offset < end ? bytes[offset] : nil
    }

    // MARK: Errors and bounds

    /// The error for input that stops too early, or that the size limit cuts.
    func short(at offset: Int) -> ValueError {
        end < bytes.count
            ? ValueError(
                .limitExceeded, at: offset,
                "the value takes more than \(limits.messageBytes) bytes")
            : ValueError(.truncated, at: offset, "the input ends inside a value")
    }

    /// Fails below the deepest level.
    func checkDepth(_ depth: Int, at offset: Int) throws(ValueError) {
        if depth > limits.depth {
            throw ValueError(
                .limitExceeded, at: offset,
                "the value is nested more than \(limits.depth) deep")
        }
    }

    /// The count of a definite container, after checking that its items can be there at all.
    func count(of head: Head, itemsEach: Int) throws(ValueError) -> Int {
        guard head.argument <= UInt64(end - offset) / UInt64(itemsEach) else {
            throw short(at: head.offset)
        }
        let count = Int(head.argument)
        if count * itemsEach > itemsLeft {
            throw ValueError(
                .limitExceeded, at: head.offset,
                "the value has more than \(limits.items) items")
        }
        return count
    }

    // MARK: Strings

    /// The range of a definite string's content, and moves behind it.
    mutating func content(of head: Head) throws(ValueError) -> Range<Int> {
        guard head.argument <= UInt64(max(0, limits.stringBytes)) else {
            throw ValueError(
                .limitExceeded, at: head.offset,
                "the string takes more than \(limits.stringBytes) bytes")
        }
        guard head.argument <= UInt64(end - offset) else { throw short(at: head.offset) }
        let range = offset..<offset + Int(head.argument)
        offset = range.upperBound
        return range
    }

    /// The content of a byte string whose head was read, chunked or not.
    mutating func byteString(_ head: Head) throws(ValueError) -> [UInt8] {
        guard head.isIndefinite else { return Array(bytes[try content(of: head)]) }
        var result: [UInt8] = []
        while let range = try chunk(of: head, total: result.count) {
            result.append(contentsOf: bytes[range])
        }
        return result
    }

    /// The content of a text string whose head was read, chunked or not.
    mutating func text(_ head: Head) throws(ValueError) -> String {
        guard head.isIndefinite else { return try text(in: try content(of: head), of: head) }
        var result = ""
        while let range = try chunk(of: head, total: result.utf8.count) {
            result += try text(in: range, of: head)
        }
        return result
    }

    /// Text of a range; fails when it is not UTF-8.
    func text(in range: Range<Int>, of head: Head) throws(ValueError) -> String {
        if let text = validText(bytes, range) { return text }
        throw ValueError(.malformed, at: head.offset, "the text is not UTF-8")
    }

    /// The next chunk of an indefinite string, or nil behind its break.
    mutating func chunk(of string: Head, total: Int) throws(ValueError) -> Range<Int>? {
        if try takeBreak() { return nil }
        let head = try head()
        guard head.major == string.major, !head.isIndefinite else {
            throw ValueError(.malformed, at: head.offset, "a string has a chunk of another kind")
        }
        let range = try content(of: head)
        guard total + range.count <= limits.stringBytes else {
            throw ValueError(
                .limitExceeded, at: string.offset,
                "the string takes more than \(limits.stringBytes) bytes")
        }
        return range
    }
}

extension CBORWriter.MajorType {
    /// Whether the low bits 31 mean something: an indefinite length, or the break.
    fileprivate var canBeIndefinite: Bool {
        switch self {
        case .bytes, .text, .array, .map, .simple: true
        case .unsigned, .negative, .tag: false
        }
    }
}

/// Text of a range of UTF-8, or nil when it is not valid.
///
/// ASCII, which is what most of it is, is valid by itself and needs no generic validation.
func validText(_ bytes: [UInt8], _ range: Range<Int>) -> String? {
    unsafe bytes.withUnsafeBytes { bytes in
        let units = unsafe UnsafeRawBufferPointer(rebasing: bytes[range])
        if unsafe isASCII(units) { return unsafe String(decoding: units, as: UTF8.self) }
        return unsafe String(validating: units, as: UTF8.self)
    }
}

private func isASCII(_ units: UnsafeRawBufferPointer) -> Bool {
    var place = 0
    while place + 8 <= units.count {
        let word = unsafe units.loadUnaligned(fromByteOffset: place, as: UInt64.self)
        if word & 0x8080_8080_8080_8080 != 0 { return false }
        place += 8
    }
    while place < units.count {
        if unsafe units[place] >= 0x80 { return false }
        place += 1
    }
    return true
}
