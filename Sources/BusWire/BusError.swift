// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/errors.md. Pure: no I/O, no clock, no randomness.

/// Why a call did not give a result, and whether the object ran it.
///
/// Match on `kind` and `executed`; show `message`.
public struct BusError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Stable on the wire, and an open set: newer peers may send kinds that we don't know.
    public var kind: Kind
    /// Whether the method ran.
    public var executed: Executed
    /// Which object, which method, which limit, and what exists instead; never the payload.
    public var message: String

    /// Makes an error of `kind` about a call of which `executed` is known.
    public init(_ kind: Kind, executed: Executed = .no, _ message: String) {
        self.kind = kind
        self.executed = executed
        self.message = message
    }

    /// What went wrong, in one word.
    public struct Kind: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        /// The word on the wire.
        public let rawValue: String

        /// Makes a kind from its word on the wire.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// The object threw an error.
        public static let failed = Kind(rawValue: "failed")
        /// Arguments of the wrong number, label or type.
        public static let invalid = Kind(rawValue: "invalid")
        /// No such name or object.
        public static let notFound = Kind(rawValue: "notFound")
        /// The caller does not hold the reference, or its right was revoked.
        public static let denied = Kind(rawValue: "denied")
        /// A queue, window or quota is full.
        public static let overloaded = Kind(rawValue: "overloaded")
        /// The deadline passed.
        public static let expired = Kind(rawValue: "expired")
        /// The caller or somebody up its chain gave up.
        public static let cancelled = Kind(rawValue: "cancelled")
        /// The object's node, or the bus, is gone.
        public static let disconnected = Kind(rawValue: "disconnected")
        /// The object has no such method, or the peer does not know the message.
        public static let unimplemented = Kind(rawValue: "unimplemented")
        /// Between nodes and broker only: the name has a new head, resolve it again (rules R16).
        package static let moved = Kind(rawValue: "moved")

        /// Between nodes and broker only: ask again, not all nodes are back after a restart.
        package static let recovering = Kind(rawValue: "recovering")

        /// The word on the wire.
        public var description: String { self.rawValue }
    }

    /// Whether the method ran.
    public enum Executed: String, Hashable, Sendable {
        /// It did not and will not.
        case no
        /// It did.
        case yes
        /// Its node ended, or it was cancelled while running: nobody knows.
        case maybe
    }

    /// Kind, message, and whether the call was executed.
    public var description: String {
        "\(self.kind): \(self.message) (executed: \(self.executed.rawValue))"
    }
}

extension BusError.Kind {
    /// One row of the error registry.
    public struct Entry: Sendable {
        /// The kind described.
        public let kind: BusError.Kind
        /// The exit code of the `objbus` command.
        public let exitCode: Int32
        /// What the caller should do.
        public let advice: String
    }

    /// The registry: what each kind means for the command's exit code and for the caller.
    public static let registry: [Entry] = [
        Entry(kind: .failed, exitCode: 1, advice: "handle it: the method ran and threw"),
        Entry(kind: .invalid, exitCode: 2, advice: "correct the arguments"),
        Entry(kind: .notFound, exitCode: 3, advice: "check the name; wait until it is published"),
        Entry(kind: .unimplemented, exitCode: 3, advice: "check the method's full name"),
        Entry(kind: .overloaded, exitCode: 4, advice: "call again later, or call less at once"),
        Entry(kind: .expired, exitCode: 4, advice: "allow more time, or find out what is slow"),
        Entry(kind: .cancelled, exitCode: 4, advice: "nothing: somebody wanted it so"),
        Entry(
            kind: .disconnected, exitCode: 4,
            advice: "call again if executed is no, or if twice does no harm"),
        Entry(kind: .denied, exitCode: 5, advice: "get the reference from somebody who holds it"),
        Entry(kind: .moved, exitCode: 4, advice: "resolve the name again"),
        Entry(kind: .recovering, exitCode: 4, advice: "ask again a little later"),
    ]

    /// The exit code of the `objbus` command for this kind; 1 for a kind that we don't know.
    public var exitCode: Int32 {
        Self.registry.first { $0.kind == self }?.exitCode ?? 1
    }
}
