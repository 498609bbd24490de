// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/names.md §7. Pure: no I/O, no clock, no randomness.

/// How callers choose one of the objects that are published as replicas of one name.
public enum ReplicaPolicy: String, Hashable, Sendable, CaseIterable {
    /// One after another.
    case roundRobin
    /// The one at which the caller has the fewest calls under way; of several such one after
    /// another.
    case leastOutstanding
}

extension ReplicaPolicy: Codable {
    /// A policy that this version does not know counts as `roundRobin`.
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        self = ReplicaPolicy(rawValue: text) ?? .roundRobin
    }

    /// Writes the policy's name.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.rawValue)
    }
}
