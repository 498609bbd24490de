// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusValue

/// CBOR, JSON and `Codable` types read from the same bytes: what can be read can be written, and
/// reading that again gives the same.
struct ValueDoor {
    /// Frames that values may refer to: one that travels on its own, and one that need not.
    private static let buffers = [
        Bytes([UInt8](repeating: 7, count: Bytes.frameThreshold)), Bytes([1, 2, 3]),
    ]
    /// So narrow that inputs reach every one of them.
    private static let narrow = ValueLimits(
        depth: 2, items: 8, messageBytes: 48, stringBytes: 6, bigIntegerBytes: 9, buffers: 1)
    let isCanary: Bool

    func violation(_ input: [UInt8]) -> String? {
        if let violation = self.json(String(decoding: input, as: UTF8.self)) { return violation }
        let value = try? Value(cbor: input, buffers: Self.buffers)
        do {
            if let value { try self.check(value, input) }
            try self.checkLimits(input)
            try ShapeCheck.all(input, value, buffers: Self.buffers)
            return nil
        } catch let found as Found {
            return found.violation
        } catch {
            return "what was read can't be written or read again: \(error)"
        }
    }

    private func check(_ value: Value, _ input: [UInt8]) throws {
        var encoding = try value.encoded()
        if self.isCanary, !encoding.isEmpty { encoding[encoding.count - 1] ^= 1 }
        let again = try Value(cbor: encoding)
        try require(again == value, "decoded from its own encoding the value differs")
        try require(again.hashValue == value.hashValue, "equal values have different hashes")
        try require(try again.encoded() == encoding, "the encoding is not stable")

        var offset = 0
        let double = encoding + encoding
        let first = try Value(cbor: double, at: &offset)
        try require(first == value && offset == encoding.count, "one of two items differs")

        var outer: [UInt8] = []
        var frames: [Bytes] = []
        try value.encode(into: &outer, buffers: &frames)
        let whole = try Value(cbor: outer, buffers: frames)
        try require(whole == value, "with frames of its own the value differs")

        try require(try Value(json: value.json()) == value, "read from its JSON the value differs")
        let pretty = value.json(pretty: true)
        try require(try Value(json: pretty) == value, "read from pretty JSON the value differs")
    }

    /// What is within the limits of a receiver, its sender may send on.
    private func checkLimits(_ input: [UInt8]) throws {
        _ = try? Value(json: String(decoding: input, as: UTF8.self), limits: Self.narrow)
        guard let value = try? Value(cbor: input, limits: Self.narrow) else { return }
        let again = try Value(cbor: value.encoded(limits: Self.narrow), limits: Self.narrow)
        try require(again == value, "within narrow limits the value differs")
        let decoder = ValueDecoder(limits: Self.narrow)
        let decoded = try decoder.decode(Value.self, from: input)
        try require(decoded == value, "the decoder has other limits")
        if let list = try? ValueEncoder(limits: Self.narrow).encode([value]) {
            try require(list.count <= 48, "the encoder has other limits")
        }
    }

    private func json(_ text: String) -> String? {
        guard let value = try? Value(json: text) else { return nil }
        let written = value.json()
        guard let again = try? Value(json: written) else { return "JSON of ours can't be read" }
        guard again == value else { return "read from its JSON a JSON value differs" }
        guard again.json() == written else { return "JSON of ours is not stable" }
        // JSON may nest deeper than CBOR.
        guard let encoding = try? value.encoded() else { return nil }
        guard let decoded = try? Value(cbor: encoding), decoded == value else {
            return "decoded from its encoding a JSON value differs"
        }
        return nil
    }
}

/// A broken promise, thrown from where it was found.
struct Found: Error {
    let violation: String
}

func require(_ isKept: Bool, _ violation: @autoclosure () -> String) throws {
    guard isKept else { throw Found(violation: violation()) }
}
