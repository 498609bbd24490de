// Part of objbus. SPDX-License-Identifier: Apache-2.0

public import BusWire

/// What identifies an object to this process, and keeps it held while it lives.
///
/// The id of every distributed actor on a `Bus`. Two are equal if they name the same object; the
/// lease and the call options inside do not count. It crosses the bus as a reference, and nothing
/// else can carry it.
public struct HeldReference: Hashable, Sendable, CustomStringConvertible {
    /// The object named.
    public let reference: Reference
    /// A token, a name's binding, or nothing for an own object.
    let lease: Lease
    /// How calls are made; the holder's own, and no part of what is named.
    let options: CallOptions

    enum Lease: Sendable {
        case own
        /// Of an owner that has ended: calls will say so.
        case none
        case token(any AnyObject & Sendable)
        /// Found by name: resolved again when the name moves.
        case name(NameBinding)
    }

    init(_ reference: Reference, lease: Lease, options: CallOptions = CallOptions()) {
        self.reference = reference
        self.lease = lease
        self.options = options
    }

    /// The same, called otherwise.
    func with(_ options: CallOptions) -> HeldReference {
        HeldReference(self.reference, lease: self.lease, options: options)
    }

    /// Whether both name the same object.
    public static func == (left: HeldReference, right: HeldReference) -> Bool {
        left.reference == right.reference
    }

    /// Hashes the object named.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(self.reference)
    }

    /// The object named.
    public var description: String { self.reference.description }
}

extension HeldReference: Codable {
    /// Puts the reference into the message that is being encoded; fails anywhere else.
    public func encode(to encoder: any Encoder) throws {
        guard let scope = encoder.userInfo[.busReferences] as? EncodingScope else {
            throw EncodingError.invalidValue(
                self,
                .init(
                    codingPath: encoder.codingPath,
                    debugDescription: "a reference can only cross the bus"))
        }
        var container = encoder.singleValueContainer()
        try container.encode(scope.slot(for: self))
    }

    /// Takes the reference out of the message that is being decoded; fails anywhere else.
    public init(from decoder: any Decoder) throws {
        guard let scope = decoder.userInfo[.busReferences] as? DecodingScope else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription: "a reference can only come over the bus"))
        }
        let slot = try decoder.singleValueContainer().decode(ReferenceSlot.self)
        guard let reference = scope.reference(at: slot) else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription: "the message has no reference \(slot.index)"))
        }
        self = reference
    }
}
