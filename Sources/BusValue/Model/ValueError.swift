// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// Why bytes are no value, JSON is no value, or a value cannot be written.
public struct ValueError: Error, Sendable, Hashable {
    /// What went wrong, for programs.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// The input ends inside an item.
        case truncated
        /// The input breaks the rules of its format.
        case malformed
        /// The input is well-formed but uses what objbus does not know.
        case unsupported
        /// A bound of `ValueLimits` is exceeded.
        case limitExceeded
        /// A map has the same key twice, or a set the same member.
        case duplicate
        /// Something follows the item.
        case trailingBytes
        /// The item is not of the type that was asked for.
        case typeMismatch
    }

    /// What went wrong, for programs.
    public let kind: Kind
    /// Where, in bytes from the start of the input; nil when there is no input.
    public let offset: Int?
    /// What went wrong, for people; never contains the payload.
    public let message: String

    /// Makes an error.
    public init(_ kind: Kind, at offset: Int? = nil, _ message: String) {
        self.kind = kind
        self.offset = offset
        self.message = message
    }
}

extension ValueError: CustomStringConvertible {
    /// The message with its offset.
    public var description: String {
        offset.map { "\(message) at byte \($0)" } ?? message
    }
}
