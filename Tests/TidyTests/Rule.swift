// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Testing

/// Where a rule was broken, and what to do instead.
struct Finding: Hashable, CustomStringConvertible {
    let path: String
    /// Counted from one.
    let line: Int
    let message: String

    var description: String { "\(self.path):\(self.line): \(self.message)" }
}

/// A house rule, and a sin that it must find.
struct Rule: Sendable, CustomTestStringConvertible {
    let name: String
    /// A file that breaks the rule.
    let sin: SourceFile
    /// A file that looks as if it did.
    let virtue: SourceFile
    let check: @Sendable (SourceFile) -> [Finding]

    var testDescription: String { self.name }

    /// A rule about the whole file.
    init(
        _ name: String, sin: SourceFile, virtue: SourceFile,
        check: @escaping @Sendable (SourceFile) -> [Finding]
    ) {
        (self.name, self.sin, self.virtue, self.check) = (name, sin, virtue, check)
    }

    /// A rule about single lines, without comments and strings if not said otherwise: `broken`
    /// says what is wrong with one.
    init(
        _ name: String, in isChecked: @escaping @Sendable (SourceFile) -> Bool, sin: SourceFile,
        virtue: SourceFile, withComments: Bool = false,
        broken: @escaping @Sendable (Substring) -> String?
    ) {
        self.init(name, sin: sin, virtue: virtue) { file in
            guard isChecked(file) else { return [] }
            return (withComments ? file.lines : file.code).enumerated().compactMap { index, line in
                broken(line).map { Finding(path: file.path, line: index + 1, message: $0) }
            }
        }
    }
}

extension Substring {
    /// Whether the line has `word`, not as a part of a longer identifier.
    func hasWord(_ word: String) -> Bool {
        var rest = self[...]
        while let range = rest.firstRange(of: word) {
            let before =
                range.lowerBound > self.startIndex
                ? self[self.index(before: range.lowerBound)] : " "
            let after = range.upperBound < self.endIndex ? self[range.upperBound] : " "
            let isWhole =
                !(before.isIdentifier && (word.first?.isIdentifier ?? false))
                && !(after.isIdentifier && (word.last?.isIdentifier ?? false))
            if isWhole { return true }
            rest = self[range.upperBound...]
        }
        return false
    }
}

extension Character {
    var isIdentifier: Bool { self.isLetter || self.isNumber || self == "_" }
}
