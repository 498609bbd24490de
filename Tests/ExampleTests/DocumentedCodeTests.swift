// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// That the Swift in README and guides is code that the tests compile.
@Suite struct DocumentedCodeTests {
    private static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static let documents = ["README.md"] + files(below: "docs/guides", endingWith: ".md")

    /// Files whose code is compiled, as lines without their margin.
    private static let compiled: [[String]] =
        (files(below: "Examples/Sources", endingWith: ".swift")
        + files(below: "Examples/Tests", endingWith: ".swift")
        + files(below: "Tests/ExampleTests", endingWith: ".swift")).map(lines)

    @Test(arguments: documents)
    func `every block of Swift occurs in code that is compiled`(document: String) {
        for block in Self.swiftBlocks(Self.lines(of: document))
        where !Self.isManifest(block) && !Self.occurs(block, in: Self.compiled) {
            Issue.record("\(document): compiled nowhere:\n\(block.joined(separator: "\n"))")
        }
    }

    @Test func `the README shows an object and its callers`() {
        let blocks = Self.swiftBlocks(Self.lines(of: "README.md"))
        #expect(blocks.count { !Self.isManifest($0) } >= 4)
        #expect(blocks.joined().contains("@BusObject"))
        #expect(Self.lines(of: "README.md").count <= 150)
    }

    @Test func `changed code would be found`() {
        let sources = [["struct A {", "    let b = 1", "}"]]
        #expect(Self.occurs(["let b = 1"], in: sources))
        #expect(Self.occurs(["    let b = 1", "", "}"], in: [["let b = 1", "", "}"]]) == false)
        #expect(!Self.occurs(["let b = 2"], in: sources))
        #expect(!Self.occurs(["struct A {", "}"], in: sources))
        let text = ["a", "  ```swift", "  let b = 1", "  ```", "```sh", "ls", "```"]
        #expect(Self.swiftBlocks(text) == [["let b = 1"]])
    }

    @Test func `the manifest shown names what the example's has`() {
        let manifest = Self.lines(of: "Examples/Package.swift").joined(separator: "\n")
        let guide = Self.swiftBlocks(Self.lines(of: "docs/guides/adding-objbus.md")).joined()
        for line in guide where line.contains("product(") || line.contains("name: \"Counter") {
            for word in line.matches(of: /"[^"]+"/) { #expect(manifest.contains(word.output)) }
        }
        #expect(guide.contains { $0.contains("https://") })
    }

    /// Lines for a `Package.swift`, which no target compiles.
    private static func isManifest(_ block: [String]) -> Bool {
        block.first?.hasPrefix("// swift-tools-version") == true
            || block.allSatisfy { $0.hasPrefix(".package(") }
    }

    /// Whether the block stands in one of the files, line after line, at whatever margin.
    private static func occurs(_ block: [String], in files: [[String]]) -> Bool {
        files.contains { file in
            file.indices.contains { start in
                start + block.count <= file.count
                    && withoutMargin(Array(file[start..<(start + block.count)])) == block
            }
        }
    }

    /// The blocks fenced as Swift, without their margins.
    private static func swiftBlocks(_ lines: [String]) -> [[String]] {
        var blocks: [[String]] = []
        var block: [String]?
        for line in lines {
            let text = line.trimmingCharacters(in: .whitespaces)
            if text == "```swift" {
                block = []
            } else if text == "```" {
                if let block { blocks.append(self.withoutMargin(block)) }
                block = nil
            } else {
                block?.append(line)
            }
        }
        return blocks
    }

    private static func withoutMargin(_ lines: [String]) -> [String] {
        let margins = lines.filter { !$0.isEmpty }.map { $0.prefix { $0 == " " }.count }
        return lines.map { String($0.dropFirst(margins.min() ?? 0)) }
    }

    private static func lines(of path: String) -> [String] {
        let text = try? String(contentsOf: self.root.appending(path: path), encoding: .utf8)
        return (text ?? "").split(separator: "\n", omittingEmptySubsequences: false)
            .map(String.init)
    }

    private static func files(below folder: String, endingWith suffix: String) -> [String] {
        let all = FileManager.default.enumerator(atPath: self.root.appending(path: folder).path)
        let names = (all?.allObjects as? [String]) ?? []
        return names.filter { $0.hasSuffix(suffix) }.sorted().map { "\(folder)/\($0)" }
    }
}
