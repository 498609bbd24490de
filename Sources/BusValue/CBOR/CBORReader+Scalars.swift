// Part of objbus. SPDX-License-Identifier: Apache-2.0

extension CBORReader {
    /// Reads one integer; fails for other kinds and out of range.
    public mutating func integer<T: FixedWidthInteger>(
        _ type: T.Type = T.self
    ) throws(ValueError) -> T {
        let start = offset
        let head = try head()
        switch head.major {
        case .unsigned:
            if let integer = T(exactly: head.argument) { return integer }
        case .negative:
            if let small = Int64(exactly: head.argument) {
                if let integer = T(exactly: ~small) { return integer }
            } else if case .bigInteger(let big) = CBORReader.negative(head.argument),
                let integer = big.exactly(T.self)
            {
                return integer
            }
        case .tag where head.argument == CBORTag.bignum || head.argument == CBORTag.negativeBignum:
            move(to: start)
            switch try value() {
            case .integer(let small): if let integer = T(exactly: small) { return integer }
            case .bigInteger(let big): if let integer = big.exactly(T.self) { return integer }
            default: break
            }
        default:
            throw mismatch(at: start, expected: "\(T.self)")
        }
        throw ValueError(
            .typeMismatch, at: start, "expected \(T.self), found an integer out of its range")
    }

    /// Reads one truth value.
    public mutating func bool() throws(ValueError) -> Bool {
        let start = offset
        let head = try head()
        if head.major == .simple, head.information == 20 || head.information == 21 {
            return head.information == 21
        }
        throw mismatch(at: start, expected: "Bool")
    }

    /// Reads one number as a double; an integer only if a double holds it exactly.
    public mutating func double() throws(ValueError) -> Double {
        try number("Double")
    }

    private mutating func number(_ expected: String) throws(ValueError) -> Double {
        let start = offset
        let head = try head()
        switch head.major {
        case .simple where 25...27 ~= head.information:
            return CBORReader.double(head)
        case .unsigned:
            if let double = Double(exactly: head.argument) { return double }
        case .negative:
            if let double = CBORReader.negative(head.argument).exactDouble { return double }
        case .tag where head.argument == CBORTag.bignum || head.argument == CBORTag.negativeBignum:
            move(to: start)
            if let double = try value().exactDouble { return double }
        default:
            throw mismatch(at: start, expected: expected)
        }
        throw ValueError(
            .typeMismatch, at: start,
            "expected \(expected), found an integer that one cannot hold exactly")
    }

    /// Reads one number as a single, rounding as the processor does; fails when it is too large.
    mutating func single() throws(ValueError) -> Float {
        let start = offset
        let double = try number("Float")
        if let bits = CBORFloat.single(double.bitPattern) { return Float(bitPattern: bits) }
        let single = Float(double)
        if double.isFinite, single.isInfinite {
            throw ValueError(
                .typeMismatch, at: start, "expected Float, found a number out of its range")
        }
        return single
    }

    /// Reads one text string.
    public mutating func text() throws(ValueError) -> String {
        let start = offset
        let head = try head()
        guard head.major == .text else { throw mismatch(at: start, expected: "String") }
        return try text(head)
    }

    /// Reads one byte string, inline or from its frame.
    public mutating func byteString() throws(ValueError) -> Bytes {
        let start = offset
        let head = try head()
        if head.major == .bytes { return Bytes(try byteString(head)) }
        if head.major == .tag, head.argument == CBORTag.frame { return try frame(head) }
        throw mismatch(at: start, expected: "bytes")
    }

    /// Reads bytes, also from an array of small integers as other encoders write them.
    mutating func byteArray() throws(ValueError) -> [UInt8] {
        if let initial = peeked, initial >> 5 == CBORWriter.MajorType.array.rawValue {
            return try integers(UInt8.self)
        }
        return try byteString().array
    }

    /// Reads one array of integers.
    mutating func integers<T: FixedWidthInteger>(_ type: T.Type) throws(ValueError) -> [T] {
        try array { (reader) throws(ValueError) in try reader.integer(T.self) }
    }

    /// Reads the head of an array, or of the array inside a set.
    mutating func arrayHead(expected: String) throws(ValueError) -> Head {
        let start = offset
        var head = try head()
        if head.major == .tag, head.argument == CBORTag.set {
            head = try inner(head, .array)
        }
        guard head.major == .array else { throw mismatch(at: start, expected: expected) }
        return head
    }

    /// Reads one array, or set, of items that `element` reads.
    @inline(__always)
    mutating func array<Element>(
        _ element: (inout CBORReader) throws(ValueError) -> Element
    ) throws(ValueError) -> [Element] {
        let head = try arrayHead(expected: "array")
        var elements: [Element] = []
        if head.isIndefinite {
            while try !takeBreak() { elements.append(try element(&self)) }
            return elements
        }
        let count = try count(of: head, itemsEach: 1)
        elements.reserveCapacity(min(count, 1 << 16))
        for _ in 0..<count { elements.append(try element(&self)) }
        return elements
    }

    /// Reads one value that must be of one kind.
    mutating func own<T>(
        _ expected: String, _ convert: (Value) -> T?
    ) throws(ValueError) -> T {
        let start = offset
        let value = try value()
        guard let result = convert(value) else {
            throw ValueError(
                .typeMismatch, at: start, "expected \(expected), found \(value.kind.rawValue)")
        }
        return result
    }

    /// The error for an item of another kind; names what is there.
    func mismatch(at place: Int, expected: String) -> ValueError {
        ValueError(
            .typeMismatch, at: place, "expected \(expected), found \(describeItem(at: place))")
    }

    /// Whether a null or undefined is at a place.
    func isNull(at place: Int) -> Bool {
        0..<end ~= place && (bytes[place] == 0xf6 || bytes[place] == 0xf7)
    }

    private func describeItem(at place: Int) -> String {
        guard place < end else { return "nothing" }
        var copy = self
        copy.move(to: place)
        guard let head = try? copy.head() else { return "a malformed item" }
        return switch head.major {
        case .unsigned, .negative: "integer"
        case .bytes: "bytes"
        case .text: "string"
        case .array: "array"
        case .map: "map"
        case .tag: CBORReader.tagNames[head.argument] ?? "tag \(head.argument)"
        case .simple:
            switch head.information {
            case 20, 21: "bool"
            case 22, 23: "null"
            case 25...27: "double"
            default: "an unknown simple value"
            }
        }
    }

    private static let tagNames: [UInt64: String] = [
        CBORTag.bignum: "big integer", CBORTag.negativeBignum: "big integer",
        CBORTag.epoch: "timestamp", CBORTag.timestamp: "timestamp", CBORTag.uuid: "uuid",
        CBORTag.set: "set", CBORTag.reference: "reference", CBORTag.frame: "bytes",
    ]
}

extension Value {
    /// An integer as the double that is exactly this number; nil when there is none.
    fileprivate var exactDouble: Double? {
        switch self {
        case .integer(let integer): Double(exactly: integer)
        case .bigInteger(let integer): integer.exactDouble
        default: nil
        }
    }
}
