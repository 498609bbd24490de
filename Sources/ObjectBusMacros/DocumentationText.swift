// Part of objbus. SPDX-License-Identifier: Apache-2.0

import SwiftSyntax

/// The text of `///` and `/** */` comments, without their markers.
enum DocumentationText {
    /// The comment of `declaration`, which may also stand after its attributes or modifiers.
    ///
    /// - Parameters:
    ///   - keyword: The token (`func`, `actor`) where the part that can carry a comment ends.
    ///   - attribute: Looked at too, for a host that detaches the macro's attribute.
    /// - Returns: The comment's lines, joined by newlines; empty if there is none.
    static func read(
        before keyword: TokenSyntax, of declaration: Syntax, attribute: AttributeSyntax? = nil
    ) -> String {
        var comment = attribute.map { block(in: $0.leadingTrivia) } ?? ""
        for token in declaration.tokens(viewMode: .sourceAccurate) {
            let found = block(in: token.leadingTrivia)
            if !found.isEmpty { comment = found }
            if token.position >= keyword.position { break }
        }
        return comment
    }

    /// The last run of documentation comments: an empty line or another comment begins a new run.
    private static func block(in trivia: Trivia) -> String {
        var lines: [Substring] = []
        var isOver = false
        func begin() {
            if isOver { lines = [] }
            isOver = false
        }
        for piece in trivia {
            switch piece {
            case .docLineComment(let text):
                begin()
                let line = text.dropFirst(3)
                lines.append(line.hasPrefix(" ") ? line.dropFirst() : line)
            case .docBlockComment(let text):
                begin()
                lines += blockLines(text)
            case .newlines(let count), .carriageReturnLineFeeds(let count):
                if count > 1 { isOver = true }
            case .lineComment, .blockComment:
                isOver = true
            default:
                break
            }
        }
        return lines.map { $0.trimmedEnd }.joined(separator: "\n")
    }

    private static func blockLines(_ comment: String) -> [Substring] {
        let inner = comment.dropFirst(3).dropLast(comment.hasSuffix("*/") ? 2 : 0)
        var lines = inner.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            .map { line -> Substring in
                let text = line.drop { $0 == " " || $0 == "\t" }
                if text.hasPrefix("* ") { return text.dropFirst(2) }
                return text == "*" ? "" : text
            }
        while let first = lines.first, first.trimmedEnd.isEmpty { lines.removeFirst() }
        while let last = lines.last, last.trimmedEnd.isEmpty { lines.removeLast() }
        return lines
    }
}

extension Substring {
    fileprivate var trimmedEnd: Substring {
        var text = self
        while text.last?.isWhitespace == true { text = text.dropLast() }
        return text
    }
}
