// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Configuration
import Foundation
import Yams

/// A file of settings: YAML whose keys are all known, each with the line where it stands.
///
/// The library reads what it is asked for and ignores the rest, and a key that is spelled wrong
/// would be ignored with it; so the keys are looked at here, before.
struct SettingsFile: FileConfigSnapshot {
    struct ParsingOptions: FileParsingOptions {
        static let `default` = ParsingOptions()
        /// What errors call the file.
        var path = ""
        var sections = SettingsSection.all
    }

    let providerName: String
    /// The line, counted from one, of each setting in the file, by section and key: `broker.state`.
    let lines: [String: Int]
    /// Nil for a file without content.
    private let values: YAMLSnapshot?

    init(data: RawSpan, providerName: String, parsingOptions: ParsingOptions) throws {
        let bytes = data.withUnsafeBytes { Data($0) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandFailure.usage("\(parsingOptions.path): it is not UTF-8")
        }
        let root: Node?
        do {
            root = try Parser(yaml: text).singleRoot()
        } catch {
            throw CommandFailure.usage("\(parsingOptions.path)\(Self.problem(error))")
        }
        let isEmpty = root.map { $0.isNull } ?? true
        var walk = KeyWalk(options: parsingOptions)
        if let root, !isEmpty { try walk.visit(root, at: [], line: root.mark?.line ?? 1) }
        self.lines = walk.lines
        self.values =
            isEmpty
            ? nil
            : try YAMLSnapshot(data: data, providerName: providerName, parsingOptions: .default)
        self.providerName = providerName
    }

    func value(forKey key: AbsoluteConfigKey, type: ConfigType) throws -> LookupResult {
        guard let values else { return LookupResult(encodedKey: key.description, value: nil) }
        return try values.value(forKey: key, type: type)
    }

    var description: String { self.values?.description ?? "\(self.providerName)[empty]" }

    var debugDescription: String { self.values?.debugDescription ?? self.description }

    /// Where YAML is broken, and how.
    private static func problem(_ error: any Error) -> String {
        switch error {
        case YamlError.scanner(_, let problem, let mark, _),
            YamlError.parser(_, let problem, let mark, _),
            YamlError.composer(_, let problem, let mark, _):
            ":\(mark.line): \(problem)"
        case YamlError.reader(let problem, _, _, _): ": \(problem)"
        case YamlError.duplicatedKeysInMapping(let keys, let context):
            ":\(context.mark.line): \(keys.joined(separator: ", ")): a key that is there twice"
        default: ": \(error)"
        }
    }

    /// Reads the file at `path`.
    ///
    /// - Throws: `CommandFailure` that names the file, and where it can the line and the key.
    static func provider(_ path: String) async throws -> FileProvider<SettingsFile> {
        do {
            return try await FileProvider(
                parsingOptions: ParsingOptions(path: path), config: self.place(path))
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure.usage("can't read \(path): \(self.reason(path) ?? "\(error)")")
        }
    }

    /// How the library wants to be told of a path.
    private static func place(_ path: String) -> ConfigReader {
        ConfigReader(
            provider: InMemoryProvider(
                values: ["filePath": ConfigValue(.string(path), isSecret: false)]))
    }

    /// Why a file can't be read, in the words of the system.
    private static func reason(_ path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return String(cString: strerror(errno)) }
        defer { close(file) }
        var byte: UInt8 = 0
        return read(file, &byte, 1) < 0 ? String(cString: strerror(errno)) : nil
    }
}

extension Node {
    fileprivate var isNull: Bool { self.scalar != nil && self.null != nil }
}

/// Goes through a file's keys, and stops at the first that is unknown or of another shape.
private struct KeyWalk {
    let options: SettingsFile.ParsingOptions
    var lines: [String: Int] = [:]

    init(options: SettingsFile.ParsingOptions) {
        self.options = options
    }

    mutating func visit(_ node: Node, at path: [String], line: Int) throws {
        if let setting = self.setting(at: path) {
            self.lines[path.joined(separator: ".")] = line
            try self.checkShape(of: node, setting, at: path, line: line)
        } else if let mapping = node.mapping {
            for (key, value) in mapping {
                let line = key.mark?.line ?? line
                let names = self.names(below: path)
                guard let name = key.string, names.contains(name) else {
                    throw self.failure(
                        line, path,
                        "unknown key '\(key.string ?? "")'; known are "
                            + names.joined(separator: ", "))
                }
                try self.visit(value, at: path + [name], line: line)
            }
        } else if !node.isNull {
            throw self.failure(
                line, path,
                "expected a group of settings: " + self.names(below: path).joined(separator: ", "))
        }
    }

    private func checkShape(
        of node: Node, _ setting: Setting, at path: [String], line: Int
    ) throws {
        if node.isNull {
            throw self.failure(
                line, path, "it has no value; a line commented out means the default")
        }
        let isList = setting.kind == .texts
        let fits =
            isList ? node.sequence?.allSatisfy { $0.scalar != nil } : node.scalar.map { _ in true }
        guard fits == true else {
            let found =
                node.scalar.map { "'\($0.string)'" } ?? (node.mapping == nil ? "a list" : "a group")
            throw self.failure(
                line, path,
                "expected \(setting.expectation)\(isList ? ", such as [a, b]" : ""), found \(found)"
            )
        }
    }

    private func failure(_ line: Int, _ path: [String], _ text: String) -> CommandFailure {
        let key = path.isEmpty ? "" : "\(path.joined(separator: ".")): "
        return .usage("\(self.options.path):\(line): \(key)\(text)")
    }

    private func setting(at path: [String]) -> Setting? {
        guard let section = self.options.sections.first(where: { $0.name == path.first }) else {
            return nil
        }
        let key = path.dropFirst().joined(separator: ".")
        return section.settings.first { $0.key == key }
    }

    /// The keys that may stand in the group at `path`, in the order of their declaration.
    private func names(below path: [String]) -> [String] {
        let keys = self.options.sections.flatMap { section in
            section.settings.map { [section.name] + $0.components }
        }
        var names: [String] = []
        for key in keys where key.starts(with: path) && key.count > path.count {
            if !names.contains(key[path.count]) { names.append(key[path.count]) }
        }
        return names
    }
}
