// Part of objbus. SPDX-License-Identifier: Apache-2.0

extension CBORReader {
    /// Reads a scalar, text, bytes, one of our own types, or an array of such.
    ///
    /// Which one it is shows in the metatype, so nothing is boxed; the casts only restate the type.
    ///
    /// - Returns: Nil for every other type, and nothing is read.
    mutating func native<T>(_ type: T.Type) throws(ValueError) -> T? {
        if T.self == String.self {
            return unsafe unsafeBitCast(try text(), to: T.self)
        } else if T.self == Int.self {
            return unsafe unsafeBitCast(try integer(Int.self), to: T.self)
        } else if T.self == Bool.self {
            return unsafe unsafeBitCast(try bool(), to: T.self)
        } else if T.self == Double.self {
            return unsafe unsafeBitCast(try double("Double"), to: T.self)
        } else if T.self == Float.self {
            return unsafe unsafeBitCast(try single(), to: T.self)
        } else if T.self == [UInt8].self {
            return unsafe unsafeBitCast(try byteArray(), to: T.self)
        } else if T.self == Bytes.self {
            return unsafe unsafeBitCast(try byteString(), to: T.self)
        } else if T.self == Value.self {
            return unsafe unsafeBitCast(try value(), to: T.self)
        }
        if let integer = try nativeInteger(type) { return integer }
        if let array = try nativeArray(type) { return array }
        return try nativeOwn(type)
    }

    private mutating func nativeInteger<T>(_ type: T.Type) throws(ValueError) -> T? {
        if T.self == Int64.self {
            return unsafe unsafeBitCast(try integer(Int64.self), to: T.self)
        } else if T.self == Int32.self {
            return unsafe unsafeBitCast(try integer(Int32.self), to: T.self)
        } else if T.self == Int16.self {
            return unsafe unsafeBitCast(try integer(Int16.self), to: T.self)
        } else if T.self == Int8.self {
            return unsafe unsafeBitCast(try integer(Int8.self), to: T.self)
        } else if T.self == UInt.self {
            return unsafe unsafeBitCast(try integer(UInt.self), to: T.self)
        } else if T.self == UInt64.self {
            return unsafe unsafeBitCast(try integer(UInt64.self), to: T.self)
        } else if T.self == UInt32.self {
            return unsafe unsafeBitCast(try integer(UInt32.self), to: T.self)
        } else if T.self == UInt16.self {
            return unsafe unsafeBitCast(try integer(UInt16.self), to: T.self)
        } else if T.self == UInt8.self {
            return unsafe unsafeBitCast(try integer(UInt8.self), to: T.self)
        } else if T.self == Int128.self {
            return unsafe unsafeBitCast(try integer(Int128.self), to: T.self)
        } else if T.self == UInt128.self {
            return unsafe unsafeBitCast(try integer(UInt128.self), to: T.self)
        }
        return nil
    }

    private mutating func nativeArray<T>(_ type: T.Type) throws(ValueError) -> T? {
        if T.self == [Int].self {
            return unsafe unsafeBitCast(try integers(Int.self), to: T.self)
        } else if T.self == [Double].self {
            let array = try array { (reader) throws(ValueError) in try reader.double("Double") }
            return unsafe unsafeBitCast(array, to: T.self)
        } else if T.self == [String].self {
            let array = try array { (reader) throws(ValueError) in try reader.text() }
            return unsafe unsafeBitCast(array, to: T.self)
        } else if T.self == [Float].self {
            let array = try array { (reader) throws(ValueError) in try reader.single() }
            return unsafe unsafeBitCast(array, to: T.self)
        } else if T.self == [Bool].self {
            let array = try array { (reader) throws(ValueError) in try reader.bool() }
            return unsafe unsafeBitCast(array, to: T.self)
        } else if T.self == [Bytes].self {
            let array = try array { (reader) throws(ValueError) in try reader.byteString() }
            return unsafe unsafeBitCast(array, to: T.self)
        } else if T.self == [[UInt8]].self {
            let array = try array { (reader) throws(ValueError) in try reader.byteArray() }
            return unsafe unsafeBitCast(array, to: T.self)
        } else if T.self == [Value].self {
            let array = try array { (reader) throws(ValueError) in try reader.value(depth: 1) }
            return unsafe unsafeBitCast(array, to: T.self)
        }
        return try nativeIntegers(type)
    }

    private mutating func nativeIntegers<T>(_ type: T.Type) throws(ValueError) -> T? {
        if T.self == [Int64].self {
            return unsafe unsafeBitCast(try integers(Int64.self), to: T.self)
        } else if T.self == [Int32].self {
            return unsafe unsafeBitCast(try integers(Int32.self), to: T.self)
        } else if T.self == [Int16].self {
            return unsafe unsafeBitCast(try integers(Int16.self), to: T.self)
        } else if T.self == [Int8].self {
            return unsafe unsafeBitCast(try integers(Int8.self), to: T.self)
        } else if T.self == [UInt].self {
            return unsafe unsafeBitCast(try integers(UInt.self), to: T.self)
        } else if T.self == [UInt64].self {
            return unsafe unsafeBitCast(try integers(UInt64.self), to: T.self)
        } else if T.self == [UInt32].self {
            return unsafe unsafeBitCast(try integers(UInt32.self), to: T.self)
        } else if T.self == [UInt16].self {
            return unsafe unsafeBitCast(try integers(UInt16.self), to: T.self)
        }
        return nil
    }

    private mutating func nativeOwn<T>(_ type: T.Type) throws(ValueError) -> T? {
        if T.self == UUIDValue.self {
            let uuid = try own("UUID") { $0.uuidValue }
            return unsafe unsafeBitCast(uuid, to: T.self)
        } else if T.self == Timestamp.self {
            let timestamp = try own("Timestamp") { $0.timestampValue }
            return unsafe unsafeBitCast(timestamp, to: T.self)
        } else if T.self == ReferenceSlot.self {
            let slot = try own("reference") { $0.referenceValue }
            return unsafe unsafeBitCast(slot, to: T.self)
        } else if T.self == BigInteger.self {
            let integer: BigInteger = try own("BigInteger") {
                if case .bigInteger(let integer) = $0 { integer } else { nil }
            }
            return unsafe unsafeBitCast(integer, to: T.self)
        } else if T.self == ValueSet.self {
            let set = try own("set") { $0.setValue }
            return unsafe unsafeBitCast(set, to: T.self)
        } else if T.self == ValueMap.self {
            let map = try own("map") { $0.mapValue }
            return unsafe unsafeBitCast(map, to: T.self)
        }
        return nil
    }
}
