// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/values.md §2.3: the order of map keys and set members.

extension Value {
    /// Negative, zero or positive as `left` sorts before, with or after `right`.
    ///
    /// This is the bytewise order of the deterministic encodings with all bytes inline, computed
    /// without encoding: first the head (major type, argument), then the content.
    package static func canonicalOrder(_ left: Value, _ right: Value) -> Int {
        let (one, other) = (left.head, right.head)
        if one.major != other.major { return one.major < other.major ? -1 : 1 }
        if one.argument != other.argument { return one.argument < other.argument ? -1 : 1 }
        switch (left, right) {
        case (.double(let left), .double(let right)):
            return ordered(CBORFloat(left).bits, CBORFloat(right).bits)
        case (.string(let left), .string(let right)):
            return utf8Order(left, right)
        case (.bytes(let left), .bytes(let right)):
            return Bytes.order(left, right)
        case (.array(let left), .array(let right)):
            return sequenceOrder(left, right)
        case (.set(let left), .set(let right)):
            return sequenceOrder(left.members, right.members)
        case (.map(let left), .map(let right)):
            return mapOrder(left, right)
        case (.bigInteger(let left), .bigInteger(let right)):
            let (left, right) = (left.argumentBytes, right.argumentBytes)
            if left.count != right.count { return left.count - right.count }
            return Bytes.order(Bytes(left), Bytes(right))
        case (.timestamp(let left), .timestamp(let right)):
            return canonicalOrder(left.content, right.content)
        case (.uuid(let left), .uuid(let right)):
            return left.high != right.high
                ? ordered(left.high, right.high) : ordered(left.low, right.low)
        case (.reference(let left), .reference(let right)):
            return ordered(left.index, right.index)
        default:
            return 0  // Equal heads of these kinds leave nothing to compare.
        }
    }

    /// The head of the deterministic encoding.
    private var head: (major: UInt8, argument: UInt64) {
        switch self {
        case .null: (7, 22)
        case .bool(let bool): (7, bool ? 21 : 20)
        case .integer(let integer):
            integer < 0 ? (1, UInt64(~integer)) : (0, UInt64(integer))
        case .bigInteger(let integer):
            if let argument = integer.argument {
                (integer.isNegative ? 1 : 0, argument)
            } else {
                (6, integer.isNegative ? CBORTag.negativeBignum : CBORTag.bignum)
            }
        case .double(let double): (7, CBORFloat(double).information)
        case .string(let string): (3, UInt64(string.utf8.count))
        case .bytes(let bytes): (2, UInt64(bytes.count))
        case .timestamp(let timestamp):
            (6, timestamp.exactSecondsSince1970 == nil ? CBORTag.timestamp : CBORTag.epoch)
        case .uuid: (6, CBORTag.uuid)
        case .array(let array): (4, UInt64(array.count))
        case .set: (6, CBORTag.set)
        case .map(let map): (5, UInt64(map.count))
        case .reference: (6, CBORTag.reference)
        }
    }

    private static func sequenceOrder(_ left: [Value], _ right: [Value]) -> Int {
        if left.count != right.count { return left.count - right.count }
        for (one, other) in zip(left, right) {
            let order = canonicalOrder(one, other)
            if order != 0 { return order }
        }
        return 0
    }

    private static func mapOrder(_ left: ValueMap, _ right: ValueMap) -> Int {
        for (one, other) in zip(left.entries, right.entries) {
            let keys = canonicalOrder(one.key, other.key)
            if keys != 0 { return keys }
            let values = canonicalOrder(one.value, other.value)
            if values != 0 { return values }
        }
        return 0
    }

    private static func utf8Order(_ left: String, _ right: String) -> Int {
        var (left, right) = (left, right)
        return left.withUTF8 { left in
            right.withUTF8 { right in
                unsafe lexicographicOrder(
                    UnsafeRawBufferPointer(left), UnsafeRawBufferPointer(right))
            }
        }
    }

    private static func ordered<T: Comparable>(_ left: T, _ right: T) -> Int {
        left == right ? 0 : left < right ? -1 : 1
    }
}

extension Timestamp {
    /// What stands inside the tag: an integer or a double (§3.6).
    var content: Value {
        guard let seconds = exactSecondsSince1970 else { return .double(secondsSince2001) }
        return Int64(whole: seconds).map(Value.integer) ?? .double(seconds)
    }
}
