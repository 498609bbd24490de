// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/json.md §3: values that JSON has no form for, as {"$…": …}.

extension Value {
    /// The key and content that stand for a value JSON has no form for; nil for all others.
    func wrapping(reference: (ReferenceSlot) -> String) -> (key: String, content: Value)? {
        switch self {
        case .null, .bool, .integer, .bigInteger, .string, .array: nil
        case .double(let double):
            double.isFinite ? nil : ("$double", .string(Value.name(ofNonFinite: double)))
        case .bytes(let bytes): ("$bytes", .string(Base64.encode(bytes.array)))
        case .timestamp(let timestamp):
            ("$date", timestamp.rfc3339.map(Value.string) ?? .double(timestamp.secondsSince2001))
        case .uuid(let uuid): ("$uuid", .string(uuid.description))
        case .set(let set): ("$set", .array(set.members))
        case .map(let map):
            map.hasOnlyTextKeys
                ? nil : ("$map", .array(map.map { .array([$0.key, $0.value]) }))
        case .reference(let slot): ("$ref", .string(reference(slot)))
        }
    }

    private static func name(ofNonFinite double: Double) -> String {
        if double == .infinity { return "inf" }
        if double == -.infinity { return "-inf" }
        if double.bitPattern == Double.nan.bitPattern { return "nan" }
        let bits = (0..<8).map { UInt8(truncatingIfNeeded: double.bitPattern >> (56 - 8 * $0)) }
        return "nan:\(hexadecimal(bits))"
    }

    /// The value that `{key: content}` stands for.
    ///
    /// - Parameter key: Begins with "$".
    /// - Throws: `malformed` for content that does not fit, `unsupported` for an unknown key.
    static func unwrap(
        key: String, content: Value, limits: ValueLimits,
        reference: (String) throws -> ReferenceSlot
    ) throws -> Value {
        if key.hasPrefix("$$") {
            return .map([.string(String(key.dropFirst())): content])
        }
        let malformed = ValueError(.malformed, "the content of \(key.debugDescription) is wrong")
        switch key {
        case "$double":
            guard let text = content.stringValue, let double = nonFinite(text) else { break }
            return .double(double)
        case "$integer":
            guard let text = content.stringValue, text.utf8.count <= limits.decimalDigits,
                let integer = Value(decimal: text.utf8)
            else { break }
            return integer
        case "$bytes":
            guard let text = content.stringValue, let bytes = Base64.decode(text) else { break }
            return .bytes(Bytes(bytes))
        case "$date":
            guard let timestamp = timestamp(content) else { break }
            return .timestamp(timestamp)
        case "$uuid":
            guard let text = content.stringValue, let uuid = UUIDValue(text) else { break }
            return .uuid(uuid)
        case "$set":
            guard let members = content.arrayValue else { break }
            let set = ValueSet(members)
            guard set.count == members.count else {
                throw ValueError(.duplicate, "the set has a member twice")
            }
            return .set(set)
        case "$map":
            guard let pairs = content.arrayValue else { break }
            return .map(try map(pairs, malformed))
        case "$ref":
            guard let text = content.stringValue else { break }
            return .reference(try reference(text))
        default:
            throw ValueError(.unsupported, "\(key.debugDescription) is unknown")
        }
        throw malformed
    }

    private static func map(_ pairs: [Value], _ malformed: ValueError) throws -> ValueMap {
        let entries = try pairs.map { pair in
            guard case .array(let pair) = pair, pair.count == 2 else { throw malformed }
            return ValueMap.Entry(key: pair[0], value: pair[1])
        }
        guard let map = ValueMap(distinct: entries) else {
            throw ValueError(.duplicate, "the map has a key twice")
        }
        return map
    }

    private static func timestamp(_ content: Value) -> Timestamp? {
        if let text = content.stringValue { return Timestamp(rfc3339: text) }
        return content.doubleValue.map(Timestamp.init(secondsSince2001:))
    }

    private static func nonFinite(_ text: String) -> Double? {
        switch text {
        case "nan": return .nan
        case "inf": return .infinity
        case "-inf": return -.infinity
        default:
            guard text.utf8.count == 20, text.hasPrefix("nan:"),
                text.utf8.dropFirst(4).allSatisfy({ hexadecimalDigit($0) != nil }),
                let bits = UInt64(text.dropFirst(4), radix: 16)
            else { return nil }
            let double = Double(bitPattern: bits)
            return double.isNaN ? double : nil
        }
    }
}

extension ValueLimits {
    /// The decimal digits that the largest big integer can have, and a sign: 2.41 a byte.
    var decimalDigits: Int { bigIntegerBytes / 2 * 5 + 8 }
}
