// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/framing.md §4. Pure: no I/O, no clock, no randomness.

/// The optional parts of a message, between its payload and its reference table.
package struct Extensions: Hashable, Sendable {
    package var chain: ChainID?
    /// The call in whose handler this one was made: its caller and number; its callee is the
    /// sender of this message.
    package var parent: ParentCall?
    /// The method's full name, `transfer(_:to:)`.
    package var method: String?
    /// The published name that the target was resolved from; the broker checks it (rules R16).
    package var name: String?
    /// A mangled target for objects without stable names (rules R27).
    package var hint: String?
    /// Settled calls above the watermark.
    package var ranges: [ClosedRange<UInt64>] = []
    /// A CBOR map of strings: the trace context, as W3C names its headers.
    package var trace: [UInt8]?
    /// Of a call by the name of a replica group: the number of the members among which the caller
    /// has chosen; 0 if it does not matter.
    package var members: UInt64 = 0

    package struct ParentCall: Hashable, Sendable {
        package var caller: IncarnationID
        package var number: CallNumber

        package init(caller: IncarnationID, number: CallNumber) {
            self.caller = caller
            self.number = number
        }
    }
}

extension Extensions {
    package init(method: String? = nil, name: String? = nil, hint: String? = nil) {
        // All at once: what has a value already is copied when the initialiser returns.
        self.init(
            chain: nil, parent: nil, method: method, name: name, hint: hint, ranges: [], trace: nil,
            members: 0)
    }

    /// Appends the parts present to `frame` and returns the flags that announce them.
    package func append(to frame: inout [UInt8]) -> MessageFlags {
        var flags: MessageFlags = []
        if let chain {
            flags.insert(.chain)
            frame.append(chain.root.rawValue, chain.number)
        }
        if let parent {
            flags.insert(.parent)
            frame.append(parent.caller.rawValue, parent.number.rawValue)
        }
        if let method {
            flags.insert(.method)
            frame.append(text: method)
        }
        if let name {
            flags.insert(.name)
            frame.append(text: name)
        }
        if let hint {
            flags.insert(.hint)
            frame.append(text: hint)
        }
        if !self.ranges.isEmpty {
            flags.insert(.ranges)
            let told = self.ranges.prefix(WireLimits.rangesPerMessage)
            frame.append(number: UInt16(told.count))
            for range in told {
                frame.append(range.lowerBound, range.upperBound)
            }
        }
        if let trace {
            flags.insert(.trace)
            frame.append(number: UInt16(clamping: trace.count))
            frame.append(contentsOf: trace.prefix(Int(UInt16.max)))
        }
        if self.members > 0 {
            flags.insert(.members)
            frame.append(number: self.members)
        }
        return flags
    }

    /// Reads the parts that `header` announces out of the whole first frame.
    package init(reading frame: RawSpan, header: FrameHeader) throws(FrameError) {
        let end = header.referencesStart(byteCount: frame.byteCount)
        var cursor = Cursor(offset: end - Int(header.extensionLength), end: end)
        let flags = header.flags
        let chain =
            flags.contains(.chain)
            ? ChainID(
                root: IncarnationID(rawValue: try cursor.number("chain", in: frame)),
                number: try cursor.number("chain", in: frame)) : nil
        let parent =
            flags.contains(.parent)
            ? ParentCall(
                caller: IncarnationID(rawValue: try cursor.number("parent", in: frame)),
                number: CallNumber(rawValue: try cursor.number("parent", in: frame))) : nil
        let method =
            flags.contains(.method)
            ? try cursor.text("method", in: frame, limit: WireLimits.methodBytes) : nil
        let name =
            flags.contains(.name)
            ? try cursor.text("name", in: frame, limit: WireLimits.nameBytes) : nil
        let hint =
            flags.contains(.hint)
            ? try cursor.text("hint", in: frame, limit: WireLimits.methodBytes) : nil
        let ranges = flags.contains(.ranges) ? try cursor.ranges(in: frame) : []
        let trace =
            flags.contains(.trace)
            ? try cursor.bytes("trace", in: frame, limit: WireLimits.traceBytes) : nil
        let members: UInt64 =
            flags.contains(.members) ? try cursor.number("members", in: frame) : 0
        guard !flags.contains(.members) || members > 0 else { throw .malformedExtension("members") }
        guard cursor.offset == end else { throw .malformedExtension("length") }
        self.init(
            chain: chain, parent: parent, method: method, name: name, hint: hint, ranges: ranges,
            trace: trace, members: members)
    }

    /// Where in a frame the published name stands, without reading the rest; nil when there is
    /// none. It may be no text.
    package static func nameRange(
        in frame: RawSpan, header: FrameHeader
    ) throws(FrameError) -> Range<Int>? {
        guard header.flags.contains(.name) else { return nil }
        let end = header.referencesStart(byteCount: frame.byteCount)
        var cursor = Cursor(offset: end - Int(header.extensionLength), end: end)
        if header.flags.contains(.chain) { try cursor.skip(16, "chain") }
        if header.flags.contains(.parent) { try cursor.skip(16, "parent") }
        if header.flags.contains(.method) {
            let count: UInt16 = try cursor.number("method", in: frame)
            try cursor.skip(Int(count), "method")
        }
        let count: UInt16 = try cursor.number("name", in: frame)
        guard Int(count) <= WireLimits.nameBytes else { throw .overLimit("bytes of name") }
        let start = cursor.offset
        try cursor.skip(Int(count), "name")
        return start..<start + Int(count)
    }

    /// The number of the members among which the caller has chosen, without reading the rest; 0
    /// when there is none.
    package static func members(in frame: RawSpan, header: FrameHeader) -> UInt64 {
        let size = MemoryLayout<UInt64>.size
        guard header.flags.contains(.members), Int(header.extensionLength) >= size else {
            return 0
        }
        // The last of the extensions.
        return frame.number(at: header.referencesStart(byteCount: frame.byteCount) - size)
    }

    /// The published name in a frame, without reading the rest; nil when there is none.
    package static func name(
        in frame: RawSpan, header: FrameHeader
    ) throws(FrameError) -> String? {
        guard let range = try self.nameRange(in: frame, header: header) else { return nil }
        guard let text = String(validating: copied(frame, range), as: UTF8.self) else {
            throw .malformedExtension("name")
        }
        return text
    }
}

/// Reads forward through a part of a frame; every step is checked.
private struct Cursor {
    private(set) var offset: Int
    private let end: Int

    init(offset: Int, end: Int) {
        self.offset = offset
        self.end = end
    }

    mutating func skip(_ count: Int, _ name: String) throws(FrameError) {
        guard self.offset + count <= self.end else { throw .malformedExtension(name) }
        self.offset += count
    }

    mutating func number<Number: FixedWidthInteger & BitwiseCopyable>(
        _ name: String, in frame: RawSpan
    ) throws(FrameError) -> Number {
        let start = self.offset
        try self.skip(MemoryLayout<Number>.size, name)
        return frame.number(at: start)
    }

    mutating func bytes(
        _ name: String, in frame: RawSpan, limit: Int
    ) throws(FrameError) -> [UInt8] {
        let count: UInt16 = try self.number(name, in: frame)
        guard Int(count) <= limit else { throw .overLimit("bytes of \(name)") }
        let start = self.offset
        try self.skip(Int(count), name)
        return copied(frame, start..<self.offset)
    }

    mutating func text(
        _ name: String, in frame: RawSpan, limit: Int
    ) throws(FrameError) -> String {
        let count: UInt16 = try self.number(name, in: frame)
        guard Int(count) <= limit else { throw .overLimit("bytes of \(name)") }
        let start = self.offset
        try self.skip(Int(count), name)
        // Short ones lie in the string itself, without a detour by an array on the heap.
        let bytes = Span<UInt8>(_bytes: frame.extracting(start..<self.offset))
        guard let text = try? UTF8Span(validating: bytes) else { throw .malformedExtension(name) }
        return String(copying: text)
    }

    mutating func ranges(in frame: RawSpan) throws(FrameError) -> [ClosedRange<UInt64>] {
        let count: UInt16 = try self.number("ranges", in: frame)
        guard Int(count) <= WireLimits.rangesPerMessage else { throw .overLimit("ranges") }
        var ranges: [ClosedRange<UInt64>] = []
        for _ in 0..<count {
            let lower: UInt64 = try self.number("ranges", in: frame)
            let upper: UInt64 = try self.number("ranges", in: frame)
            guard lower > 0, lower <= upper else { throw .malformedExtension("ranges") }
            ranges.append(lower...upper)
        }
        return ranges
    }
}

extension [UInt8] {
    /// Appends `number` little-endian.
    package mutating func append(number: some FixedWidthInteger & BitwiseCopyable) {
        var rest = number
        for _ in 0..<(number.bitWidth / 8) {
            self.append(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }

    /// Appends two numbers little-endian, at once.
    fileprivate mutating func append(_ first: UInt64, _ second: UInt64) {
        Swift.withUnsafeBytes(of: (first.littleEndian, second.littleEndian)) {
            self.append(contentsOf: $0)
        }
    }

    /// Appends the length of `text` and its bytes, as many as the length can tell.
    fileprivate mutating func append(text: String) {
        var text = text
        text.withUTF8 { bytes in
            let count = Swift.min(bytes.count, Int(UInt16.max))
            self.append(number: UInt16(count))
            self.append(contentsOf: bytes.extracting(..<count))
        }
    }
}
