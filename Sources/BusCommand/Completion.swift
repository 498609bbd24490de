// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import Logging

/// What a shell offers on TAB, as the broker knows it at that moment.
///
/// Whoever presses TAB waits, and asked nothing: a broker that does not answer in 250 ms is left
/// alone, and nothing is ever reported.
enum Completion {
    /// Published names.
    @Sendable
    static func objects(_ words: [String], _ index: Int, _: String) async -> [String] {
        let line = CompletionLine(words, index)
        return await self.ask(line) { bus in
            try await bus.names(prefix: line.current).map(\.name)
        }
    }

    /// Methods of the object that the line names.
    @Sendable
    static func methods(_ words: [String], _ index: Int, _: String) async -> [String] {
        let line = CompletionLine(words, index)
        guard let target = line.positionals.first else { return [] }
        return await self.ask(line) { bus in
            let methods = try await bus.object(target).knownInterface().methods
            return methods.map { method in String(method.name.prefix { $0 != "(" }) }
        }
    }

    /// As many as anybody may want to look at.
    private static let most = 1_000

    private static func ask(
        _ line: CompletionLine, _ question: (Bus) async throws -> [String]
    ) async -> [String] {
        var configuration = Bus.Configuration(url: line.url)
        configuration.logger.logLevel = .critical
        configuration.connectTimeout = .milliseconds(150)
        configuration.deadline = .milliseconds(100)
        do {
            try configuration.useOwnContext()
            let bus = try await Bus.connect(configuration)
            let words = try? await question(bus)
            await bus.leave()
            return self.offered(words ?? [])
        } catch {
            return []
        }
    }

    /// Pure: each word once, and only those that mean themselves to every shell.
    ///
    /// A peer chose these words, and bash *expands* what a completion offers: a name such as
    /// `$(reboot)` would run.
    static func offered(_ words: [String]) -> [String] {
        let safe = Set(words).filter { word in
            guard let first = word.first, first != "-" else { return false }
            return word.allSatisfy { character in
                character.isLetter || character.isNumber || "/._-@+%".contains(character)
            }
        }
        return Array(safe.sorted().prefix(self.most))
    }
}

/// Pure: the command line that is being completed.
struct CompletionLine: Hashable {
    /// What was given by `--bus`.
    let url: String?
    /// The words after the subcommand that are neither options nor their values, up to the one to
    /// be completed.
    let positionals: [String]
    /// What was typed of the word to be completed.
    let current: String

    private static let options: Set<String> = ["--bus", "--timeout", "--count"]

    /// - Parameters:
    ///   - words: As the shell has them, with quotes and all, from the program's name on.
    ///   - index: The one to be completed; it may be past the end.
    init(_ words: [String], _ index: Int) {
        let end = max(0, min(index, words.count))
        var rest = Self.joined(words[..<end]).map(Self.unquoted).dropFirst(2)
        var positionals: [String] = []
        var url: String?
        var isOption = true
        while let word = rest.popFirst() {
            if isOption, word == "--" {
                isOption = false
            } else if isOption, word.hasPrefix("--bus=") {
                url = String(word.dropFirst(6))
            } else if isOption, Self.options.contains(word) {
                let value = rest.popFirst()
                if word == "--bus" { url = value }
            } else if !isOption || !word.hasPrefix("-") {
                positionals.append(word)
            }
        }
        (self.url, self.positionals) = (url, positionals)
        self.current = end < words.count ? Self.unquoted(words[end]) : ""
    }

    /// bash makes words of colons and equals signs, so that an address comes in parts.
    private static func joined(_ words: ArraySlice<String>) -> [String] {
        var joined: [String] = []
        var isOpen = false
        for word in words {
            let isJoint = word == ":" || word == "="
            if (isOpen || isJoint), let last = joined.popLast() {
                joined.append(last + word)
            } else {
                joined.append(word)
            }
            isOpen = isJoint
        }
        return joined
    }

    private static func unquoted(_ word: String) -> String {
        word.filter { !"'\"\\".contains($0) }
    }
}
