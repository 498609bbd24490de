// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ObjectBusMacros
import SwiftDiagnostics
import SwiftParser
import SwiftSyntax
import SwiftSyntaxMacroExpansion
import SwiftSyntaxMacros

/// What `@BusObject` makes of a source text.
struct Expansion {
    /// The added extensions, from the first on.
    let text: String
    /// `line:column message`, each followed by its notes and fix-its, indented.
    let diagnostics: [String]

    init(_ source: String) {
        let file = Parser.parse(source: source)
        let context = BasicMacroExpansionContext(
            sourceFiles: [file: .init(moduleName: "Test", fullFilePath: "Test.swift")])
        let spec = MacroSpec(
            type: BusObjectMacro.self,
            conformances: [TypeSyntax(IdentifierTypeSyntax(name: .identifier("BusObjectProtocol")))]
        )
        let expanded = file.expand(macroSpecs: ["BusObject": spec]) { node in
            BasicMacroExpansionContext(
                sharingWith: context, lexicalContext: node.allMacroLexicalContexts())
        }
        // The extensions are added at the end of the file.
        let statements = expanded.as(SourceFileSyntax.self)?.statements ?? []
        text = statements.dropFirst(file.statements.count).map(\.trimmedDescription)
            .joined(separator: "\n")
        diagnostics = context.diagnostics.flatMap { diagnostic in
            let place = context.location(
                for: diagnostic.position, anchoredAt: diagnostic.node, fileName: "Test.swift")
            return ["\(place.line):\(place.column) \(diagnostic.message)"]
                + diagnostic.notes.map { "    note: \($0.message)" }
                + diagnostic.fixIts.map { "    fix: \($0.message.message)" }
        }
    }

    /// The names that the dispatch answers to, in order.
    var names: [String] { lines(from: "case \"", to: "\":") }

    /// The entries of the description, in order.
    var methods: [String] { lines(from: "list.append(.init(", to: "))") }

    /// What stands between `prefix` and `suffix`, for each line that has both at its ends.
    func lines(from prefix: String, to suffix: String) -> [String] {
        text.split(separator: "\n").compactMap { line in
            let line = line.drop { $0 == " " }
            guard line.hasPrefix(prefix), line.hasSuffix(suffix) else { return nil }
            return String(line.dropFirst(prefix.count).dropLast(suffix.count))
        }
    }
}

/// An actor with `members`, expanded.
func actor(_ members: String) -> Expansion {
    Expansion("@BusObject distributed actor A {\n\(members)\n}")
}
