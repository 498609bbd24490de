// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/overview.md §2. Pure: no I/O, no clock, no randomness.

/// One run of a node's `Bus`; drawn by the broker and never used again.
public struct IncarnationID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number on the wire.
    public let rawValue: UInt64
    /// The broker itself, whose services are called like any object's.
    public static let broker = IncarnationID(rawValue: 0)

    /// Makes an id from its number on the wire.
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Sixteen hexadecimal digits.
    public var description: String { hexadecimal(self.rawValue) }

    /// Orders by number, which means nothing but is the same everywhere.
    public static func < (left: IncarnationID, right: IncarnationID) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// An object's number within its owner's incarnation; counted up, never used again.
public struct ObjectNumber: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number on the wire.
    public let rawValue: UInt64
    /// The root object that every incarnation has.
    public static let root = ObjectNumber(rawValue: 0)

    /// Makes an object number from its number on the wire.
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// The number in decimal.
    public var description: String { String(self.rawValue) }

    /// Orders by number: older objects first.
    public static func < (left: ObjectNumber, right: ObjectNumber) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// What names one object on the whole bus, for ever: its owner's incarnation and its number there.
public struct Reference: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The incarnation that the object lives in.
    public let owner: IncarnationID
    /// The object's number there.
    public let object: ObjectNumber

    /// Makes the reference that names `object` of `owner`; naming an object is not holding it.
    public init(owner: IncarnationID, object: ObjectNumber) {
        self.owner = owner
        self.object = object
    }

    /// The owner in hexadecimal, a slash, the number: `00000000000000a1/7`.
    public var description: String { "\(self.owner)/\(self.object)" }

    /// Orders by owner, then by number.
    public static func < (left: Reference, right: Reference) -> Bool {
        (left.owner, left.object) < (right.owner, right.object)
    }
}

/// How often an object's references have been revoked, counted from 1 (rules: capabilities).
package struct Generation: Hashable, Comparable, Sendable {
    package let rawValue: UInt32
    /// Of a holding that gives no right.
    package static let none = Generation(rawValue: 0)
    package static let first = Generation(rawValue: 1)

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package var next: Generation { Generation(rawValue: self.rawValue &+ 1) }

    package static func < (left: Generation, right: Generation) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// Counts the links of one incarnation, from 1.
package struct Epoch: Hashable, Comparable, Sendable {
    package let rawValue: UInt32
    package static let none = Epoch(rawValue: 0)

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package var next: Epoch { Epoch(rawValue: self.rawValue + 1) }

    package static func < (left: Epoch, right: Epoch) -> Bool { left.rawValue < right.rawValue }
}

/// A call's place among the calls from one incarnation to another, counted from 1.
package struct CallNumber: Hashable, Comparable, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    package static func < (left: CallNumber, right: CallNumber) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// A call as both of its ends know it (rules R13): who calls whom, and which call of that pair.
package struct CallIdentity: Hashable, Comparable, Sendable, CustomStringConvertible {
    package var caller: IncarnationID
    package var callee: IncarnationID
    package var number: CallNumber

    package init(caller: IncarnationID, callee: IncarnationID, number: CallNumber) {
        self.caller = caller
        self.callee = callee
        self.number = number
    }

    package var description: String {
        "\(self.caller)>\(self.callee)#\(self.number.rawValue)"
    }

    package static func < (left: CallIdentity, right: CallIdentity) -> Bool {
        (left.caller, left.callee, left.number) < (right.caller, right.callee, right.number)
    }
}

/// The tree of calls that one outermost call caused: who began it, and which of its beginnings.
public struct ChainID: Hashable, Sendable, CustomStringConvertible {
    /// The incarnation that made the outermost call.
    public let root: IncarnationID
    /// Counts that incarnation's outermost calls.
    public let number: UInt64

    /// Makes a chain id from its two parts on the wire.
    public init(root: IncarnationID, number: UInt64) {
        self.root = root
        self.number = number
    }

    /// The root in hexadecimal, a tilde, the number.
    public var description: String { "\(self.root)~\(self.number)" }
}

/// Sixteen bytes that prove the right to a reference or to an incarnation.
package struct Seal: Hashable, Sendable {
    package let high: UInt64
    package let low: UInt64
    package static let none = Seal(high: 0, low: 0)

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The first sixteen of `bytes`, big-endian; nil if there are fewer.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count >= 16 else { return nil }
        func number(_ part: some Collection<UInt8>) -> UInt64 {
            part.reduce(0) { $0 << 8 | UInt64($1) }
        }
        self.init(high: number(bytes.prefix(8)), low: number(bytes.dropFirst(8).prefix(8)))
    }

    package var bytes: [UInt8] {
        [self.high, self.low].flatMap { word in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> $0) }
        }
    }

    /// Compares without an early exit, so that time tells a forger nothing.
    package func matches(_ other: Seal) -> Bool {
        (self.high ^ other.high) | (self.low ^ other.low) == 0
    }
}

/// Sixteen hexadecimal digits, small letters.
package func hexadecimal(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}
