// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusZeroMQ
import Configuration
import Foundation

/// Where the value of a setting comes from.
enum SettingOrigin: Hashable, Sendable {
    /// An option, such as `--listen`.
    case option(String)
    /// A variable of the environment.
    case variable(String)
    case file(path: String, line: Int)
    case standard

    /// For people.
    var text: String {
        switch self {
        case .option(let name), .variable(let name): name
        case .file(let path, let line): "\(path):\(line)"
        case .standard: "default"
        }
    }

    /// The kind of place, for programs.
    var word: String {
        switch self {
        case .option: "flag"
        case .variable: "environment"
        case .file: "file"
        case .standard: "default"
        }
    }
}

/// What the command line sets.
struct SettingOption: Hashable, Sendable {
    /// As it was typed, `--listen`.
    let name: String
    let key: String
    let value: SettingValue

    /// An option that was given; nil for one that was not.
    init?(_ name: String, _ key: String, _ value: SettingValue?) {
        guard let value else { return nil }
        (self.name, self.key, self.value) = (name, key, value)
    }

    /// Reads `limits.nodes=100`.
    init(assignment text: String, in section: SettingsSection) throws {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            throw CommandFailure.usage("--set \(text): expected KEY=VALUE, such as state=/tmp/x")
        }
        let (key, typed) = (String(parts[0]), String(parts[1]))
        guard let setting = section.settings.first(where: { $0.key == key }) else {
            let keys = section.settings.map(\.key).joined(separator: ", ")
            throw CommandFailure.usage("--set \(text): unknown key '\(key)'; known are \(keys)")
        }
        let value = SettingValue(typed, setting.kind)
        guard let value, setting.allows(value) else {
            throw CommandFailure.usage("--set \(text): expected \(setting.expectation)")
        }
        (self.name, self.key, self.value) = ("--set", key, value)
    }
}

/// The settings of one command as its options, the environment and a file give them, in this order
/// of precedence; what none of them has is not in it.
struct Settings: Sendable {
    struct Entry: Hashable, Sendable {
        let value: SettingValue
        let origin: SettingOrigin
    }

    /// By key.
    private let entries: [String: Entry]
    /// The file that was read.
    let file: String?

    subscript(key: String) -> Entry? { self.entries[key] }

    /// Reads the settings of `section`.
    ///
    /// - Parameters:
    ///   - file: The path of a file that must be there; nil for none.
    ///   - environment: Variables that are empty count as missing.
    /// - Throws: `CommandFailure` for what is unknown or does not fit, wherever it stands in the
    ///   file, and where it counts elsewhere.
    init(
        of section: SettingsSection, options: [SettingOption], file: String?,
        environment: [String: String]
    ) async throws {
        self.file = file
        var sources = [
            Source.options(options), Source.environment(environment.filter { !$0.value.isEmpty }),
        ]
        if let file {
            let provider = try await SettingsFile.provider(file)
            for other in SettingsSection.all {
                // What something else outweighs here has to be right too: it will not everywhere.
                let source = Source.file(provider, path: file, section: other.name)
                let reader = SettingsReader([source])
                for setting in other.settings { _ = try reader.entry(setting) }
                if other == section { sources.append(source) }
            }
        }
        let reader = SettingsReader(sources)
        var entries: [String: Entry] = [:]
        for setting in section.settings { entries[setting.key] = try reader.entry(setting) }
        self.entries = entries
    }
}

/// A provider of the library, and how to name what comes from it.
private struct Source: Sendable {
    let provider: any ConfigProvider
    /// What stands before the keys in errors; nil where the origin names the key.
    let prefix: String?
    /// Where the value of the key stands, which the provider calls by the second name.
    let origin: @Sendable (_ key: String, _ encoded: String) -> SettingOrigin

    static func options(_ options: [SettingOption]) -> Source {
        let names = Dictionary(options.map { ($0.key, $0.name) }) { _, last in last }
        let pairs = options.map { option in
            (
                AbsoluteConfigKey(ConfigKey(option.key)),
                ConfigValue(option.value.content, isSecret: false)
            )
        }
        let values = Dictionary(pairs) { _, last in last }
        let provider = InMemoryProvider(name: "options", values: values)
        return Source(provider: provider, prefix: nil) { key, _ in .option(names[key] ?? key) }
    }

    static func environment(_ variables: [String: String]) -> Source {
        let provider = EnvironmentVariablesProvider(environmentVariables: variables)
        return Source(provider: provider.prefixKeys(with: "objbus"), prefix: nil) { _, encoded in
            .variable(encoded)
        }
    }

    static func file(
        _ provider: FileProvider<SettingsFile>, path: String, section: String
    ) -> Source {
        let lines = (provider.snapshot() as? SettingsFile)?.lines ?? [:]
        return Source(
            provider: provider.prefixKeys(with: ConfigKey(section)), prefix: "\(section)."
        ) { key, _ in
            .file(path: path, line: lines["\(section).\(key)"] ?? 0)
        }
    }
}

/// Asks the library, and notes who answered.
private struct SettingsReader: Sendable {
    /// Keeps what the library reports of its last access.
    private final class LastAccess: AccessReporter {
        private let event = Locked<AccessEvent?>(nil)

        func report(_ event: AccessEvent) { self.event.withLock { $0 = event } }

        func take() -> AccessEvent? { self.event.withLock { $0.take() } }
    }

    private let sources: [Source]
    private let access = LastAccess()
    private let reader: ConfigReader

    init(_ sources: [Source]) {
        self.sources = sources
        self.reader = ConfigReader(
            providers: sources.map(\.provider), accessReporter: self.access)
    }

    /// The setting's value from the first source that has one; nil if none has.
    func entry(_ setting: Setting) throws -> Settings.Entry? {
        let value = setting.value(in: self.reader)
        // One source was asked after another, until one had a value or failed.
        let asked = self.access.take()?.providerResults ?? []
        guard let last = asked.last, asked.count <= self.sources.count else { return nil }
        let source = self.sources[asked.count - 1]
        if case .success(let lookup) = last.result, lookup.value == nil { return nil }
        let key = AbsoluteConfigKey(ConfigKey(setting.components))
        let origin = source.origin(setting.key, self.encoded(key, in: source))
        guard let value, setting.allows(value) else {
            let found = self.content(key, in: source).map { ", found '\($0)'" } ?? ""
            let name = source.prefix.map { "\($0)\(setting.key): " } ?? ""
            throw CommandFailure.usage(
                "\(origin.text): \(name)expected \(setting.expectation)\(found)")
        }
        return Settings.Entry(value: value, origin: origin)
    }

    private func encoded(_ key: AbsoluteConfigKey, in source: Source) -> String {
        (try? source.provider.value(forKey: key, type: .string))?.encodedKey ?? key.description
    }

    private func content(_ key: AbsoluteConfigKey, in source: Source) -> String? {
        switch (try? source.provider.value(forKey: key, type: .string))?.value?.content {
        case .string(let text): text
        default: nil
        }
    }
}
