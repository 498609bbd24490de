// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/values.md: how types of other libraries cross.

public import BigInt
public import BusValue
public import Foundation

extension Date: ValueShaped {}
extension Date: ValueRepresentable {
    /// The same instant, to the last bit.
    public var value: Value {
        .timestamp(Timestamp(secondsSince2001: self.timeIntervalSinceReferenceDate))
    }

    /// Makes a date of a timestamp; throws for any other value.
    public init(value: Value) throws {
        guard let timestamp = value.timestampValue else {
            throw ValueError.mismatch(expected: "Date", found: value)
        }
        self.init(timeIntervalSinceReferenceDate: timestamp.secondsSince2001)
    }
}

extension UUID: ValueShaped {}
extension UUID: ValueRepresentable {
    /// The same 16 bytes.
    public var value: Value {
        let bytes = withUnsafeBytes(of: self.uuid) { Array($0) }
        return UUIDValue(bytes).map(Value.uuid) ?? .null
    }

    /// Makes an id of 16 bytes; throws for any other value.
    public init(value: Value) throws {
        guard let bytes = value.uuidValue?.bytes, bytes.count == 16 else {
            throw ValueError.mismatch(expected: "UUID", found: value)
        }
        self = bytes.withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    }
}

extension Data: ValueShaped {}
extension Data: ValueRepresentable {
    /// The same bytes, copied once.
    public var value: Value { .bytes(Bytes(Array(self))) }

    /// Makes data of bytes, copied once; throws for any other value.
    public init(value: Value) throws {
        guard let bytes = value.bytesValue else {
            throw ValueError.mismatch(expected: "Data", found: value)
        }
        self.init(bytes.array)
    }
}

extension BigInt: ValueShaped {}
extension BigInt: ValueRepresentable {
    /// The same number.
    public var value: Value {
        Value(isNegative: self.sign == .minus, magnitude: Array(self.magnitude.serialize()))
    }

    /// Makes a number of any integer; throws for any other value.
    public init(value: Value) throws {
        switch value {
        case .integer(let small): self.init(small)
        case .bigInteger(let big):
            let magnitude = BigUInt(Data(big.magnitude))
            self.init(sign: big.isNegative ? .minus : .plus, magnitude: magnitude)
        default: throw ValueError.mismatch(expected: "BigInt", found: value)
        }
    }
}
