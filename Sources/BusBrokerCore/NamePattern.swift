// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/operating/configuration.md, quotas. Pure: no I/O, no clock, no randomness.

/// A name in which `*` stands for any characters.
package struct NamePattern: Hashable, Sendable {
    package let text: String

    package init(_ text: String) {
        self.text = text
    }

    package func fits(_ name: String) -> Bool {
        var parts = self.text[...].utf8.split(
            separator: UInt8(ascii: "*"), omittingEmptySubsequences: false)[...]
        var rest = name[...].utf8
        guard let first = parts.popFirst(), rest.starts(with: first) else { return false }
        rest = rest.dropFirst(first.count)
        guard let last = parts.popLast() else { return rest.isEmpty }
        for part in parts {
            guard let end = place(behind: part, in: rest) else { return false }
            rest = rest[end...]
        }
        return rest.count >= last.count && rest.suffix(last.count).elementsEqual(last)
    }
}

/// Where the first occurrence of `part` ends; nil if there is none.
private func place(
    behind part: Substring.UTF8View, in text: Substring.UTF8View
) -> Substring.UTF8View.Index? {
    var start = text.startIndex
    while true {
        if text[start...].starts(with: part) {
            return text.index(start, offsetBy: part.count)
        }
        guard start < text.endIndex else { return nil }
        start = text.index(after: start)
    }
}
