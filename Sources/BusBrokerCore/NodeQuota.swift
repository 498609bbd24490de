// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/operating/configuration.md, quotas. Pure: no I/O, no clock, no randomness.

/// What one node may take up at the broker, and what may wait for it.
package struct NodeQuota: Hashable, Sendable {
    /// References held.
    package var references: Int
    /// Names published.
    package var names: Int
    /// Two-way calls under way.
    package var calls: Int
    /// Bytes of calls to the node that it has not taken in, and of answers alike.
    package var waitingBytes: Int

    /// What nodes have for which no rule says otherwise.
    package init(_ limits: BrokerLimits) {
        self.references = limits.referencesPerNode
        self.names = limits.namesPerNode
        self.calls = limits.callsPerNode
        self.waitingBytes = limits.waitingBytesPerNode
    }
}

/// Other bounds for the nodes whose names fit a pattern.
package struct QuotaRule: Hashable, Sendable {
    /// A name in which `*` stands for any characters.
    package let pattern: String
    /// Nil where the bounds of all nodes hold.
    package var references: Int?
    package var names: Int?
    package var calls: Int?
    package var waitingBytes: Int?

    package init(pattern: String) {
        self.pattern = pattern
    }

    /// Whether the rule is for a node of this name.
    package func fits(_ name: String) -> Bool {
        NamePattern(self.pattern).fits(name)
    }

    func applied(to quota: NodeQuota) -> NodeQuota {
        var quota = quota
        quota.references = self.references ?? quota.references
        quota.names = self.names ?? quota.names
        quota.calls = self.calls ?? quota.calls
        quota.waitingBytes = self.waitingBytes ?? quota.waitingBytes
        return quota
    }
}

extension [QuotaRule] {
    /// What a node of this name has: by the first rule that fits.
    func quota(of name: String, _ limits: BrokerLimits) -> NodeQuota {
        let standard = NodeQuota(limits)
        return self.first { $0.fits(name) }?.applied(to: standard) ?? standard
    }
}
