// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import TestPrograms
import Testing

@testable import BusCommand

/// Runs a line of shell in which `objbus` is the command, on a terminal; what that was sent.
private func onTerminal(
    _ line: String, environment: [String: String] = [:]
) async throws -> String {
    let tool = Tool.products.appendingPathComponent("objbus").path
    let script = "objbus() { '\(tool)' \"$@\"; }; \(line)"
    var variables = ["TERM": "xterm", "NO_COLOR": "", "SHELL": "/bin/bash"]
    variables.merge(environment) { _, new in new }
    let outcome = try await Tool(
        ["--quiet", "--return", "--command", script, "/dev/null"], environment: variables,
        program: URL(fileURLWithPath: "/usr/bin/script")
    ).outcome()
    return outcome.output.joined(separator: "\n")
}

private let bold = "\u{1B}[1m"
private let red = "\u{1B}[1;31m"
private let plain = "\u{1B}[0m"

@Suite(.serialized, .timeLimit(.minutes(2))) struct TerminalTests {
    // MARK: Colour

    @Test func `on a terminal heads and declarations are bold, and errors red`() async throws {
        let site = try await Site(objects: ["counter"])
        let variables = ["OBJBUS_URL": site.url]
        let interface = try await onTerminal("objbus introspect counter", environment: variables)
        #expect(interface.contains("\(bold)Counter\(plain)\r\n"))
        #expect(interface.contains("\(bold)total() -> Int\(plain)\r\n    The total,"))
        let list = try await onTerminal("objbus ls", environment: variables)
        #expect(list.hasPrefix("\(bold)NAME"))
        #expect(list.components(separatedBy: "\u{1B}").count == 3)
        let error = try await onTerminal("objbus call nosuch x", environment: variables)
        #expect(error.hasPrefix("\(red)error:\(plain) no object"))
    }

    @Test(arguments: [["NO_COLOR": "1"], ["TERM": "dumb"]])
    func `who does not want colours gets none`(variables: [String: String]) async throws {
        let site = try await Site(objects: ["counter"])
        let variables = variables.merging(["OBJBUS_URL": site.url]) { own, _ in own }
        for line in ["introspect counter", "ls", "nodes", "call nosuch x", "broker --check-config"]
        {
            let text = try await onTerminal("objbus \(line)", environment: variables)
            #expect(!text.isEmpty && !text.contains("\u{1B}["), "\(line): \(text)")
        }
    }

    @Test func `a stream that is no terminal gets no colour, whatever the other is`()
        async throws
    {
        let site = try await Site(objects: ["counter"])
        let variables = ["OBJBUS_URL": site.url]
        let output = try await onTerminal("objbus ls | cat", environment: variables)
        #expect(output.hasPrefix("NAME") && !output.contains("\u{1B}"))
        let error = try await onTerminal(
            "objbus call nosuch x 2>&1 >/dev/null | cat", environment: variables)
        #expect(error.hasPrefix("error:") && !error.contains("\u{1B}"))
    }

    // MARK: Waiting

    @Test func `on a terminal a command tells what it waits for, and wipes that out`()
        async throws
    {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let url = "ipc://\(folder)/none"
        let text = try await onTerminal("objbus ls --bus \(url) --timeout 1600ms")
        let line = "\rwaiting for a broker at \(url) (0 s)"
        #expect(text.hasPrefix(line))
        let wipe = "\r\(String(repeating: " ", count: line.count - 1))\r"
        #expect(text.contains("\rwaiting for a broker at \(url) (1 s)\(wipe)\(red)error:"))
    }

    @Test func `the line is for people only`() async throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let arguments = ["ls", "--bus", "ipc://\(folder)/none", "--timeout", "600ms"]
        let outcome = try await Tool(arguments).outcome()
        #expect(outcome.status == 4 && outcome.errors.count == 1 && outcome.output.isEmpty)
        let command = "objbus " + arguments.joined(separator: " ")
        let text = try await onTerminal("\(command) 2>\(folder)/errors; cat \(folder)/errors")
        #expect(text.hasPrefix("error: no broker answers"))
    }

    @Test func `who is answered at once sees no such line`() async throws {
        let site = try await Site(objects: ["counter"])
        let text = try await onTerminal(
            "objbus call counter add 5", environment: ["OBJBUS_URL": site.url])
        #expect(text == "5\r")
    }
}

@Suite struct HelpTests {
    private static let commands = ObjbusCommand.configuration.subcommands
        .filter { $0.configuration.shouldDisplay }

    @Test func `every command has examples that fit a line`() {
        #expect(Self.commands.count > 8)
        for command in Self.commands {
            let name = command.configuration.commandName ?? ""
            let lines = command.configuration.discussion.split(separator: "\n")
            let start = lines.firstIndex { $0.hasPrefix("Examples:") }
            let examples = start.map { lines[($0 + 1)...] } ?? []
            #expect(examples.contains { $0.contains("objbus \(name)") }, "\(name)")
            #expect(examples.allSatisfy { $0.count <= 80 }, "\(name)")
        }
    }

    @Test func `help keeps to eighty columns`() {
        for command in Self.commands {
            let text = command.helpMessage(columns: 80)
            let long = text.components(separatedBy: "\n").filter { $0.count > 80 }
            // The parser does not break a usage line.
            #expect(
                long.allSatisfy { $0.hasPrefix("USAGE:") || $0.hasPrefix("  objbus ") }, "\(long)")
        }
    }
}
