// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/values.md §3 and §4 for whole values.

extension CBORReader {
    /// At most this many places are reserved on the word of a head alone.
    private static let reserveMax = 1024

    /// Reads one item as a value.
    ///
    /// - Parameter depth: How many arrays and maps are around it.
    public mutating func value(depth: Int = 0) throws(ValueError) -> Value {
        let head = try head()
        switch head.major {
        case .unsigned:
            return Value(head.argument)
        case .negative:
            return CBORReader.negative(head.argument)
        case .bytes:
            return .bytes(Bytes(try byteString(head)))
        case .text:
            return .string(try text(head))
        case .array:
            return .array(try array(head, depth: depth + 1))
        case .map:
            return .map(try map(head, depth: depth + 1))
        case .tag:
            return try tagged(head, depth: depth)
        case .simple:
            return try simple(head)
        }
    }

    /// The number -1 - argument.
    static func negative(_ argument: UInt64) -> Value {
        if let small = Int64(exactly: argument) { return .integer(~small) }
        let (magnitude, overflow) = argument.addingReportingOverflow(1)
        let digits = (0..<8).map { UInt8(truncatingIfNeeded: magnitude >> (56 - 8 * $0)) }
        return Value(isNegative: true, magnitude: overflow ? [1] + digits : digits)
    }

    private mutating func array(_ head: Head, depth: Int) throws(ValueError) -> [Value] {
        try checkDepth(depth, at: head.offset)
        var elements: [Value] = []
        if head.isIndefinite {
            while try !takeBreak() { elements.append(try value(depth: depth)) }
            return elements
        }
        let count = try count(of: head, itemsEach: 1)
        elements.reserveCapacity(min(count, CBORReader.reserveMax))
        for _ in 0..<count { elements.append(try value(depth: depth)) }
        return elements
    }

    private mutating func map(_ head: Head, depth: Int) throws(ValueError) -> ValueMap {
        try checkDepth(depth, at: head.offset)
        var entries: [ValueMap.Entry] = []
        if head.isIndefinite {
            while try !takeBreak() { entries.append(try entry(depth: depth)) }
        } else {
            let count = try count(of: head, itemsEach: 2)
            entries.reserveCapacity(min(count, CBORReader.reserveMax))
            for _ in 0..<count { entries.append(try entry(depth: depth)) }
        }
        guard let map = ValueMap(distinct: entries) else {
            throw ValueError(.duplicate, at: head.offset, "the map has a key twice")
        }
        return map
    }

    private mutating func entry(depth: Int) throws(ValueError) -> ValueMap.Entry {
        let key = try value(depth: depth)
        return ValueMap.Entry(key: key, value: try value(depth: depth))
    }

    /// Simple values and floating-point numbers; their heads are read.
    private func simple(_ head: Head) throws(ValueError) -> Value {
        switch head.information {
        case 20: return .bool(false)
        case 21: return .bool(true)
        case 22, 23: return .null
        case 25...27: return .double(CBORReader.double(head))
        default: throw unknownSimple(head)
        }
    }

    /// The error for a simple value that is not one of ours.
    func unknownSimple(_ head: Head) -> ValueError {
        if head.isIndefinite {
            return ValueError(.malformed, at: head.offset, "a break outside an indefinite item")
        }
        if head.information == 24, head.argument < 32 {
            return ValueError(.malformed, at: head.offset, "a simple value in two bytes")
        }
        return ValueError(
            .unsupported, at: head.offset, "simple value \(head.argument) is unknown")
    }

    /// The double of a head whose information is 25, 26 or 27.
    static func double(_ head: Head) -> Double {
        switch head.information {
        case 25: CBORFloat.double(half: UInt16(truncatingIfNeeded: head.argument))
        case 26: CBORFloat.double(single: UInt32(truncatingIfNeeded: head.argument))
        default: Double(bitPattern: head.argument)
        }
    }
}

// MARK: Tags

extension CBORReader {
    /// The item behind a tag; the tag is read.
    private mutating func tagged(_ tag: Head, depth: Int) throws(ValueError) -> Value {
        switch tag.argument {
        case CBORTag.bignum, CBORTag.negativeBignum:
            return try bignum(tag)
        case CBORTag.epoch, CBORTag.timestamp:
            return .timestamp(try timestamp(tag))
        case CBORTag.uuid:
            guard let uuid = UUIDValue(try byteString(try inner(tag, .bytes))) else {
                throw ValueError(.malformed, at: tag.offset, "an identifier without 16 bytes")
            }
            return .uuid(uuid)
        case CBORTag.set:
            let members = try array(try inner(tag, .array), depth: depth + 1)
            let set = ValueSet(members)
            guard set.count == members.count else {
                throw ValueError(.duplicate, at: tag.offset, "the set has a member twice")
            }
            return .set(set)
        case CBORTag.reference:
            guard let index = UInt32(exactly: try inner(tag, .unsigned).argument) else {
                throw ValueError(.malformed, at: tag.offset, "a reference's slot is too large")
            }
            return .reference(ReferenceSlot(index))
        case CBORTag.frame:
            return .bytes(try frame(tag))
        default:
            throw unknownTag(tag)
        }
    }

    /// The error for a tag that is not one of ours.
    func unknownTag(_ tag: Head) -> ValueError {
        ValueError(.unsupported, at: tag.offset, "tag \(tag.argument) is unknown")
    }

    /// The head of a tag's content, which must have one major type.
    mutating func inner(
        _ tag: Head, _ major: CBORWriter.MajorType
    ) throws(ValueError) -> Head {
        let head = try head()
        guard head.major == major else {
            throw ValueError(
                .malformed, at: tag.offset, "tag \(tag.argument) before the wrong kind of item")
        }
        return head
    }

    private mutating func bignum(_ tag: Head) throws(ValueError) -> Value {
        let head = try inner(tag, .bytes)
        let digits = try byteString(head)
        guard digits.count <= limits.bigIntegerBytes else {
            throw ValueError(
                .limitExceeded, at: tag.offset,
                "the integer takes more than \(limits.bigIntegerBytes) bytes")
        }
        guard tag.argument == CBORTag.negativeBignum else {
            return Value(isNegative: false, magnitude: digits)
        }
        var magnitude = [0] + digits  // The magnitude is one more; a place for its carry.
        var index = magnitude.count - 1
        while magnitude[index] == 0xff {
            magnitude[index] = 0
            index -= 1
        }
        magnitude[index] += 1
        return Value(isNegative: true, magnitude: magnitude)
    }

    private mutating func timestamp(_ tag: Head) throws(ValueError) -> Timestamp {
        let head = try head()
        let isEpoch = tag.argument == CBORTag.epoch
        let seconds: Double? =
            switch head.major {
            case .unsigned where isEpoch: Double(exactly: head.argument)
            case .negative where isEpoch:
                Int64(exactly: head.argument).flatMap { Double(exactly: ~$0) }
            case .simple where 25...27 ~= head.information: CBORReader.double(head)
            default: nil
            }
        guard let seconds else {
            throw ValueError(
                .malformed, at: tag.offset, "a time that is no number, or not an exact one")
        }
        return isEpoch
            ? Timestamp(secondsSince1970: seconds) : Timestamp(secondsSince2001: seconds)
    }

    /// The frame that a tag 28516 names; the tag is read.
    mutating func frame(_ tag: Head) throws(ValueError) -> Bytes {
        let index = try inner(tag, .unsigned).argument
        guard index < UInt64(buffers.count) else {
            throw ValueError(
                .malformed, at: tag.offset,
                "frame \(index) is named but \(buffers.count) came with the message")
        }
        return buffers[Int(index)]
    }
}
