// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BusAPI

/// `objbus tree`: published names as a tree.
struct TreeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tree", abstract: "Show the published objects as a tree of names.",
        discussion: """
            Examples:
              objbus tree
              objbus tree bank
              objbus tree --node desk --json
            """)

    @OptionGroup var shared: SharedOptions

    @Option(help: "Only what this node has published, as the node itself tells.")
    var node: String?

    @Argument(
        help: "Only this name and those below it.", completion: .custom(Completion.objects))
    var prefix = ""

    func run() async throws {
        try await self.shared.withBus { bus in
            let tree = NameTree(try await self.entries(on: bus))
            guard !self.shared.json else { return self.shared.print(json: tree.json) }
            Terminal.print(tree.lines(isColored: Terminal.hasColor))
            if tree.isEmpty { Terminal.report("nothing is published") }
        }
    }

    private func entries(on bus: Bus) async throws -> [Namespace.Entry] {
        if let node {
            return try await bus.namespace(ofNode: node).list(below: self.prefix)
        }
        let all = try await bus.names(prefix: self.prefix)
            .filter { $0.standby == 0 }
            .map { Namespace.Entry(name: $0.name, interface: $0.interface) }
        return all.filter { entry in
            self.prefix.isEmpty || entry.name == self.prefix
                || entry.name.hasPrefix(self.prefix + "/")
        }
    }
}

/// Pure: names with slashes between as a tree.
struct NameTree: Hashable {
    private struct Branch: Hashable {
        let word: String
        var interface: String?
        var tree: NameTree

        func line(_ isColored: Bool) -> String {
            let word = Text.line(self.word)
            guard let interface else { return word }
            let name = isColored ? "\u{1B}[1m\(word)\u{1B}[0m" : word
            return "\(name)  (\(Text.line(interface)))"
        }
    }

    /// In the order of the first name of each.
    private var branches: [Branch] = []

    init(_ entries: [Namespace.Entry]) {
        for entry in entries {
            let words = entry.name.split(separator: "/", omittingEmptySubsequences: false)
            self.add(words[...], entry.interface)
        }
    }

    var isEmpty: Bool { self.branches.isEmpty }

    private mutating func add(_ words: ArraySlice<Substring>, _ interface: String) {
        guard let first = words.first.map(String.init) else { return }
        let index = self.branches.firstIndex { $0.word == first } ?? self.branches.count
        if index == self.branches.count {
            self.branches.append(Branch(word: first, interface: nil, tree: NameTree([])))
        }
        if words.count == 1 {
            self.branches[index].interface = interface
        } else {
            self.branches[index].tree.add(words.dropFirst(), interface)
        }
    }

    /// One line a name, those below it indented.
    func lines(isColored: Bool) -> [String] {
        self.branches.flatMap { branch in
            [branch.line(isColored)] + branch.tree.lines(isColored, indent: "")
        }
    }

    private func lines(_ isColored: Bool, indent: String) -> [String] {
        self.branches.enumerated().flatMap { index, branch in
            let isLast = index == self.branches.count - 1
            let line = indent + (isLast ? "`-- " : "|-- ") + branch.line(isColored)
            return [line]
                + branch.tree.lines(isColored, indent: indent + (isLast ? "    " : "|   "))
        }
    }

    /// Nested maps: for each word `interface`, if an object has that name, and `below`.
    var json: Value {
        .map(
            ValueMap(
                self.branches.map { branch in
                    var map = ValueMap()
                    map["interface"] = branch.interface.map(Value.string) ?? .null
                    if !branch.tree.isEmpty { map["below"] = branch.tree.json }
                    return (Value.string(branch.word), Value.map(map))
                }))
    }
}
