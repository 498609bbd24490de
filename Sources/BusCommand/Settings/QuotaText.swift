// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore

/// A quota as it is written: a pattern of names, and bounds, `batch-* callsPerNode=100`.
struct QuotaWords {
    let pattern: String
    private(set) var bounds: [(name: String, number: Int)] = []

    /// - Parameters:
    ///   - whose: what the pattern is of, in words.
    ///   - known: the names of bounds that there are.
    /// - Throws: `CommandFailure` that says what is wrong with it.
    init(_ text: String, of whose: String, _ known: [String]) throws {
        var words = text.split(separator: " ").map(String.init)[...]
        guard let pattern = words.popFirst(), !words.isEmpty else {
            throw Self.failure(text, "expected the pattern of \(whose), and what it may have")
        }
        self.pattern = pattern
        for word in words {
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, known.contains(parts[0]) else {
                let list = known.map { "\($0)=N" }.joined(separator: ", ")
                throw Self.failure(text, "'\(word)' is no bound; known are \(list)")
            }
            guard let number = Int(parts[1]), (1...1_000_000_000).contains(number) else {
                throw Self.failure(
                    text, "\(parts[0]): expected a whole number from 1 to 1000000000")
            }
            self.bounds.append((parts[0], number))
        }
    }

    private static func failure(_ text: String, _ problem: String) -> CommandFailure {
        .usage("the quota '\(text)': \(problem)")
    }
}

/// The quota of nodes of certain names: `batch-* callsPerNode=100 referencesPerNode=1000`.
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
        let words = try QuotaWords(text, of: "a node's name", Self.keys.map(\.name))
        var rule = QuotaRule(pattern: words.pattern)
        for (name, number) in words.bounds {
            for key in Self.keys where key.name == name { rule[keyPath: key.path] = number }
        }
        self.rule = rule
    }

    /// As it is written.
    var text: String {
        let bounds = Self.keys.compactMap { key in
            self.rule[keyPath: key.path].map { " \(key.name)=\($0)" }
        }
        return self.rule.pattern + bounds.joined()
    }
}

/// The quota of objects of certain published names: `resizer* callsUnderWay=200`.
struct ObjectQuotaText {
    let rule: ObjectQuotaRule

    private static let key = "callsUnderWay"

    init(_ rule: ObjectQuotaRule) {
        self.rule = rule
    }

    /// - Throws: `CommandFailure` that says what is wrong with it.
    init(_ text: String) throws {
        let words = try QuotaWords(text, of: "an object's published name", [Self.key])
        self.rule = ObjectQuotaRule(
            pattern: words.pattern, calls: words.bounds.last?.number ?? .max)
    }

    /// As it is written.
    var text: String { "\(self.rule.pattern) \(Self.key)=\(self.rule.calls)" }
}
