// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusValue
import BusWire

/// A message and everything in it: what can be read is written again as it was.
struct FrameDoor {
    let isCanary: Bool

    func violation(_ input: [UInt8]) -> String? {
        let frame = Array(input.dropFirst())
        let count = Int(input.first ?? 0) % 4
        let buffers = (0..<count).map { Bytes([UInt8](repeating: 9, count: $0)) }
        do {
            try self.checkDump(frame)
            try self.checkTag(input)
            guard let message = try? Message(frame: frame, buffers: buffers) else { return nil }
            try self.checkHeader(message)
            try self.checkReferences(message)
            try self.checkExtensions(message)
            try self.checkBodies(message)
            return nil
        } catch let found as Found {
            return found.violation
        } catch {
            return "what was read can't be written or read again: \(error)"
        }
    }

    private func checkDump(_ frame: [UInt8]) throws {
        let line = MessageDump.line(frame: frame.span.bytes, bufferByteCounts: [1, 2])
        try require(
            line.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F },
            "the dump has a control character")
        try require(line.utf8.count < 8_192, "the dump has no bound")
    }

    private func checkTag(_ input: [UInt8]) throws {
        guard let entry = ReferenceEntry(tag: String(decoding: input, as: UTF8.self)) else {
            return
        }
        try require(ReferenceEntry(tag: entry.tag) == entry, "a tag is not stable")
    }

    private func checkHeader(_ message: Message) throws {
        var written = [UInt8](repeating: 0, count: FrameHeader.size)
        var header = message.header
        if self.isCanary { header.call = CallNumber(rawValue: ~header.call.rawValue) }
        var span = written.mutableSpan
        var bytes = span.mutableBytes
        header.write(to: &bytes)
        try require(
            written.elementsEqual(message.frame.prefix(FrameHeader.size)),
            "a header is written otherwise than it was read")
        try require(
            message.header.watermark <= message.header.call.rawValue,
            "the watermark is above the call")
        try require(
            message.byteCount == message.frame.count + message.buffers.reduce(0) { $0 + $1.count },
            "the size is wrong")

        var patched = message.frame
        var patchedSpan = patched.mutableSpan
        var patchedBytes = patchedSpan.mutableBytes
        Transmission(epoch: Epoch(rawValue: 1), sequence: 2).patch(&patchedBytes)
        let again = try Message(frame: patched, buffers: message.buffers)
        try require(again.payload.elementsEqual(message.payload), "a patch changes the payload")
        try require(again.header.sequence == 2, "a patch is lost")
    }

    private func checkReferences(_ message: Message) throws {
        let entries = message.references
        try require(
            entries == message.header.entries(in: message.frame.span.bytes),
            "references are read in two ways")
        for entry in entries {
            var row = [UInt8](repeating: 0, count: ReferenceEntry.size)
            var span = row.mutableSpan
            var bytes = span.mutableBytes
            entry.write(to: &bytes, at: 0)
            let again = ReferenceEntry(reading: row.span.bytes, at: 0)
            try require(again == entry, "a reference is written otherwise than it was read")
            try require(ReferenceEntry(tag: entry.tag) == entry, "a tag is not its reference")
        }
    }

    private func checkExtensions(_ message: Message) throws {
        let frame = message.frame.span.bytes
        guard let extensions = try? message.extensions() else {
            // The broker reads no more than the name; it must not trap either.
            _ = try? Extensions.name(in: frame, header: message.header)
            return
        }
        let name = try Extensions.name(in: frame, header: message.header)
        try require(name == extensions.name, "the name is read in two ways")

        let known = message.header.flags.intersection(.known)
        guard known == message.header.flags else { return }
        var header = message.header
        header.flags.subtract(.extensions)
        let again = Message(
            header, payload: Array(message.payload), extensions: extensions,
            references: message.references, buffers: message.buffers)
        // An empty list of ranges needs no extension, and is read all the same.
        guard !known.contains(.ranges) || !extensions.ranges.isEmpty else { return }
        let reread = try Message(frame: again.frame, buffers: message.buffers)
        try require(reread.header == message.header, "put together again the header differs")
        try require(try reread.extensions() == extensions, "extensions differ")
        try require(reread.references == message.references, "references differ")
        try require(reread.payload.elementsEqual(message.payload), "the payload differs")
    }

    private func checkBodies(_ message: Message) throws {
        if let body = try? HelloBody(payloadOf: message.frame.span.bytes, message.header) {
            let encoding = body.encoded()
            let again = Message(FrameHeader(kind: .hello), payload: encoding)
            let reread = try HelloBody(payloadOf: again.frame.span.bytes, again.header)
            try require(reread == body, "a HELLO differs")
            try require(reread.encoded() == encoding, "a HELLO is not stable")
        }
        if let body = try? WelcomeBody(payloadOf: message) {
            let again = Message(FrameHeader(kind: .welcome), payload: body.encoded())
            try require(try WelcomeBody(payloadOf: again) == body, "a WELCOME differs")
        }
        let failure = FailureBody(payloadOf: message)
        let again = Message(FrameHeader(kind: .failure), payload: failure.encoded())
        try require(FailureBody(payloadOf: again) == failure, "a FAILURE differs")
        _ = failure.error.description
        _ = failure.error.kind.exitCode
    }
}

extension FrameHeader {
    /// The reference table, row by row.
    fileprivate func entries(in frame: RawSpan) -> [ReferenceEntry] {
        let start = self.referencesStart(byteCount: frame.byteCount)
        return (0..<Int(self.referenceCount)).map {
            ReferenceEntry(reading: frame, at: start + $0 * ReferenceEntry.size)
        }
    }
}
