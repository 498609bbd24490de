// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/errors.md §3. Pure: no I/O, no clock, no randomness.

package import BusValue

/// One step of the way that a call took: where, which object, which method.
public struct Hop: Hashable, Sendable, CustomStringConvertible {
    /// The node's name.
    public let node: String
    /// The object, by reference.
    public let object: String
    /// The method's full name.
    public let method: String

    /// Makes a hop.
    public init(node: String, object: String, method: String) {
        self.node = node
        self.object = object
        self.method = method
    }

    /// `method of object at node`.
    public var description: String { "\(self.method) of \(self.object) at \(self.node)" }
}

/// The payload of FAILURE and REFUSED.
package struct FailureBody: Hashable, Sendable {
    package var error: BusError
    /// The name of the error type that the object threw.
    package var typeName: String?
    /// The error itself, where its type is `Codable`.
    package var value: Value?
    /// Innermost first.
    package var hops: [Hop] = []

    package init(
        _ error: BusError, typeName: String? = nil, value: Value? = nil, hops: [Hop] = []
    ) {
        self.error = error
        self.typeName = typeName
        self.value = value
        self.hops = hops
    }

    package func encoded() -> [UInt8] {
        var map = ValueMap()
        map[.string("kind")] = .string(self.error.kind.rawValue)
        map[.string("executed")] = .string(self.error.executed.rawValue)
        map[.string("message")] = .string(self.error.message)
        if let typeName { map[.string("type")] = .string(typeName) }
        if let value { map[.string("error")] = value }
        if !self.hops.isEmpty {
            map[.string("hops")] = .array(
                self.hops.map {
                    .array([.string($0.node), .string($0.object), .string($0.method)])
                })
        }
        return encodedBody(map)
    }

    /// Reads the payload of `message`; what can't be read becomes an error that says so.
    package init(payloadOf message: Message) {
        do {
            self.init(try decodedBody(message.frame.span.bytes, message.header))
        } catch {
            self.init(
                BusError(.failed, executed: .maybe, "an unreadable FAILURE: \(error.message)"))
        }
    }

    /// The map that `encoded` writes.
    package init(_ map: ValueMap) {
        let executed = map[.string("executed")]?.stringValue.flatMap(
            BusError.Executed.init(rawValue:))
        self.init(
            BusError(
                BusError.Kind(rawValue: map[.string("kind")]?.stringValue ?? "failed"),
                executed: executed ?? .maybe,
                map[.string("message")]?.stringValue ?? "no message"),
            typeName: map[.string("type")]?.stringValue, value: map[.string("error")])
        for row in map[.string("hops")]?.arrayValue ?? [] {
            guard let node = row[0]?.stringValue, let object = row[1]?.stringValue,
                let method = row[2]?.stringValue
            else { continue }
            self.hops.append(Hop(node: node, object: object, method: method))
        }
    }
}
