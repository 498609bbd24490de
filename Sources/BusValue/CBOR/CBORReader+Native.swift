// Part of objbus. SPDX-License-Identifier: Apache-2.0

extension CBORReader {
    /// Reads an instance of a native type at a place of input that was scanned.
    mutating func native<T>(
        _ type: T.Type, as kind: NativeKind, at offset: Int
    ) throws(ValueError) -> T {
        restart(at: offset)
        return try native(type, as: kind)
    }

    /// Reads an instance of a native type.
    ///
    /// - Parameter kind: That of `T`; the casts only restate the type.
    mutating func native<T>(_ type: T.Type, as kind: NativeKind) throws(ValueError) -> T {
        switch kind {
        case .string: cast(try text())
        case .int: cast(try integer(Int.self))
        case .bool: cast(try bool())
        case .double: cast(try double())
        case .float: cast(try single())
        case .byteArray: cast(try byteArray())
        case .bytes: cast(try byteString())
        case .value: cast(try value())
        case .uuid: cast(try own("UUID") { $0.uuidValue })
        case .timestamp: cast(try own("Timestamp") { $0.timestampValue })
        case .reference: cast(try own("reference") { $0.referenceValue })
        case .bigInteger: cast(try own("BigInteger") { $0.bigIntegerValue })
        case .set: cast(try own("set") { $0.setValue })
        case .map: cast(try own("map") { $0.mapValue })
        case .int64: cast(try integer(Int64.self))
        case .int32: cast(try integer(Int32.self))
        case .int16: cast(try integer(Int16.self))
        case .int8: cast(try integer(Int8.self))
        case .uint: cast(try integer(UInt.self))
        case .uint64: cast(try integer(UInt64.self))
        case .uint32: cast(try integer(UInt32.self))
        case .uint16: cast(try integer(UInt16.self))
        case .uint8: cast(try integer(UInt8.self))
        case .int128: cast(try integer(Int128.self))
        case .uint128: cast(try integer(UInt128.self))
        case .strings: cast(try array { (reader) throws(ValueError) in try reader.text() })
        case .doubles: cast(try array { (reader) throws(ValueError) in try reader.double() })
        case .bools: cast(try array { (reader) throws(ValueError) in try reader.bool() })
        case .floats: cast(try array { (reader) throws(ValueError) in try reader.single() })
        case .byteStrings:
            cast(try array { (reader) throws(ValueError) in try reader.byteString() })
        case .byteArrays:
            cast(try array { (reader) throws(ValueError) in try reader.byteArray() })
        case .values:
            cast(try array { (reader) throws(ValueError) in try reader.value(depth: 1) })
        case .ints: cast(try integers(Int.self))
        case .int64s: cast(try integers(Int64.self))
        case .int32s: cast(try integers(Int32.self))
        case .int16s: cast(try integers(Int16.self))
        case .int8s: cast(try integers(Int8.self))
        case .uints: cast(try integers(UInt.self))
        case .uint64s: cast(try integers(UInt64.self))
        case .uint32s: cast(try integers(UInt32.self))
        case .uint16s: cast(try integers(UInt16.self))
        }
    }
}
