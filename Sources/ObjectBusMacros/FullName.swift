// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// How methods are named on the wire (rules.md R27, R28): `transfer(_:to:)`.
///
/// Spelled exactly as Swift describes a distributed target, which is what typed callers send.
enum FullName {
    /// Combinations double with each defaulted parameter, and each is a case of the dispatch.
    static let defaultsMax = 5

    static func of(base: String, labels: [String]) -> String {
        base.withoutPlainBackticks + "("
            + labels.map { $0.withoutPlainBackticks + ":" }.joined() + ")"
    }

    /// Every way to leave out defaulted parameters, as the indexes of those that stay.
    ///
    /// The full form comes first, and later parameters are left out before earlier ones, so that
    /// among forms of one name the first is the one that Swift's own calls would mean.
    static func forms(hasDefault: [Bool]) -> [[Int]] {
        let optional = hasDefault.indices.filter { hasDefault[$0] }
        return (0..<(1 << optional.count)).map { leftOut in
            let gone = optional.enumerated().filter { rank, _ in
                leftOut & (1 << (optional.count - 1 - rank)) != 0
            }
            return hasDefault.indices.filter { index in !gone.contains { $0.element == index } }
        }
    }
}

extension String {
    /// Without backticks where Swift's descriptions have none: `` `repeat` `` is `repeat`, but a
    /// raw identifier such as `` `say it loud` `` keeps them.
    var withoutPlainBackticks: String {
        guard count > 2, hasPrefix("`"), hasSuffix("`") else { return self }
        let inner = dropFirst().dropLast()
        let isPlain = inner.unicodeScalars.allSatisfy { scalar in
            !scalar.isASCII || scalar == "_" || scalar.properties.isAlphabetic
                || scalar.properties.numericType == .decimal
        }
        let startsWithDigit = inner.unicodeScalars.first?.properties.numericType == .decimal
        return isPlain && !startsWithDigit ? String(inner) : self
    }

    /// `total` gives `setTotal`.
    var setterName: String { "set" + prefix(1).uppercased() + dropFirst() }
}
