// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// Which of the types with a short way a type is: scalars, text, bytes, our own types, and arrays
/// of such.
enum NativeKind {
    case string
    case int
    case bool
    case double
    case float
    case byteArray
    case bytes
    case value
    case int64
    case int32
    case int16
    case int8
    case uint
    case uint64
    case uint32
    case uint16
    case uint8
    case int128
    case uint128
    case uuid
    case timestamp
    case reference
    case bigInteger
    case set
    case map
    case strings
    case ints
    case doubles
    case bools
    case floats
    case byteStrings
    case byteArrays
    case values
    case int64s
    case int32s
    case int16s
    case int8s
    case uints
    case uint64s
    case uint32s
    case uint16s

    /// Finds the kind by comparing metatypes, so that nothing is boxed or looked up.
    init?(_ type: any Any.Type) {
        if let scalar = NativeKind.scalar(type) {
            self = scalar
        } else if let array = NativeKind.array(type) {
            self = array
        } else {
            return nil
        }
    }

    private static func scalar(_ type: any Any.Type) -> NativeKind? {
        if type == String.self { return .string }
        if type == Int.self { return .int }
        if type == Bool.self { return .bool }
        if type == Double.self { return .double }
        if type == Float.self { return .float }
        if type == [UInt8].self { return .byteArray }
        if type == Bytes.self { return .bytes }
        if type == Value.self { return .value }
        if type == Int64.self { return .int64 }
        if type == Int32.self { return .int32 }
        if type == Int16.self { return .int16 }
        if type == Int8.self { return .int8 }
        if type == UInt.self { return .uint }
        if type == UInt64.self { return .uint64 }
        if type == UInt32.self { return .uint32 }
        if type == UInt16.self { return .uint16 }
        if type == UInt8.self { return .uint8 }
        if type == Int128.self { return .int128 }
        if type == UInt128.self { return .uint128 }
        if type == UUIDValue.self { return .uuid }
        if type == Timestamp.self { return .timestamp }
        if type == ReferenceSlot.self { return .reference }
        if type == BigInteger.self { return .bigInteger }
        if type == ValueSet.self { return .set }
        if type == ValueMap.self { return .map }
        return nil
    }

    private static func array(_ type: any Any.Type) -> NativeKind? {
        if type == [String].self { return .strings }
        if type == [Int].self { return .ints }
        if type == [Double].self { return .doubles }
        if type == [Bool].self { return .bools }
        if type == [Float].self { return .floats }
        if type == [Bytes].self { return .byteStrings }
        if type == [[UInt8]].self { return .byteArrays }
        if type == [Value].self { return .values }
        if type == [Int64].self { return .int64s }
        if type == [Int32].self { return .int32s }
        if type == [Int16].self { return .int16s }
        if type == [Int8].self { return .int8s }
        if type == [UInt].self { return .uints }
        if type == [UInt64].self { return .uint64s }
        if type == [UInt32].self { return .uint32s }
        if type == [UInt16].self { return .uint16s }
        return nil
    }
}
