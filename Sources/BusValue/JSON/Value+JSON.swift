// Part of objbus. SPDX-License-Identifier: Apache-2.0

extension Value {
    /// Reads JSON text (docs/protocol/json.md).
    ///
    /// - Parameters:
    ///   - json: One JSON value and nothing else.
    ///   - limits: What to accept; a text may be as large as an encoded value.
    ///   - reference: Turns the text of a `{"$ref": …}` into a slot. Without it, only "#" and the
    ///     slot's number are understood, as `json(pretty:)` writes them.
    /// - Throws: `ValueError` with the byte offset, or what `reference` throws.
    public init(
        json: String, limits: ValueLimits = .standard,
        reference: (String) throws -> ReferenceSlot = Value.slot
    ) throws {
        self = try withoutActuallyEscaping(reference) { reference in
            var parser = JSONParser(Array(json.utf8), limits: limits, reference: reference)
            return try parser.parse()
        }
    }

    /// The value as JSON text (docs/protocol/json.md).
    ///
    /// - Parameters:
    ///   - pretty: Whether to put each element on a line of its own, indented by two spaces.
    ///   - reference: The text of a reference; without it, "#" and the slot's number.
    public func json(
        pretty: Bool = false, reference: (ReferenceSlot) -> String = { $0.description }
    ) -> String {
        withoutActuallyEscaping(reference) { reference in
            var writer = JSONWriter(isPretty: pretty, reference: reference)
            writer.write(self)
            return String(decoding: writer.text, as: UTF8.self)
        }
    }

    /// Reads a slot's default text, such as "#3".
    ///
    /// - Throws: `malformed` for other text.
    public static func slot(_ text: String) throws -> ReferenceSlot {
        guard text.hasPrefix("#"), text.utf8.dropFirst().allSatisfy({ 0x30...0x39 ~= $0 }),
            let index = UInt32(text.dropFirst())
        else {
            throw ValueError(.malformed, "\(text.debugDescription) is no reference")
        }
        return ReferenceSlot(index)
    }
}

extension Value: CustomStringConvertible {
    /// The JSON text on one line.
    public var description: String { json() }
}

extension ValueSet: CustomStringConvertible {
    /// The JSON text on one line.
    public var description: String { Value.set(self).json() }
}

extension ValueMap: CustomStringConvertible {
    /// The JSON text on one line.
    public var description: String { Value.map(self).json() }
}

extension ReferenceSlot: CustomStringConvertible {
    /// "#" and the number.
    public var description: String { "#\(index)" }
}

extension Bytes: CustomStringConvertible {
    /// The count and the first bytes in hexadecimal.
    public var description: String {
        let shown = hexadecimal(prefix(32))
        return "\(count) bytes\(isEmpty ? "" : ": ")\(shown)\(count > 32 ? "…" : "")"
    }
}
