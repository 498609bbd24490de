// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore

/// A quota rule as it is written: `batch-* callsPerNode=100 referencesPerNode=1000`.
struct QuotaText {
    let rule: QuotaRule

    private typealias Bound = any WritableKeyPath<QuotaRule, Int?> & Sendable
    private static let keys: [(name: String, path: Bound)] = [
        ("referencesPerNode", \.references), ("namesPerNode", \.names), ("callsPerNode", \.calls),
        ("waitingBytesPerNode", \.waitingBytes),
    ]

    init(_ rule: QuotaRule) {
        self.rule = rule
    }

    /// - Throws: `CommandFailure` that says what is wrong with it.
    init(_ text: String) throws {
        var words = text.split(separator: " ").map(String.init)[...]
        guard let pattern = words.popFirst(), !words.isEmpty else {
            throw Self.failure(text, "expected the pattern of a node's name, and what it may have")
        }
        var rule = QuotaRule(pattern: pattern)
        for word in words {
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, let key = Self.keys.first(where: { $0.name == parts[0] }) else {
                throw Self.failure(
                    text,
                    "'\(word)' is no bound; known are "
                        + Self.keys.map { "\($0.name)=N" }.joined(separator: ", "))
            }
            guard let number = Int(parts[1]), (1...1_000_000_000).contains(number) else {
                throw Self.failure(
                    text, "\(key.name): expected a whole number from 1 to 1000000000")
            }
            rule[keyPath: key.path] = number
        }
        self.rule = rule
    }

    private static func failure(_ text: String, _ problem: String) -> CommandFailure {
        .usage("the quota '\(text)': \(problem)")
    }

    /// As it is written.
    var text: String {
        let bounds = Self.keys.compactMap { key in
            self.rule[keyPath: key.path].map { " \(key.name)=\($0)" }
        }
        return self.rule.pattern + bounds.joined()
    }
}
