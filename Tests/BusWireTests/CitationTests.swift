// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What the sources and the documents cite exists.
@Suite struct CitationTests {
    @Test func `every section of the protocol that is cited exists`() throws {
        var checked = 0
        for (file, text) in try self.citingFiles() {
            for (document, number) in citations(in: text, isInside: file.hasPrefix(folder)) {
                // Documents of the value layer keep their own tests.
                guard let headings = try self.headings(of: document) else { continue }
                checked += 1
                #expect(headings.contains(number), "\(file) cites \(document) §\(number)")
            }
        }
        #expect(checked > 40)
    }

    @Test func `citations are found, ranges and lists too`() {
        let text =
            "See docs/protocol/calls.md §3-§4, docs/protocol/values.md §2, §5 (x).\nlimits.md §1"
        let outside = citations(in: text, isInside: false).map { "\($0.document) \($0.number)" }
        #expect(outside == ["calls.md 3", "calls.md 4", "values.md 2", "values.md 5"])
        let inside = citations(in: "a (limits.md §1) §7", isInside: true)
        #expect(inside.map { "\($0.document) \($0.number)" } == ["limits.md 1"])
    }

    @Test func `sections are numbered without gaps`() throws {
        for document in try Project.names(in: folder) where document.hasSuffix(".md") {
            let numbers = try self.headings(of: document) ?? []
            #expect(numbers == Array(1..<(numbers.count + 1)), "\(document)")
        }
    }

    private func headings(of document: String) throws -> [Int]? {
        guard let text = try? Project.text("\(folder)/\(document)") else { return nil }
        return text.matches(of: #/(?m)^## (\d+)\. /#).compactMap { Int($0.1) }
    }

    private func citingFiles() throws -> [(String, String)] {
        let files = try FileManager.default.subpathsOfDirectory(atPath: Project.root.path)
        return try files.filter {
            ($0.hasPrefix("Sources/") && $0.hasSuffix(".swift"))
                || ($0.hasPrefix(folder) && $0.hasSuffix(".md"))
        }.sorted().map { ($0, try Project.text($0)) }
    }
}

private let folder = "docs/protocol"

/// Documents with sections, each number once. Inside the protocol's folder the path is left out.
private func citations(
    in text: String, isInside: Bool
) -> [(document: String, number: Int)] {
    let pattern =
        isInside
        ? /(\w+\.md) (§\d+(?:(?:-|, )§\d+)*)/ : /docs\/protocol\/(\w+\.md) (§\d+(?:(?:-|, )§\d+)*)/
    return text.matches(of: pattern).flatMap { match in
        match.2.matches(of: /\d+/).compactMap { number in
            Int(number.0).map { (String(match.1), $0) }
        }
    }
}

/// The text of the first section whose heading, of whatever level, begins with `heading`.
func section(_ heading: String, of document: String) throws -> String {
    let lines = try Project.text("\(folder)/\(document)").split(
        separator: "\n", omittingEmptySubsequences: false)
    let start = try #require(
        lines.firstIndex { $0.hasPrefix("#") && $0.drop { "# ".contains($0) }.hasPrefix(heading) },
        "no section \(heading) in \(document)")
    let end = lines[(start + 1)...].firstIndex { $0.hasPrefix("#") } ?? lines.endIndex
    return lines[start..<end].joined(separator: "\n")
}

/// The cells of the first table of a section, without its head.
func rows(of document: String, under heading: String) throws -> [[String]] {
    let lines = try section(heading, of: document).split(
        separator: "\n", omittingEmptySubsequences: false)
    let table = lines.drop { !$0.hasPrefix("|") }.prefix { $0.hasPrefix("|") }
    return table.dropFirst(2).map { line in
        line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast().map {
            $0.trimmingCharacters(in: .whitespaces)
        }
    }
}
