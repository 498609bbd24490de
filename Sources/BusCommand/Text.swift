// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// Pure functions on text for terminals.
enum Text {
    /// The text on one line: white space is single, and control characters, which could give a
    /// terminal orders, are replaced.
    static func line(_ text: String) -> String {
        let words = text.split { $0.isWhitespace }.joined(separator: " ")
        return self.harmless(words)
    }

    /// The text with control characters replaced, but for line ends and tabs.
    static func harmless(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: \.isControl) else { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { result.append(scalar.isControl ? "\u{FFFD}" : scalar) }
        return String(result)
    }

    /// The text so that a terminal shows it bold.
    static func strong(_ text: String) -> String { "\u{1B}[1m\(text)\u{1B}[0m" }

    /// The text so that a terminal shows it bold and red.
    static func alarming(_ text: String) -> String { "\u{1B}[1;31m\(text)\u{1B}[0m" }

    /// The text broken at spaces into lines of at most `width` characters; longer words stay whole.
    ///
    /// - Parameters:
    ///   - first: What the first line starts with.
    ///   - rest: What the others start with.
    static func wrapped(
        _ text: String, width: Int = 80, first: String = "", rest: String = ""
    ) -> [String] {
        var lines: [String] = []
        var line = first
        var isEmpty = true
        for word in text.split(whereSeparator: \.isWhitespace) {
            if !isEmpty, line.count + 1 + word.count > width {
                lines.append(line)
                line = rest
                isEmpty = true
            }
            line += isEmpty ? String(word) : " \(word)"
            isEmpty = false
        }
        return lines + (isEmpty ? [] : [line])
    }

    /// Rows in columns that are as wide as their widest cell, two spaces apart.
    static func table(_ rows: [[String]]) -> [String] {
        let cells = rows.map { $0.map { self.line($0) } }
        let columns = cells.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            cells.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return cells.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                line += cell
                guard column + 1 < row.count else { continue }
                line += String(repeating: " ", count: widths[column] - cell.count + 2)
            }
            // Where the last cells are empty.
            while line.last == " " { line.removeLast() }
            return line
        }
    }

    /// Nanoseconds in a unit that suits them, such as `210 us`.
    static func duration(nanoseconds: Int64) -> String {
        switch nanoseconds {
        case ..<10_000: "\(nanoseconds) ns"
        case ..<10_000_000: "\(nanoseconds / 1_000) us"
        case ..<10_000_000_000: "\(nanoseconds / 1_000_000) ms"
        default: "\(nanoseconds / 1_000_000_000) s"
        }
    }
}

extension Unicode.Scalar {
    fileprivate var isControl: Bool {
        self.properties.generalCategory == .control && self != "\n" && self != "\t"
    }
}
