// Part of objbus. SPDX-License-Identifier: Apache-2.0

extension EncodingOutput {
    /// Appends a scalar, text, bytes, one of our own types, or an array of such.
    ///
    /// Which one it is shows in the metatype, so nothing is boxed; the casts only restate the type.
    ///
    /// - Returns: False for every other type, and nothing is appended.
    mutating func appendNative<T>(_ value: T, depth: Int) throws(ValueError) -> Bool {
        if T.self == String.self {
            try admit()
            try text(unsafe unsafeBitCast(value, to: String.self))
        } else if T.self == Int.self {
            try admit()
            CBORWriter.integer(unsafe unsafeBitCast(value, to: Int.self), into: &bytes)
        } else if T.self == Bool.self {
            try admit()
            CBORWriter.bool(unsafe unsafeBitCast(value, to: Bool.self), into: &bytes)
        } else if T.self == Double.self {
            try admit()
            CBORWriter.double(unsafe unsafeBitCast(value, to: Double.self), into: &bytes)
        } else if T.self == Float.self {
            try admit()
            CBORWriter.single(unsafe unsafeBitCast(value, to: Float.self), into: &bytes)
        } else if T.self == [UInt8].self {
            try admit()
            try byteString(Bytes(unsafe unsafeBitCast(value, to: [UInt8].self)))
        } else if T.self == Bytes.self {
            try admit()
            try byteString(unsafe unsafeBitCast(value, to: Bytes.self))
        } else if T.self == Value.self {
            try append(unsafe unsafeBitCast(value, to: Value.self), depth: depth)
        } else if try appendInteger(value) {
            return true
        } else if try appendArray(value, depth: depth) {
            return true
        } else {
            return try appendOwn(value, depth: depth)
        }
        return true
    }

    /// The integers besides `Int`.
    private mutating func appendInteger<T>(_ value: T) throws(ValueError) -> Bool {
        if T.self == Int64.self {
            CBORWriter.integer(unsafe unsafeBitCast(value, to: Int64.self), into: &bytes)
        } else if T.self == Int32.self {
            CBORWriter.integer(unsafe unsafeBitCast(value, to: Int32.self), into: &bytes)
        } else if T.self == Int16.self {
            CBORWriter.integer(unsafe unsafeBitCast(value, to: Int16.self), into: &bytes)
        } else if T.self == Int8.self {
            CBORWriter.integer(unsafe unsafeBitCast(value, to: Int8.self), into: &bytes)
        } else if T.self == UInt.self {
            CBORWriter.integer(unsafe unsafeBitCast(value, to: UInt.self), into: &bytes)
        } else if T.self == UInt64.self {
            CBORWriter.integer(unsafe unsafeBitCast(value, to: UInt64.self), into: &bytes)
        } else if T.self == UInt32.self {
            CBORWriter.integer(unsafe unsafeBitCast(value, to: UInt32.self), into: &bytes)
        } else if T.self == UInt16.self {
            CBORWriter.integer(unsafe unsafeBitCast(value, to: UInt16.self), into: &bytes)
        } else if T.self == UInt8.self {
            CBORWriter.integer(unsafe unsafeBitCast(value, to: UInt8.self), into: &bytes)
        } else {
            return false
        }
        try admit()
        return true
    }

    /// Arrays of scalars, text and bytes.
    private mutating func appendArray<T>(_ value: T, depth: Int) throws(ValueError) -> Bool {
        if T.self == [Int].self {
            try integers(unsafe unsafeBitCast(value, to: [Int].self), depth)
        } else if T.self == [Double].self {
            try array(unsafe unsafeBitCast(value, to: [Double].self), depth) {
                (output, element) in CBORWriter.double(element, into: &output.bytes)
            }
        } else if T.self == [String].self {
            try array(unsafe unsafeBitCast(value, to: [String].self), depth) {
                (output, element) throws(ValueError) in try output.text(element)
            }
        } else if T.self == [Float].self {
            try array(unsafe unsafeBitCast(value, to: [Float].self), depth) {
                (output, element) in CBORWriter.single(element, into: &output.bytes)
            }
        } else if T.self == [Bool].self {
            try array(unsafe unsafeBitCast(value, to: [Bool].self), depth) {
                (output, element) in CBORWriter.bool(element, into: &output.bytes)
            }
        } else if T.self == [Bytes].self {
            try array(unsafe unsafeBitCast(value, to: [Bytes].self), depth) {
                (output, element) throws(ValueError) in try output.byteString(element)
            }
        } else if T.self == [[UInt8]].self {
            try array(unsafe unsafeBitCast(value, to: [[UInt8]].self), depth) {
                (output, element) throws(ValueError) in try output.byteString(Bytes(element))
            }
        } else if T.self == [Value].self {
            try append(.array(unsafe unsafeBitCast(value, to: [Value].self)), depth: depth)
        } else {
            return try appendIntegers(value, depth)
        }
        return true
    }

    /// Arrays of the integers besides `Int`.
    private mutating func appendIntegers<T>(_ value: T, _ depth: Int) throws(ValueError) -> Bool {
        if T.self == [Int64].self {
            try integers(unsafe unsafeBitCast(value, to: [Int64].self), depth)
        } else if T.self == [Int32].self {
            try integers(unsafe unsafeBitCast(value, to: [Int32].self), depth)
        } else if T.self == [Int16].self {
            try integers(unsafe unsafeBitCast(value, to: [Int16].self), depth)
        } else if T.self == [Int8].self {
            try integers(unsafe unsafeBitCast(value, to: [Int8].self), depth)
        } else if T.self == [UInt].self {
            try integers(unsafe unsafeBitCast(value, to: [UInt].self), depth)
        } else if T.self == [UInt64].self {
            try integers(unsafe unsafeBitCast(value, to: [UInt64].self), depth)
        } else if T.self == [UInt32].self {
            try integers(unsafe unsafeBitCast(value, to: [UInt32].self), depth)
        } else if T.self == [UInt16].self {
            try integers(unsafe unsafeBitCast(value, to: [UInt16].self), depth)
        } else {
            return false
        }
        return true
    }

    /// The types of this module, and integers that may need a bignum.
    private mutating func appendOwn<T>(_ value: T, depth: Int) throws(ValueError) -> Bool {
        if T.self == UUIDValue.self {
            try append(.uuid(unsafe unsafeBitCast(value, to: UUIDValue.self)))
        } else if T.self == Timestamp.self {
            try append(.timestamp(unsafe unsafeBitCast(value, to: Timestamp.self)))
        } else if T.self == ReferenceSlot.self {
            try append(.reference(unsafe unsafeBitCast(value, to: ReferenceSlot.self)))
        } else if T.self == BigInteger.self {
            try append(.bigInteger(unsafe unsafeBitCast(value, to: BigInteger.self)))
        } else if T.self == ValueSet.self {
            try append(.set(unsafe unsafeBitCast(value, to: ValueSet.self)), depth: depth)
        } else if T.self == ValueMap.self {
            try append(.map(unsafe unsafeBitCast(value, to: ValueMap.self)), depth: depth)
        } else if T.self == Int128.self {
            try append(Value(unsafe unsafeBitCast(value, to: Int128.self)))
        } else if T.self == UInt128.self {
            try append(Value(unsafe unsafeBitCast(value, to: UInt128.self)))
        } else {
            return false
        }
        return true
    }

    private mutating func integers<Element: FixedWidthInteger>(
        _ elements: [Element], _ depth: Int
    ) throws(ValueError) {
        try array(elements, depth) { (output, element) in
            CBORWriter.integer(element, into: &output.bytes)
        }
    }

    @inline(__always)
    private mutating func array<Element>(
        _ elements: [Element], _ depth: Int,
        _ body: (inout EncodingOutput, Element) throws(ValueError) -> Void
    ) throws(ValueError) {
        try checkDepth(depth + 1)
        try admit(elements.count + 1)
        try checkSize(elements.count)
        CBORWriter.array(count: elements.count, into: &bytes)
        for element in elements { try body(&self, element) }
    }
}
