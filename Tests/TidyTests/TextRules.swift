// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// Rules about how files look.
extension Rule {
    static let textRules: [Rule] = [
        .header, .fileLength, .lineLength, .functionLength, .openEnds, .machinePaths, .scriptHead,
    ]

    static let header = Rule(
        "every Swift file starts with the licence line",
        sin: SourceFile(path: "Sources/BusWire/Sin.swift", text: "import BusValue\n"),
        virtue: SourceFile(path: "Sources/BusWire/Virtue.swift", text: "\(licence)\n")
    ) { file in
        guard file.isSwift else { return [] }
        let first = file.path.hasSuffix("Package.swift") ? 1 : 0
        guard file.lines.count > first, file.lines[first] == licence else {
            return [Finding(path: file.path, line: first + 1, message: "write: \(licence)")]
        }
        return []
    }

    static let fileLength = Rule(
        "no Swift file has over 500 lines",
        sin: SourceFile(
            path: "Sources/BusWire/Sin.swift",
            text: String(repeating: "let one = 1\n", count: 501)),
        virtue: SourceFile(
            path: "Sources/BusWire/Virtue.swift",
            text: String(repeating: "let one = 1\n", count: 500))
    ) { file in
        let count = file.text.hasSuffix("\n") ? file.lines.count - 1 : file.lines.count
        guard file.isSwift, count > 500 else { return [] }
        return [Finding(path: file.path, line: 501, message: "\(count) lines: move a type out")]
    }

    static let lineLength = Rule(
        "no line of Swift has over 100 characters", in: \.isSwift,
        sin: SourceFile(
            path: "Sources/BusWire/Sin.swift", text: "// \(String(repeating: "x", count: 98))\n"),
        virtue: SourceFile(
            path: "Sources/BusWire/Virtue.swift",
            text: "// \(String(repeating: "ä", count: 97))\n"),
        withComments: true
    ) { line in
        line.count > 100 ? "\(line.count) characters: break the line at 100" : nil
    }

    static let openEnds = Rule(
        "nothing is left to do", in: { _ in true },
        sin: SourceFile(path: "docs/sin.md", text: "It works. TO" + "DO: test\n"),
        virtue: SourceFile(path: "docs/virtue.md", text: "It is in the to-do list.\n"),
        withComments: true
    ) { line in
        let word = ["TO" + "DO", "FIX" + "ME", "XX" + "X"].first { line.hasWord($0) }
        return word.map { "\($0): do it now, or open an issue" }
    }

    static let machinePaths = Rule(
        "no file names somebody's home", in: { $0.target != "TidyTests" },
        sin: SourceFile(path: "docs/sin.md", text: "Run /home/ann/objbus\n"),
        virtue: SourceFile(path: "docs/virtue.md", text: "Run ~/objbus\n"), withComments: true
    ) { line in
        ["/home/", "/root/", "/Users/"].contains { line.contains($0) }
            ? "a path of one machine: make it relative" : nil
    }

    static let scriptHead = Rule(
        "every script says what it is for and stops at the first error",
        sin: SourceFile(path: "scripts/sin", text: "#!/usr/bin/env bash\nls\n"),
        virtue: SourceFile(
            path: "scripts/virtue",
            text: "#!/usr/bin/env bash\n\(licence.replacing("//", with: "#"))\n# Why.\n"
                + "set -euo pipefail\n")
    ) { file in
        let isScript = file.path.hasPrefix("scripts/") || file.path == ".ci/run"
        guard isScript, file.lines.first?.hasPrefix("#!/usr/bin/env bash") == true else {
            return []
        }
        guard file.lines.count > 3, file.lines[1] == licence.replacing("//", with: "#"),
            file.lines[2].hasPrefix("# "), file.lines.contains("set -euo pipefail")
        else {
            let message = "start with the licence line, a comment, and set -euo pipefail"
            return [Finding(path: file.path, line: 1, message: message)]
        }
        return []
    }

    static let functionLength = Rule(
        "no function has over 60 lines",
        sin: SourceFile(path: "Sources/BusWire/Sin.swift", text: function(lines: 61)),
        virtue: SourceFile(
            path: "Sources/BusWire/Virtue.swift",
            text: "func bodiless(\n    _ x: Int)\nstruct Long {\n" + function(lines: 60) + "}\n")
    ) { file in
        guard file.isSwift else { return [] }
        return file.code.indices.compactMap { start in
            guard file.code[start].declaresFunction,
                let end = endOfBody(from: start, in: file.code), end - start + 1 > 60
            else { return nil }
            let message = "\(end - start + 1) lines: take out a step and name it"
            return Finding(path: file.path, line: start + 1, message: message)
        }
    }
}

private let licence = "// Part of objbus. SPDX-License-Identifier: Apache-2.0"

private func function(lines: Int) -> String {
    "func long() {\n" + String(repeating: "    step()\n", count: lines - 2) + "}\n"
}

extension Substring {
    /// The keyword of the declaration that starts on this line; nil if none does.
    fileprivate var declaration: Substring? {
        let word = self.split(whereSeparator: \.isWhitespace).first { word in
            !word.hasPrefix("@") && !modifiers.contains(word.prefix { $0.isIdentifier })
        }
        let keyword = word?.prefix { $0.isIdentifier } ?? ""
        return declarations.contains(keyword) ? keyword : nil
    }

    fileprivate var declaresFunction: Bool {
        self.declaration == "func" || self.declaration == "init"
    }
}

private let modifiers: Set<Substring> = [
    "public", "package", "internal", "fileprivate", "private", "open", "static", "final",
    "mutating", "nonmutating", "borrowing", "consuming", "nonisolated", "isolated", "override",
    "distributed", "required", "convenience", "lazy", "weak", "indirect", "unowned",
]

private let declarations: Set<Substring> = [
    "func", "init", "deinit", "subscript", "var", "let", "struct", "class", "enum", "actor",
    "extension", "protocol", "typealias", "case", "macro",
]

/// The line where the body that opens on or after `start` closes; nil if there is no body.
private func endOfBody(from start: Int, in code: [Substring]) -> Int? {
    var (parentheses, braces) = (0, 0)
    for index in start..<code.count {
        if braces == 0, index > start, parentheses == 0, code[index].declaration != nil {
            return nil
        }
        for character in code[index] {
            switch character {
            case "(": parentheses += 1
            case ")": parentheses -= 1
            case "{": if parentheses == 0 || braces > 0 { braces += 1 }
            case "}":
                if braces == 0 && parentheses == 0 { return nil }
                if braces > 0 { braces -= 1 }
                if braces == 0 && parentheses <= 0 { return index }
            default: break
            }
        }
    }
    return nil
}
