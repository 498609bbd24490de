// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BusAPI

/// `objbus refs`: who holds what.
struct RefsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refs", abstract: "Show which objects are held, or who holds one.",
        discussion: """
            Without an argument: every object that is held or has a name, 1000 at most. With one: \
            who holds that object, how many copies, since when, and how the first of them came. \
            To see a reference is not to hold it.

            Examples:
              objbus refs
              objbus refs counter
              objbus refs 6f1c55a09de31b42/7 --json
            """)

    @OptionGroup var shared: SharedOptions

    @Argument(
        help: "A published name, or a reference as 'objbus refs' shows it.",
        completion: .custom(Completion.objects))
    var object: String?

    func run() async throws {
        try await self.shared.withBus { bus in
            guard let object else {
                let list = try await bus.references()
                guard !self.shared.json else { return self.shared.print(json: list) }
                Terminal.print(table: References.table(list))
                self.report(list, of: "references", none: "nothing is held")
                return
            }
            let reference = try await bus.reference(object)
            guard !self.shared.json else { return self.shared.print(json: reference) }
            Terminal.print(References.head(reference))
            Terminal.print(table: References.holders(reference))
            self.report(reference, of: "holders", none: "only names hold it")
        }
    }

    private func report(_ list: Value, of member: String, none: String) {
        if list[member]?.arrayValue?.isEmpty ?? true { Terminal.report(none) }
        if let more = list["more"]?.intValue, more > 0 { Terminal.report("and \(more) more") }
    }
}

/// Pure: what the broker tells of references, as text.
enum References {
    /// All of them, for people.
    static func table(_ list: Value) -> [String] {
        let rows = list["references"]?.arrayValue ?? []
        guard !rows.isEmpty else { return [] }
        return Text.table(
            [["REFERENCE", "NODE", "HOLDERS", "COPIES", "NAME"]]
                + rows.map { row in
                    [
                        self.text(row["reference"]), self.text(row["node"]),
                        self.text(row["holders"]), self.text(row["copies"]), self.names(row),
                    ]
                })
    }

    /// What is held, for people.
    static func head(_ reference: Value) -> [String] {
        let names = self.names(reference)
        return Text.table(
            [
                ["reference:", self.text(reference["reference"])],
                ["node:", self.text(reference["node"])],
            ] + (names.isEmpty ? [] : [["names:", names]]))
    }

    /// Who holds it, for people.
    static func holders(_ reference: Value) -> [String] {
        let rows = reference["holders"]?.arrayValue ?? []
        guard !rows.isEmpty else { return [] }
        return Text.table(
            [["HOLDER", "COPIES", "SINCE", "THROUGH"]]
                + rows.map { row in
                    let isRevoked = row["isRevoked"] == .bool(true)
                    return [
                        self.text(row["node"]), self.text(row["copies"]), self.age(row["seconds"]),
                        self.text(row["through"]) + (isRevoked ? " (revoked)" : ""),
                    ]
                })
    }

    private static func names(_ row: Value) -> String {
        (row["names"]?.arrayValue ?? []).compactMap(\.stringValue).joined(separator: ", ")
    }

    private static func age(_ seconds: Value?) -> String {
        let number = max(0, min(1e12, seconds?.doubleValue ?? 0))
        return switch number {
        case ..<600: "\(Int64(number)) s"
        case ..<36_000: "\(Int64(number / 60)) min"
        default: "\(Int64(number / 3_600)) h"
        }
    }

    private static func text(_ value: Value?) -> String {
        value?.stringValue ?? (value ?? .null).json()
    }
}
