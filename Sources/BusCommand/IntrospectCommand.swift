// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BusAPI

/// `objbus introspect`: what an object can do.
struct IntrospectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "introspect", abstract: "Show what an object can do.",
        discussion: """
            Examples:
              objbus introspect counter
              objbus introspect "$(objbus call bank account ada)"
              objbus introspect bank --json
            """)

    @OptionGroup var shared: SharedOptions

    @Argument(
        help: "The object: a published name, or a reference's tag.",
        completion: .custom(Completion.objects))
    var object: String

    func run() async throws {
        try await self.shared.withBus { bus in
            let interface = try await bus.object(self.object).knownInterface()
            guard !self.shared.json else {
                return self.shared.print(json: InterfaceText.json(interface))
            }
            Terminal.print(InterfaceText.lines(interface, isColored: Terminal.hasColor))
        }
    }
}

/// Pure: an interface as text.
enum InterfaceText {
    /// The interface for people: each method's declaration, and below it its documentation.
    static func lines(_ interface: Interface, isColored: Bool, width: Int = 80) -> [String] {
        func strong(_ line: String) -> String { isColored ? Text.strong(line) : line }
        var lines = [strong(Text.line(interface.name))]
        lines += self.documentation(interface.documentation, width)
        for method in interface.methods {
            lines.append("")
            lines += Text.wrapped(
                Text.line(method.signature), width: width, rest: "        "
            ).map(strong)
            lines += self.documentation(method.documentation, width)
        }
        return lines
    }

    /// Paragraphs and list items, indented and wrapped.
    private static func documentation(_ text: String, _ width: Int) -> [String] {
        var paragraphs: [String] = []
        var isOpen = false
        for line in Text.harmless(text).split(separator: "\n", omittingEmptySubsequences: false) {
            let words = line.drop { $0.isWhitespace }
            if words.isEmpty {
                if !paragraphs.isEmpty { paragraphs.append("") }
                isOpen = false
            } else if isOpen, !words.hasPrefix("- ") {
                paragraphs[paragraphs.count - 1] += " \(words)"
            } else {
                paragraphs.append(String(words))
                isOpen = true
            }
        }
        return paragraphs.flatMap { paragraph in
            paragraph.isEmpty
                ? [""]
                : Text.wrapped(
                    paragraph, width: width, first: "    ",
                    rest: paragraph.hasPrefix("- ") ? "      " : "    ")
        }
    }

    /// The interface for programs.
    static func json(_ interface: Interface) -> Value {
        .map([
            "name": .string(interface.name),
            "documentation": .string(interface.documentation),
            "methods": .array(interface.methods.map(self.json)),
        ])
    }

    private static func json(_ method: Interface.Method) -> Value {
        .map([
            "name": .string(method.name), "signature": .string(method.signature),
            "parameters": .array(
                method.parameters.map {
                    .map([
                        "label": .string($0.label), "name": .string($0.name),
                        "type": .string($0.type), "hasDefault": .bool($0.hasDefault),
                    ])
                }),
            "returns": .string(method.returns),
            "throws": method.throwsErrors.map(Value.string) ?? .null,
            "isAsync": .bool(method.isAsync), "documentation": .string(method.documentation),
        ])
    }
}
