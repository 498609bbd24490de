// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BusAPI
import Foundation

/// What commands have whose settings may also be in the environment and in a file.
struct SettingsOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A file of settings, in YAML. (default: $OBJBUS_CONFIG, else none)",
            valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"]))
    var config: String?

    @Option(
        help: ArgumentHelp(
            "Any setting by its name in the file, such as limits.nodes=100; may be repeated.",
            valueName: "key=value"))
    var set: [String] = []

    @Flag(
        help: """
            Print the settings and where each comes from, and end: with code 0 if all is right, \
            else 2.
            """)
    var checkConfig = false

    @Flag(help: "With --check-config: print JSON.")
    var json = false

    func validate() throws {
        if self.json, !self.checkConfig { throw ValidationError("--json needs --check-config") }
    }

    /// Reads what is set, by `options` first.
    func settings(
        of section: SettingsSection, _ options: [SettingOption?]
    ) async throws -> Settings {
        let environment = ProcessInfo.processInfo.environment
        let file = self.config ?? environment["OBJBUS_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
        let assignments = try self.set.map { try SettingOption(assignment: $0, in: section) }
        return try await Settings(
            of: section, options: assignments + options.compactMap { $0 }, file: file,
            environment: environment)
    }

    /// Prints the settings in effect.
    func print(_ report: SettingsReport) {
        if self.json {
            Terminal.print(report.json.json(pretty: true))
        } else {
            Terminal.print(table: report.lines)
        }
    }
}
