// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The house rules of docs/style.md, as far as a machine can see them.
@Suite struct TidyTests {
    private static let rules = Rule.textRules + Rule.codeRules

    @Test(arguments: rules) func `the project keeps the rule`(rule: Rule) {
        for finding in Project.files.flatMap(rule.check) { Issue.record("\(finding)") }
    }

    @Test(arguments: rules) func `the rule finds its planted sin, and no more`(rule: Rule) {
        #expect(!rule.check(rule.sin).isEmpty)
        #expect(rule.check(rule.virtue).isEmpty)
    }

    @Test func `the project was found`() {
        #expect(Project.files.count { $0.isSource } > 20)
        #expect(Project.files.contains { $0.path == "Package.swift" })
        #expect(Project.files.contains { $0.path == "scripts/test" })
    }

    @Test(arguments: Rule.unsafeFiles.keys.sorted())
    func `an exception from a rule is for a file that exists`(path: String) {
        #expect(Project.exists(path))
    }

    @Test func `every target has a layer, and every layer imports from below`() {
        for (name, layer) in Layer.all {
            for module in layer.modules {
                let level = Layer.all[module]?.level
                #expect(level != nil, "\(name) may import \(module), which is in no layer")
                #expect((level ?? 9) <= layer.level, "\(name) may import \(module), above it")
            }
        }
    }

    @Test func `comments and strings are blanked, interpolated code is not`() {
        let text = ##"""
            let a = "x // y" // z
            let b = "\(call("in", 1)) out" /* one /* two */ three */ + 1
            let c = #"no \(escape) "here" \#(code)"#
            """##
        let blanked = ##"""
            let a = "      "     
            let b = "\(call("  ", 1))    "                           + 1
            let c = #"                    \#(code)"#
            """##
        #expect(blankingComments(text) == blanked)
    }
}

/// What documents say about other files.
@Suite struct DocumentTests {
    /// A name in backquotes that has a space, or ends like a suite, is one of a test.
    @Test func `every test that reliability.md names exists`() throws {
        let document = try #require(Project.files.first { $0.path == "docs/reliability.md" })
        let named = document.text.split(separator: "`", omittingEmptySubsequences: false)
            .enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) }
            .filter { !$0.hasPrefix("objbus ") && !$0.hasPrefix("scripts/") }
            .filter { $0.contains(" ") || $0.hasSuffix("Tests") }
        let tests = Project.files.filter { $0.path.hasPrefix("Tests/") }
        #expect(named.count > 20)
        for name in named {
            let ways = ["func `\(name)`", "struct \(name) {"]
            #expect(tests.contains { test in ways.contains { test.text.contains($0) } }, "\(name)")
        }
    }

    @Test func `no relative link is dead`() {
        for file in Project.files where file.path.hasSuffix(".md") {
            for finding in deadLinks(in: file) { Issue.record("\(finding)") }
        }
    }

    @Test func `a dead link would be found`() {
        let text = "See [a](../Package.swift#x), [b](https://example.org), [c](#here), [d](no.md)."
        let findings = deadLinks(in: SourceFile(path: "docs/sin.md", text: text))
        #expect(findings.map(\.message) == ["dead link: no.md"])
    }

    @Test(.enabled(if: Project.exists("docs/protocol"), "no protocol documents yet"))
    func `every document that a source cites exists`() {
        for file in Project.files where file.isSwift {
            for path in citedDocuments(in: file) where !Project.exists(path) {
                Issue.record("\(file.path) cites \(path), which does not exist")
            }
        }
    }

    @Test func `a cited document would be found`() {
        let file = SourceFile(path: "a.swift", text: "// See docs/protocol/gone.md §3 and\n")
        #expect(citedDocuments(in: file) == ["docs/protocol/gone.md"])
    }

    @Test(.enabled(if: Project.exists("docs/protocol/errors.md"), "no error registry yet"))
    func `every kind of error is in the registry of the protocol`() throws {
        let registry = try #require(
            Project.files.first { $0.path == "docs/protocol/errors.md" }?.text)
        for kind in errorKinds() where !registry.contains("`\(kind)`") {
            Issue.record("docs/protocol/errors.md does not list `\(kind)`")
        }
    }

    @Test func `the kinds of error are found in the source`() {
        let kinds = errorKinds()
        #expect(kinds.contains("overloaded") && kinds.contains("notFound"))
    }

    private func deadLinks(in file: SourceFile) -> [Finding] {
        let folder = file.path.split(separator: "/").dropLast().joined(separator: "/")
        var isInBlock = false
        return file.lines.enumerated().flatMap { index, line -> [Finding] in
            if line.hasPrefix("```") { isInBlock.toggle() }
            guard !isInBlock else { return [] }
            return line.matches(of: /\]\(([^)\s]+)\)/).compactMap { match in
                let target = match.1.prefix { $0 != "#" }
                guard !target.isEmpty, !target.contains(":") else { return nil }
                let path = URL(filePath: "/\(folder)/\(target)").standardized.path
                guard !Project.exists(path) else { return nil }
                return Finding(path: file.path, line: index + 1, message: "dead link: \(target)")
            }
        }
    }

    private func citedDocuments(in file: SourceFile) -> [String] {
        guard file.target != "TidyTests" else { return [] }
        return file.text.matches(of: /docs\/[\w\/.-]+\.md/).map { String($0.output) }
    }

    private func errorKinds() -> [String] {
        let source = Project.files.first { $0.path == "Sources/BusWire/BusError.swift" }
        return (source?.text ?? "").matches(of: /Kind\(rawValue: "(\w+)"\)/).map { String($0.1) }
    }
}
