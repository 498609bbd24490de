// Part of objbus. SPDX-License-Identifier: Apache-2.0

public import BusValue
public import BusWire

/// An error that a remote object threw, of a type that the caller does not know.
///
/// Errors of known types arrive as themselves: those of `throws(E)` methods of `@BusObject` actors,
/// and those told to `Bus.register(error:)`.
public struct RemoteError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The name of the error's type, as its own process knows it.
    public let typeName: String
    /// What the error said of itself.
    public let message: String
    /// The error's content, where its type is `Codable`.
    public let value: Value?
    /// Where it came from: innermost call first.
    public let hops: [Hop]

    /// Makes an error.
    public init(typeName: String, message: String, value: Value? = nil, hops: [Hop] = []) {
        self.typeName = typeName
        self.message = message
        self.value = value
        self.hops = hops
    }

    /// The type, the message, and the way that the error took.
    public var description: String {
        (["\(self.typeName): \(self.message)"] + self.hops.map { "  in \($0)" })
            .joined(separator: "\n")
    }
}
