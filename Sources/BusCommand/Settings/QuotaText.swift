// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore

/// A quota that can be written: a pattern of names, and bounds, `batch-* callsPerNode=100`.
protocol WrittenQuota: SendableMetatype {
    typealias Bound = any WritableKeyPath<Self, Int?> & Sendable

    /// What the pattern is of, in words.
    static var whose: String { get }
    /// The bounds that there are.
    static var bounds: [(name: String, path: Bound)] { get }

    var pattern: String { get }

    /// Without a bound.
    init(pattern: String)
}

/// Of nodes of certain names: `batch-* callsPerNode=100 referencesPerNode=1000`.
extension QuotaRule: WrittenQuota {
    static let whose = "a node's name"
    static let bounds: [(name: String, path: Bound)] = [
        ("referencesPerNode", \.references), ("namesPerNode", \.names), ("callsPerNode", \.calls),
        ("waitingBytesPerNode", \.waitingBytes),
    ]
}

/// Of objects of certain published names: `resizer* callsUnderWay=200 bytesUnderWay=1048576`.
extension ObjectQuotaRule: WrittenQuota {
    static let whose = "an object's published name"
    static let bounds: [(name: String, path: Bound)] = [
        ("callsUnderWay", \.calls), ("bytesUnderWay", \.bytes),
    ]
}

extension WrittenQuota {
    /// - Throws: `CommandFailure` that says what is wrong with `text`.
    init(written text: String) throws {
        var words = text.split(separator: " ").map(String.init)[...]
        guard let pattern = words.popFirst(), !words.isEmpty else {
            throw Self.failure(text, "expected the pattern of \(Self.whose), and what it may have")
        }
        self.init(pattern: pattern)
        for word in words {
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, let bound = Self.bounds.first(where: { $0.name == parts[0] })
            else {
                let list = Self.bounds.map { "\($0.name)=N" }.joined(separator: ", ")
                throw Self.failure(text, "'\(word)' is no bound; known are \(list)")
            }
            guard let number = Int(parts[1]), (1...1_000_000_000).contains(number) else {
                throw Self.failure(
                    text, "\(parts[0]): expected a whole number from 1 to 1000000000")
            }
            self[keyPath: bound.path] = number
        }
    }

    /// As it is written.
    var written: String {
        let bounds = Self.bounds.compactMap { bound in
            self[keyPath: bound.path].map { " \(bound.name)=\($0)" }
        }
        return self.pattern + bounds.joined()
    }

    private static func failure(_ text: String, _ problem: String) -> CommandFailure {
        .usage("the quota '\(text)': \(problem)")
    }
}
