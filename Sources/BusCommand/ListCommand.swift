// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BusAPI

/// `objbus ls`: what is published.
struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "List the published objects.",
        discussion: """
            Examples:
              objbus ls
              objbus ls bank/
              objbus ls --json
              objbus ls --watch
            """)

    @OptionGroup var shared: SharedOptions

    @Flag(help: "Go on with every change: a line for each claim, '-' if a name is gone.")
    var watch = false

    @Argument(help: "Only names that begin with this.", completion: .custom(Completion.objects))
    var prefix = ""

    func run() async throws {
        try await self.shared.withBus { bus in
            guard !self.watch else { return try await self.watch(bus) }
            let names = try await bus.names(prefix: self.prefix)
            guard !self.shared.json else {
                return self.shared.print(json: .array(names.map(Listing.json)))
            }
            Terminal.print(table: Listing.table(names))
            if names.isEmpty { Terminal.report("nothing is published") }
        }
    }

    /// Prints until it is interrupted.
    private func watch(_ bus: Bus) async throws {
        for try await change in bus.watchNames(prefix: self.prefix) {
            if self.shared.json {
                Terminal.print(Listing.json(change).json())
            } else {
                Terminal.print(Listing.lines(change))
            }
        }
    }
}

/// `objbus nodes`: who is attached.
struct NodesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nodes", abstract: "List the nodes attached to the broker.",
        discussion: """
            This command is itself one of them, for as long as it runs.

            Examples:
              objbus nodes
              objbus nodes --json
            """)

    @OptionGroup var shared: SharedOptions

    func run() async throws {
        try await self.shared.withBus { bus in
            let nodes = try await bus.nodes()
            guard !self.shared.json else { return self.shared.print(json: nodes) }
            Terminal.print(table: Listing.table(nodes: nodes))
        }
    }
}

/// `objbus status`: the state and counters of the broker, or what a node has counted.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show the broker's state and counters, or a node's.",
        discussion: """
            What was refused, dropped or lost is counted by reason, since the start; of these \
            only what has happened is shown, and --json shows all.

            Examples:
              objbus status
              objbus status desk
              objbus status --json
            """)

    @OptionGroup var shared: SharedOptions

    @Argument(help: "A node's name, for what that node has counted.")
    var node: String?

    func run() async throws {
        try await self.shared.withBus { bus in
            let status = try await self.status(bus)
            guard !self.shared.json else { return self.shared.print(json: status) }
            Terminal.print(Listing.pairs(status))
        }
    }

    private func status(_ bus: Bus) async throws -> Value {
        guard let node else { return try await bus.status() }
        let drops = try await bus.namespace(ofNode: node).drops
        let rows = drops.sorted { $0.key < $1.key }.map { (Value.string($0), Value($1)) }
        return .map(["node": .string(node), "drops": .map(ValueMap(rows))])
    }
}

/// Pure: what the broker tells, as text.
enum Listing {
    /// One published name for programs.
    static func json(_ entry: Bus.NameEntry) -> Value {
        var row: ValueMap = [
            "name": .string(entry.name), "interface": .string(entry.interface),
            "node": .string(entry.node), "reference": .string(entry.reference),
            "standby": .integer(Int64(entry.standby)),
        ]
        if let fence = entry.fence { row["fence"] = Value(fence) }
        if let replicas = entry.replicas { row["replicas"] = .string(replicas.rawValue) }
        return .map(row)
    }

    /// One change for programs.
    static func json(_ change: NameChange) -> Value {
        switch change {
        case .snapshot(let entries): .map(["names": .array(entries.map(self.json))])
        case .changed(let name, let entries):
            .map(["name": .string(name), "claims": .array(entries.map(self.json))])
        }
    }

    /// One change for people: a line for each claim.
    static func lines(_ change: NameChange) -> [String] {
        switch change {
        case .snapshot(let entries): entries.map(self.line)
        case .changed(let name, let entries):
            entries.isEmpty ? ["\(Text.line(name))  -"] : entries.map(self.line)
        }
    }

    private static func line(_ entry: Bus.NameEntry) -> String {
        let words = [entry.name, entry.interface, entry.node, entry.reference].map(Text.line)
        let standby = entry.standby > 0 ? ["standby \(entry.standby)"] : []
        let replica = entry.replicas.map { ["replica \($0.rawValue)"] } ?? []
        return (words + standby + replica).joined(separator: "  ")
    }

    /// Published names for people; the columns of standbys and of replicas only if there are any.
    static func table(_ entries: [Bus.NameEntry]) -> [String] {
        guard !entries.isEmpty else { return [] }
        let hasStandby = entries.contains { $0.standby > 0 }
        let hasReplicas = entries.contains { $0.replicas != nil }
        let head =
            ["NAME", "INTERFACE", "NODE", "REFERENCE"] + (hasStandby ? ["STANDBY"] : [])
            + (hasReplicas ? ["REPLICAS"] : [])
        return Text.table(
            [head]
                + entries.map { entry in
                    [entry.name, entry.interface, entry.node, entry.reference]
                        + (hasStandby ? [entry.standby == 0 ? "" : "\(entry.standby)"] : [])
                        + (hasReplicas ? [entry.replicas?.rawValue ?? ""] : [])
                })
    }

    /// Nodes for people, as the broker tells them.
    static func table(nodes: Value) -> [String] {
        let columns = ["node", "program", "process", "state", "seconds", "names", "holds"]
        let rows = (nodes.arrayValue ?? []).map { node in
            columns.map { self.text(node[$0] ?? .null) }
        }
        return Text.table([columns.map { $0.uppercased() }] + rows)
    }

    /// One line for each key of a map, those known first, and then for each reason of a drop that
    /// has happened.
    static func pairs(_ map: Value) -> [String] {
        let known = [
            "node", "run", "version", "seconds", "nodes", "names", "references", "recovering",
        ]
        let keys = (map.mapValue?.keys.compactMap(\.stringValue) ?? []).filter { $0 != "drops" }
        let ordered = known.filter(keys.contains) + keys.filter { !known.contains($0) }
        let drops = (map["drops"]?.mapValue.map(Array.init) ?? [])
            .filter { $0.value.intValue ?? 0 > 0 }
            .map { ["drops.\($0.key.stringValue ?? "?"):", self.text($0.value)] }
        return Text.table(ordered.map { ["\($0):", self.text(map[$0] ?? .null)] } + drops)
    }

    /// A scalar as people read it; spans of time with one decimal.
    private static func text(_ value: Value) -> String {
        switch value {
        case .string(let text): text
        case .double(let number):
            "\(Double(Int64((max(-1e15, min(1e15, number)) * 10).rounded())) / 10)"
        default: value.json()
        }
    }
}
