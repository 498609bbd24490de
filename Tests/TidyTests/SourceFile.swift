// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation

/// A text file of the project.
struct SourceFile: Sendable {
    /// From the project's root, as in `Sources/BusWire/Message.swift`.
    let path: String
    let text: String
    /// The lines of `text`.
    let lines: [Substring]
    /// For Swift: the lines again, with comments and the text of strings blanked out.
    let code: [Substring]

    init(path: String, text: String) {
        self.path = path
        self.text = text
        self.lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        self.code =
            path.hasSuffix(".swift")
            ? blankingComments(text).split(separator: "\n", omittingEmptySubsequences: false)
            : self.lines
    }

    /// The folder below `Sources` or `Tests`, which is the target's name; empty elsewhere.
    var target: String {
        let parts = self.path.split(separator: "/")
        return parts.count > 2 && ["Sources", "Tests"].contains(parts[0]) ? String(parts[1]) : ""
    }

    var isSource: Bool { self.path.hasPrefix("Sources/") && self.isSwift }
    var isTest: Bool { self.path.hasPrefix("Tests/") && self.isSwift }
    var isSwift: Bool { self.path.hasSuffix(".swift") }
}

/// The project's files, in a fixed order.
enum Project {
    /// The folder with `Package.swift`.
    static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Every text file that is ours: no build products, nothing downloaded.
    static let files: [SourceFile] = {
        let folders = [
            "Sources", "Tests", "Examples", "Fuzz", "docs", "scripts", "deploy", ".ci",
        ]
        let single = ["Package.swift", "README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
        return (folders.flatMap(paths(below:)) + single).compactMap { path in
            guard
                let text = try? String(contentsOf: Self.root.appending(path: path), encoding: .utf8)
            else { return nil }
            return SourceFile(path: path, text: text)
        }
    }()

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: Self.root.appending(path: path).path)
    }

    private static func paths(below folder: String) -> [String] {
        let all = FileManager.default.enumerator(atPath: Self.root.appending(path: folder).path)
        let names = (all?.allObjects as? [String]) ?? []
        return names.filter { !$0.split(separator: "/").contains { $0.hasPrefix(".") } }
            .map { "\(folder)/\($0)" }.sorted()
    }
}

/// Blanks what the compiler does not run. Code within `\(…)` stays.
func blankingComments(_ text: String) -> String {
    var blanker = Blanker(Array(text.utf8))
    blanker.code(untilParenthesis: false)
    return String(decoding: blanker.output, as: UTF8.self)
}

private struct Blanker {
    private let input: [UInt8]
    private var position = 0
    var output: [UInt8] = []

    init(_ input: [UInt8]) {
        self.input = input
        self.output.reserveCapacity(input.count)
    }

    /// Copies code up to the end, or up to the parenthesis that closes an interpolation.
    mutating func code(untilParenthesis: Bool) {
        var depth = 0
        while self.position < self.input.count {
            if self.sees("//") {
                while self.position < self.input.count, !self.sees("\n") { self.blank(1) }
            } else if self.sees("/*") {
                self.blockComment()
            } else if let hashes = self.hashesBeforeQuote() {
                self.string(hashes: hashes)
            } else {
                if self.sees("(") { depth += 1 }
                if self.sees(")") { depth -= 1 }
                if depth < 0 && untilParenthesis { return }
                self.copy(1)
            }
        }
    }

    private mutating func blockComment() {
        var depth = 0
        repeat {
            if self.sees("/*") {
                depth += 1
                self.blank(2)
            } else if self.sees("*/") {
                depth -= 1
                self.blank(2)
            } else {
                self.blank(1)
            }
        } while depth > 0 && self.position < self.input.count
    }

    private mutating func string(hashes: Int) {
        self.copy(hashes)
        let quote = self.sees("\"\"\"") ? "\"\"\"" : "\""
        let marks = String(repeating: "#", count: hashes)
        self.copy(quote.utf8.count)
        while self.position < self.input.count, !self.sees(quote + marks) {
            if self.sees("\\" + marks + "(") {
                self.copy(2 + hashes)
                self.code(untilParenthesis: true)
                self.copy(1)
            } else if self.sees("\\" + marks) {
                self.blank(2 + hashes)
            } else if self.sees("\n"), quote == "\"" {
                return
            } else {
                self.blank(1)
            }
        }
        self.copy(quote.utf8.count + hashes)
    }

    private func hashesBeforeQuote() -> Int? {
        var end = self.position
        while end < self.input.count, self.input[end] == UInt8(ascii: "#") { end += 1 }
        guard end < self.input.count, self.input[end] == UInt8(ascii: "\"") else { return nil }
        return end - self.position
    }

    private func sees(_ text: String) -> Bool {
        self.input[self.position...].starts(with: text.utf8)
    }

    private mutating func copy(_ count: Int) {
        let end = min(self.position + count, self.input.count)
        self.output += self.input[self.position..<end]
        self.position = end
    }

    /// Line ends stay, so that line numbers do.
    private mutating func blank(_ count: Int) {
        let end = min(self.position + count, self.input.count)
        self.output += self.input[self.position..<end].map { $0 == 10 ? 10 : 32 }
        self.position = end
    }
}
