// Part of objbus. SPDX-License-Identifier: Apache-2.0

extension EncodingOutput {
    /// Appends an instance of a native type.
    ///
    /// - Parameter kind: That of `T`; the casts only restate the type.
    mutating func append<T>(
        _ value: T, as kind: NativeKind, depth: Int
    ) throws(ValueError) {
        switch kind {
        case .string:
            try admit()
            try text(cast(value))
        case .int:
            try admit()
            CBORWriter.integer(cast(value, to: Int.self), into: &bytes)
        case .bool:
            try admit()
            CBORWriter.bool(cast(value), into: &bytes)
        case .double:
            try admit()
            CBORWriter.double(cast(value), into: &bytes)
        case .float:
            try admit()
            CBORWriter.single(cast(value), into: &bytes)
        case .byteArray:
            try admit()
            try byteString(Bytes(cast(value, to: [UInt8].self)))
        case .bytes:
            try admit()
            try byteString(cast(value))
        case .value: try append(cast(value), depth: depth)
        case .uuid: try append(.uuid(cast(value)), depth: depth)
        case .timestamp: try append(.timestamp(cast(value)), depth: depth)
        case .reference: try append(.reference(cast(value)), depth: depth)
        case .bigInteger: try append(.bigInteger(cast(value)), depth: depth)
        case .set: try append(.set(cast(value)), depth: depth)
        case .map: try append(.map(cast(value)), depth: depth)
        case .int64, .int32, .int16, .int8, .uint, .uint64, .uint32, .uint16, .uint8, .int128,
            .uint128:
            try appendInteger(value, as: kind)
        case .strings, .ints, .doubles, .bools, .floats, .byteStrings, .byteArrays, .values,
            .int64s, .int32s, .int16s, .int8s, .uints, .uint64s, .uint32s, .uint16s:
            try appendArray(value, as: kind, depth: depth)
        }
    }

    /// Appends an entry of a map that is encoded by `Codable`, in one go.
    mutating func append<T>(
        _ name: String, _ value: T, as kind: NativeKind, depth: Int
    ) throws(ValueError) {
        try key(name)
        try append(value, as: kind, depth: depth)
    }

    private mutating func appendInteger<T>(
        _ value: T, as kind: NativeKind
    ) throws(ValueError) {
        try admit()
        switch kind {
        case .int64: CBORWriter.integer(cast(value, to: Int64.self), into: &bytes)
        case .int32: CBORWriter.integer(cast(value, to: Int32.self), into: &bytes)
        case .int16: CBORWriter.integer(cast(value, to: Int16.self), into: &bytes)
        case .int8: CBORWriter.integer(cast(value, to: Int8.self), into: &bytes)
        case .uint: CBORWriter.integer(cast(value, to: UInt.self), into: &bytes)
        case .uint64: CBORWriter.integer(cast(value, to: UInt64.self), into: &bytes)
        case .uint32: CBORWriter.integer(cast(value, to: UInt32.self), into: &bytes)
        case .uint16: CBORWriter.integer(cast(value, to: UInt16.self), into: &bytes)
        case .uint8: CBORWriter.integer(cast(value, to: UInt8.self), into: &bytes)
        case .int128: try append(Value(cast(value, to: Int128.self)))
        default: try append(Value(cast(value, to: UInt128.self)))
        }
    }

    private mutating func appendArray<T>(
        _ value: T, as kind: NativeKind, depth: Int
    ) throws(ValueError) {
        switch kind {
        case .strings:
            try array(cast(value, to: [String].self), depth) {
                (output, element) throws(ValueError) in try output.text(element)
            }
        case .doubles:
            try array(cast(value, to: [Double].self), depth) {
                (output, element) in CBORWriter.double(element, into: &output.bytes)
            }
        case .bools:
            try array(cast(value, to: [Bool].self), depth) {
                (output, element) in CBORWriter.bool(element, into: &output.bytes)
            }
        case .floats:
            try array(cast(value, to: [Float].self), depth) {
                (output, element) in CBORWriter.single(element, into: &output.bytes)
            }
        case .byteStrings:
            try array(cast(value, to: [Bytes].self), depth) {
                (output, element) throws(ValueError) in try output.byteString(element)
            }
        case .byteArrays:
            try array(cast(value, to: [[UInt8]].self), depth) {
                (output, element) throws(ValueError) in try output.byteString(Bytes(element))
            }
        case .values: try append(.array(cast(value)), depth: depth)
        case .ints: try integers(cast(value, to: [Int].self), depth)
        case .int64s: try integers(cast(value, to: [Int64].self), depth)
        case .int32s: try integers(cast(value, to: [Int32].self), depth)
        case .int16s: try integers(cast(value, to: [Int16].self), depth)
        case .int8s: try integers(cast(value, to: [Int8].self), depth)
        case .uints: try integers(cast(value, to: [UInt].self), depth)
        case .uint64s: try integers(cast(value, to: [UInt64].self), depth)
        case .uint32s: try integers(cast(value, to: [UInt32].self), depth)
        default: try integers(cast(value, to: [UInt16].self), depth)
        }
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

/// Restates the type of an instance whose metatype was compared with the target's.
@inline(__always)
func cast<From, To>(_ value: From, to type: To.Type = To.self) -> To {
    unsafe unsafeBitCast(value, to: To.self)
}
