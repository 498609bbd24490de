// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import TestPrograms
import Testing

@testable import BusCommand

/// Asks as a shell's script does.
private func completions(
    of command: String, at position: Int, _ words: [String], url: String? = nil
) async throws -> Outcome {
    let line = ["objbus", command] + words
    return try await Tool(
        ["---completion", command, "--", "positional@\(position)", "\(line.count - 1)", "0"]
            + line, environment: url.map { ["OBJBUS_URL": $0] } ?? [:]
    ).outcome()
}

/// Presses TAB at the end of each line in a bash that has loaded the script.
private func pressTab(_ lines: [[String]], url: String, folder: String) async throws -> [[String]] {
    let tool = Tool.products.appendingPathComponent("objbus").path
    let script = """
        cd "$1"
        source <("$2" --generate-completion-script bash)
        function=$(complete -p objbus | sed 's/.* -F \\([^ ]*\\) .*/\\1/')
        tab() {
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMPREPLY=()
            COMP_POINT=${#COMP_LINE}
            "$function" objbus "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
            echo "${COMPREPLY[*]}"
        }

        """
    let calls = lines.map { line in
        "tab \"$2\" " + line.map { "'\($0)'" }.joined(separator: " ")
    }
    let outcome = try await Tool(
        ["--norc", "-c", script + calls.joined(separator: "\n"), "bash", folder, tool],
        environment: ["OBJBUS_URL": url], program: URL(fileURLWithPath: "/bin/bash")
    ).outcome()
    #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
    return outcome.output.map { $0.split(separator: " ").map(String.init) }
}

/// Asks again while the answer is another: a busy broker may take longer than TAB waits.
private func eventually<Answer: Equatable>(
    _ expected: Answer, _ ask: () async throws -> Answer
) async throws -> Answer {
    var answer = try await ask()
    for _ in 0..<20 where answer != expected { answer = try await ask() }
    return answer
}

@Suite(.serialized, .timeLimit(.minutes(2))) struct CompletionTests {
    @Test func `TAB in bash offers names and methods as they are now`() async throws {
        let site = try await Site(objects: ["bank", "counter"])
        _ = try await site.call("bank", "account", "ada")
        let lines = [
            ["call", ""], ["call", "bank/"], ["call", "counter", ""],
            ["call", "--json", "counter", "a"], ["call", "bank/ada", "dep"],
            ["call", "nosuch", ""], ["introspect", "c"], ["ping", "b"], ["ls", "bank/"],
            ["worker", "gr"], ["broker", "--log-level", "no"],
        ]
        let expected = [
            ["bank", "bank/ada", "counter"], ["bank/ada"], ["add", "reset", "total"], ["add"],
            ["deposit"], [], ["counter"], ["bank", "bank/ada"], ["bank/ada"], ["greeter"],
            ["notice"],
        ]
        let offered = try await eventually(expected) {
            try await pressTab(lines, url: site.url, folder: site.folder)
        }
        #expect(offered == expected)
    }

    @Test func `a name that a shell would run is not offered`() async throws {
        let site = try await Site(objects: ["bank"])
        // bash expands the words of a completion.
        _ = try await site.call("bank", "account", "x$(touch${IFS}ran)")
        #expect(try await site.run("ls", "bank/x").output.count == 2)
        _ = try await site.call("bank", "account", "xavier")
        let offered = try await eventually([["bank/xavier"]]) {
            try await pressTab([["call", "bank/x"]], url: site.url, folder: site.folder)
        }
        #expect(offered == [["bank/xavier"]])
        #expect(!FileManager.default.fileExists(atPath: "\(site.folder)/ran"))
    }

    @Test func `without a broker TAB offers nothing, says nothing, and does not wait`()
        async throws
    {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for url in ["ipc://\(folder)/none", "tcp://127.0.0.1:1", "nonsense"] {
            let start = ContinuousClock.now
            let outcome = try await completions(of: "call", at: 0, [""], url: url)
            #expect(outcome == Outcome(status: 0, output: [""], errors: []))
            // Other commands wait for three seconds; the rest is for slow machines.
            #expect(start.duration(to: .now) < .seconds(2))
        }
    }

    @Test func `a broker that does not answer is not waited for`() async throws {
        let site = try await Site(objects: ["counter"])
        site.broker.signal(SIGSTOP)
        defer { site.broker.signal(SIGCONT) }
        let start = ContinuousClock.now
        let outcome = try await completions(of: "call", at: 1, ["counter", ""], url: site.url)
        #expect(outcome == Outcome(status: 0, output: [""], errors: []))
        #expect(start.duration(to: .now) < .seconds(2))
    }

    @Test func `the broker that the line names is asked`() async throws {
        let site = try await Site(objects: ["counter"])
        let names = try await eventually(["counter"]) {
            try await completions(of: "call", at: 0, ["--bus", site.url, ""]).output
        }
        #expect(names == ["counter"])
        let methods = try await eventually(["add", "reset", "total"]) {
            try await completions(
                of: "call", at: 1, ["--timeout", "3", "--bus=\(site.url)", "'counter'", ""]
            ).output
        }
        #expect(methods == ["add", "reset", "total"])
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func `there is a script for each shell that it can read`(shell: String) async throws {
        let outcome = try await Tool(["--generate-completion-script", shell]).outcome()
        #expect(outcome.status == 0 && outcome.errors.isEmpty)
        #expect(outcome.output.contains { $0.contains("---completion") })
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let program = ["/bin/\(shell)", "/usr/bin/\(shell)"].first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
        guard let program else { return }
        let script = outcome.output.joined(separator: "\n")
        try script.write(toFile: "\(folder)/script", atomically: true, encoding: .utf8)
        let check = try await Tool(
            [shell == "fish" ? "--no-execute" : "-n", "\(folder)/script"],
            program: URL(fileURLWithPath: program)
        ).outcome()
        #expect(check == Outcome(status: 0, output: [], errors: []))
    }
}

@Suite struct CompletionLineTests {
    @Test func `options and their values are not positional`() {
        let line = CompletionLine(
            ["objbus", "call", "--bus", "ipc:///x", "--json", "counter", "--timeout", "3", "a"], 8)
        #expect(line.url == "ipc:///x")
        #expect(line.positionals == ["counter"])
        #expect(line.current == "a")
    }

    @Test func `an address that bash took apart is put together`() {
        let words = ["objbus", "call", "--bus", "tcp", ":", "//127.0.0.1", ":", "7420", "counter"]
        let line = CompletionLine(words + [""], 9)
        #expect(line.url == "tcp://127.0.0.1:7420")
        #expect(line.positionals == ["counter"])
        let joined = CompletionLine(["objbus", "ls", "--bus", "=", "ipc", ":", "///x", ""], 7)
        #expect(joined.url == "ipc:///x")
    }

    @Test func `quotes are taken off, and nothing is past the end`() {
        let line = CompletionLine(["objbus", "call", "\"a'b\"", "--", "--bus"], 17)
        #expect(line.positionals == ["ab", "--bus"])
        #expect(line.current == "")
        #expect(CompletionLine([], 0).positionals == [])
    }

    @Test func `only words that mean themselves to a shell are offered, once, in order`() {
        let words = [
            "b", "a/b", "b", "-x", "a b", "$(x)", "`x`", "a;b", "ä", "ref:1", "~", "a*", "",
            "x_1.y-z@w",
        ]
        #expect(Completion.offered(words) == ["a/b", "b", "x_1.y-z@w", "ä"])
        #expect(Completion.offered((0..<2_000).map { "n\($0)" }).count == 1_000)
    }
}
