// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/framing.md. Pure: no I/O, no clock, no randomness.

package import BusValue

/// A whole message in memory: its first frame, with the header already read, and its buffers.
///
/// The first frame is header, payload, extensions, reference table, in this order, so that a
/// sender can append each part as it becomes known and copies nothing.
package struct Message: Sendable {
    package let header: FrameHeader
    /// The first frame, header included. Fields that change with each transmission (epoch,
    /// sequence, remaining time, acknowledgement) are stale here and are patched when it is sent.
    package let frame: [UInt8]
    package let buffers: [Bytes]

    /// Takes over a received message. Throws what `FrameHeader` throws.
    package init(frame: [UInt8], buffers: [Bytes] = []) throws(FrameError) {
        let header = try FrameHeader(reading: frame.span.bytes)
        guard Int(header.bufferCount) == buffers.count else { throw .inconsistentLengths }
        self.init(header: header, frame: frame, buffers: buffers)
    }

    fileprivate init(header: FrameHeader, frame: [UInt8], buffers: [Bytes]) {
        self.header = header
        self.frame = frame
        self.buffers = buffers
    }

    /// Makes a message that is complete but for the fields patched at each transmission.
    package init(
        _ header: FrameHeader, payload: [UInt8] = [], extensions: Extensions = Extensions(),
        references: [ReferenceEntry] = [], buffers: [Bytes] = []
    ) {
        var builder = MessageBuilder()
        builder.frame.append(contentsOf: payload)
        self = builder.finish(
            header, extensions: extensions, references: references, buffers: buffers)
    }

    package var payloadRange: Range<Int> {
        self.header.payloadRange(byteCount: self.frame.count)
    }

    package var payload: ArraySlice<UInt8> { self.frame[self.payloadRange] }

    package var references: [ReferenceEntry] {
        let start = self.header.referencesStart(byteCount: self.frame.count)
        let span = self.frame.span.bytes
        var entries: [ReferenceEntry] = []
        entries.reserveCapacity(Int(self.header.referenceCount))
        for index in 0..<Int(self.header.referenceCount) {
            entries.append(
                ReferenceEntry(reading: span, at: start + index * ReferenceEntry.size))
        }
        return entries
    }

    package func extensions() throws(FrameError) -> Extensions {
        try Extensions(reading: self.frame.span.bytes, header: self.header)
    }

    /// Bytes of the first frame and of all buffers.
    package var byteCount: Int {
        Self.byteCount(of: self.buffers) + self.frame.count
    }

    /// Bytes of all `buffers`.
    package static func byteCount(of buffers: [Bytes]) -> Int {
        buffers.reduce(0) { $0 + $1.count }
    }
}

/// Puts a message together without copying its parts: append the payload to `frame`, then finish.
///
/// It shares its frame with the message then. Finished once more, for another receiver, it makes a
/// message of its own of the same payload.
package struct MessageBuilder: Sendable {
    /// Begins with room for the header; the payload is appended behind it.
    package var frame: [UInt8]
    /// Where the payload ends, if what follows it is in the frame already.
    private var payloadEnd: Int?

    /// - Parameter capacity: bytes to reserve, header included.
    package init(capacity: Int = 192) {
        self.frame = []
        self.frame.reserveCapacity(capacity)
        self.frame.append(contentsOf: Self.blankHeader)
    }

    private static let blankHeader = [UInt8](repeating: 0, count: FrameHeader.size)

    /// Moves it out, and leaves one that is good for nothing: what two have is copied when one of
    /// them goes on.
    package mutating func take() -> MessageBuilder {
        defer { self.frame = [] }
        return self
    }

    /// Appends extensions and references and writes the header, whose counts it fills in.
    package mutating func finish(
        _ header: FrameHeader, extensions: Extensions = Extensions(),
        references: [ReferenceEntry] = [], buffers: [Bytes] = []
    ) -> Message {
        var header = header
        if let payloadEnd { self.frame.removeSubrange(payloadEnd...) }
        let before = self.frame.count
        self.payloadEnd = before
        header.flags.formUnion(extensions.append(to: &self.frame))
        header.extensionLength = UInt16(clamping: self.frame.count - before)
        header.referenceCount = UInt16(clamping: references.count)
        header.bufferCount = UInt16(clamping: buffers.count)
        let start = self.frame.count
        if !references.isEmpty {
            self.frame.append(
                contentsOf: repeatElement(0, count: references.count * ReferenceEntry.size))
        }
        var span = self.frame.mutableSpan
        var bytes = span.mutableBytes
        for (index, entry) in references.enumerated() {
            entry.write(to: &bytes, at: start + index * ReferenceEntry.size)
        }
        header.write(to: &bytes)
        return Message(header: header, frame: self.frame, buffers: buffers)
    }
}

/// The fields of a header that are written anew at each transmission.
package struct Transmission: Hashable, Sendable {
    package var epoch: Epoch
    package var sequence: UInt64

    package init(epoch: Epoch, sequence: UInt64) {
        self.epoch = epoch
        self.sequence = sequence
    }

    package func patch(_ frame: inout MutableRawSpan) {
        frame.put(self.epoch.rawValue, at: FrameOffset.epoch)
        frame.put(self.sequence, at: FrameOffset.sequence)
    }
}
