// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/framing.md §6. Pure: no I/O, no clock, no randomness.

internal import BusValue

/// Prints any message as one line, for `OBJBUS_DUMP=1` and for tools.
///
///     CALL peer=00000000000000a1 object=7 call=12 epoch=1 seq=40 method=add(_:) payload=[3]
///
/// Whatever the bytes are, there is a line: what can't be read is shown as hexadecimal.
package enum MessageDump {
    /// Characters of payload shown; the rest is an ellipsis.
    package static let payloadCharacters = 200
    /// Bytes of payload decoded; a longer one is only counted.
    package static let payloadBytes = 4_096
    /// References shown.
    package static let references = 8

    /// The line of a message, without a line end.
    ///
    /// - Parameters:
    ///   - frame: Its first frame.
    ///   - bufferByteCounts: The sizes of its other frames.
    package static func line(frame: RawSpan, bufferByteCounts: [Int] = []) -> String {
        let header: FrameHeader
        do throws(FrameError) {
            header = try FrameHeader(reading: frame)
        } catch {
            return "GARBAGE bytes=\(frame.byteCount) (\(error.message)) "
                + hexadecimalPrefix(frame, 0..<frame.byteCount)
        }
        var parts = [header.kind.name, "peer=\(header.peer)"]
        if header.object != .root { parts.append("object=\(header.object)") }
        if header.call.rawValue != 0 { parts.append("call=\(header.call.rawValue)") }
        if header.behind != 0 { parts.append("behind=\(header.behind)") }
        parts.append("epoch=\(header.epoch.rawValue)")
        parts.append("seq=\(header.sequence)")
        if header.peerEpoch != .none { parts.append("peerEpoch=\(header.peerEpoch.rawValue)") }
        if header.remaining != 0 { parts.append("remaining=\(header.remaining)ns") }
        parts += self.flagWords(header.flags)
        parts += self.extensionWords(frame, header)
        if header.referenceCount > 0 { parts.append(self.references(frame, header)) }
        if !bufferByteCounts.isEmpty {
            let sizes = bufferByteCounts.prefix(self.references).map(String.init)
            let rest = bufferByteCounts.count > sizes.count ? ",…" : ""
            parts.append("buffers=\(sizes.joined(separator: ","))\(rest)")
        }
        if let payload = self.payload(frame, header) { parts.append("payload=\(payload)") }
        return parts.joined(separator: " ")
    }

    private static func flagWords(_ flags: MessageFlags) -> [String] {
        var words: [String] = []
        if flags.contains(.oneWay) { words.append("oneWay") }
        if flags.contains(.resent) { words.append("resent") }
        if flags.contains(.idempotent) { words.append("idempotent") }
        if flags.contains(.byBroker) { words.append("byBroker") }
        let unknown = flags.rawValue & ~(MessageFlags.known.rawValue)
        if unknown != 0 { words.append("flags=0x\(String(unknown, radix: 16))") }
        return words
    }

    private static func extensionWords(_ frame: RawSpan, _ header: FrameHeader) -> [String] {
        let extensions: Extensions
        do throws(FrameError) {
            extensions = try Extensions(reading: frame, header: header)
        } catch {
            return ["(\(error.message))"]
        }
        var words: [String] = []
        if let method = extensions.method { words.append("method=\(sketch(method))") }
        if let name = extensions.name { words.append("name=\(sketch(name))") }
        if let hint = extensions.hint { words.append("hint=\(sketch(hint))") }
        if let chain = extensions.chain { words.append("chain=\(chain)") }
        if let parent = extensions.parent {
            words.append("parent=\(parent.caller)#\(parent.number.rawValue)")
        }
        if !extensions.ranges.isEmpty {
            let ranges = extensions.ranges.map { "\($0.lowerBound)-\($0.upperBound)" }
            words.append("settled=\(ranges.joined(separator: ","))")
        }
        if let trace = extensions.trace { words.append("trace=\(trace.count)B") }
        if extensions.members > 0 { words.append("members=\(extensions.members)") }
        return words
    }

    private static func references(_ frame: RawSpan, _ header: FrameHeader) -> String {
        let start = header.referencesStart(byteCount: frame.byteCount)
        let shown = min(Int(header.referenceCount), self.references)
        let words = (0..<shown).map { index in
            let entry = ReferenceEntry(reading: frame, at: start + index * ReferenceEntry.size)
            let generation =
                entry.generation == .first ? "" : "g\(entry.generation.rawValue)"
            // The seal itself is a right, and stays out of logs.
            return "\(entry.reference)\(generation)\(entry.seal == .none ? "" : "+seal")"
        }
        let rest = shown < Int(header.referenceCount) ? ",…(\(header.referenceCount))" : ""
        return "references=\(words.joined(separator: ","))\(rest)"
    }

    /// The payload as text; nil if there is none.
    private static func payload(_ frame: RawSpan, _ header: FrameHeader) -> String? {
        let range = header.payloadRange(byteCount: frame.byteCount)
        guard !range.isEmpty else { return nil }
        if header.kind == .hello || header.kind == .welcome { return "(\(range.count)B, secret)" }
        guard range.count <= self.payloadBytes else { return "(\(range.count)B)" }
        // Buffers are shown by size; here they only must not make the payload unreadable.
        let buffers = [Bytes](repeating: Bytes(), count: Int(header.bufferCount))
        guard let value = try? Value(cbor: copied(frame, range), buffers: buffers) else {
            return "(\(range.count)B) \(hexadecimalPrefix(frame, range))"
        }
        var sketch = ValueSketch(limit: self.payloadCharacters)
        sketch.add(value)
        return sketch.text
    }
}

/// A value as JSON-like text that ends after some characters.
private struct ValueSketch {
    private(set) var text = ""
    private var room: Int

    init(limit: Int) {
        self.room = limit
    }

    private var isFull: Bool { self.room < 0 }

    private mutating func put(_ part: String) {
        guard !self.isFull else { return }
        self.room -= part.count
        self.text += self.room < 0 ? "…" : part
    }

    mutating func add(_ value: Value) {
        guard !self.isFull else { return }
        switch value {
        case .null: self.put("null")
        case .bool(let bool): self.put(bool ? "true" : "false")
        case .integer(let integer): self.put(String(integer))
        case .bigInteger(let integer):
            self.put("\(integer.isNegative ? "-" : "")big(\(integer.magnitude.count)B)")
        case .double(let double): self.put("\(double)")
        case .string(let string): self.put("\"\(sketch(string))\"")
        case .bytes(let bytes): self.put("bytes(\(bytes.count))")
        case .timestamp(let timestamp): self.put("time(\(timestamp.secondsSince2001))")
        case .uuid(let uuid): self.put(uuid.description)
        case .reference(let slot): self.put("@\(slot.index)")
        case .array(let array): self.add(array, "[", "]")
        case .set(let set): self.add(set.members, "set[", "]")
        case .map(let map):
            self.put("{")
            for (index, entry) in map.entries.enumerated() where !self.isFull {
                if index > 0 { self.put(", ") }
                self.add(entry.key)
                self.put(": ")
                self.add(entry.value)
            }
            self.put("}")
        }
    }

    private mutating func add(_ values: [Value], _ open: String, _ close: String) {
        self.put(open)
        for (index, value) in values.enumerated() where !self.isFull {
            if index > 0 { self.put(", ") }
            self.add(value)
        }
        self.put(close)
    }
}

/// At most 64 characters of a text, without control characters, so that a line stays one.
private func sketch(_ text: String) -> String {
    var safe = ""
    for (index, scalar) in text.unicodeScalars.enumerated() {
        if index == 64 { return safe + "…" }
        let isPlain =
            scalar.value >= 0x20 && !(0x7F..<0xA0).contains(scalar.value)
            && scalar.value != 0x2028 && scalar.value != 0x2029
        if isPlain {
            safe.unicodeScalars.append(scalar)
        } else {
            safe += "\\u{\(String(scalar.value, radix: 16))}"
        }
    }
    return safe
}

/// The first 16 bytes of a range.
private func hexadecimalPrefix(_ frame: RawSpan, _ range: Range<Int>) -> String {
    let digits = Array("0123456789abcdef")
    var text = "x"
    for index in range.prefix(16) {
        let byte: UInt8 = frame.number(at: index)
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 15)])
    }
    return range.count > 16 ? text + "…" : text
}
