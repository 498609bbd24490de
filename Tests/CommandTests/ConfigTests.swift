// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBroker
import BusBrokerCore
import Foundation
import TestPrograms
import Testing

@testable import BusCommand

/// What `--check-config --json` tells, run in a process of its own.
private struct Checked {
    let values: [String: String]
    let origins: [String: String]

    init(
        _ command: String, _ arguments: [String] = [], environment: [String: String] = [:]
    ) async throws {
        let outcome = try await Tool(
            [command, "--check-config", "--json"] + arguments, environment: environment
        ).outcome()
        #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
        let all = try #require(try json(outcome.output) as? [String: Any])
        let settings = try #require(all["settings"] as? [String: [String: Any]])
        self.values = settings.mapValues { "\($0["value"] ?? "")" }
        self.origins = settings.mapValues { entry in
            let from = (entry["from"] as? String).map { " \($0)" } ?? ""
            return "\(entry["origin"] ?? "")\(from)"
        }
    }
}

private let example = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../deploy/objbus.yaml").standardized.path

/// Writes `text` to a file, hands its path on, and removes it.
private func withFile<Result>(
    _ text: String, _ body: (String) async throws -> Result
) async throws -> Result {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = "\(folder)/objbus.yaml"
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return try await body(path)
}

@Suite(.timeLimit(.minutes(2))) struct ConfigTests {
    // MARK: The example

    @Test(arguments: ["broker", "worker"])
    func `the example file as it is sets nothing`(command: String) async throws {
        let shipped = try await Checked(command, ["--config", example])
        #expect(Set(shipped.origins.values) == ["default"])
        #expect(try await shipped.values == Checked(command).values)
    }

    @Test(arguments: ["broker", "worker"])
    func `the example file shows the defaults of all settings`(command: String) async throws {
        let text = try String(contentsOfFile: example, encoding: .utf8)
        // `#key: value` is a setting, `# Word` is prose.
        let open = text.replacing(#/(?m)^( +)#([a-zA-Z]+: *[^ \n])/#) { "\($0.1)\($0.2)" }
        let section = try #require(SettingsSection.all.first { $0.name == command })
        let all = Set(section.settings.map(\.key))
        // What has no default is there without a value.
        let bare: Set =
            command == "worker" ? ["node", "timeout", "replicas"] : ["quotas", "objectQuotas"]
        for key in bare { #expect(text.contains("#\(key):\n"), "\(key)") }
        let standard = try await Checked(command)
        try await withFile(open) { path in
            let opened = try await Checked(command, ["--config", path])
            let fromFile = opened.origins.filter { $0.value.hasPrefix("file \(path):") }
            #expect(Set(fromFile.keys) == all.subtracting(bare))
            var values = opened.values
            // The default is another for whoever is not root.
            if command == "broker" {
                #expect(values["state"] == "/var/lib/objbus")
                values["state"] = standard.values["state"]
            }
            #expect(values == standard.values)
        }
    }

    @Test func `every limit of a broker can be set, by its name`() {
        let limits = Mirror(reflecting: BrokerLimits()).children.compactMap(\.label)
        let keys = BrokerSettings.section.settings.map(\.key).filter { $0.hasPrefix("limits.") }
        #expect(keys == limits.map { "limits.\($0)" })
    }

    // MARK: Precedence

    @Test func `options outweigh the environment, which outweighs the file`() async throws {
        let text = """
            broker:
              listen: [ipc:///tmp/file]
              highWater: 10
              limits:
                nodes: 11
                heartbeat: 900ms
            """
        try await withFile(text) { path in
            let checked = try await Checked(
                "broker",
                ["--config", path, "--listen", "ipc:///tmp/option", "--set", "limits.nodes=13"],
                environment: [
                    "OBJBUS_LISTEN": "ipc:///tmp/variable", "OBJBUS_LIMITS_NODES": "12",
                    "OBJBUS_HIGH_WATER": "20", "OBJBUS_DUMP": "1", "OBJBUS_STATE": "",
                ])
            let set = checked.origins.filter { $0.value != "default" }
            #expect(
                set == [
                    "listen": "flag --listen", "highWater": "environment OBJBUS_HIGH_WATER",
                    "dump": "environment OBJBUS_DUMP", "limits.nodes": "flag --set",
                    "limits.heartbeat": "file \(path):6",
                ])
            #expect(checked.values["listen"]?.contains("ipc:///tmp/option") == true)
            #expect(checked.values["limits.nodes"] == "13")
            #expect(checked.values["highWater"] == "20")
            #expect(checked.values["limits.heartbeat"] == "900ms")
        }
    }

    @Test func `quotas are told as they are in effect`() async throws {
        let rules = [
            "batch-* referencesPerNode=1000 callsPerNode=100", "web waitingBytesPerNode=9",
        ]
        try await withFile("broker: {quotas: ['\(rules[0])', '\(rules[1])']}\n") { path in
            let checked = try await Checked("broker", ["--config", path])
            #expect(checked.origins["quotas"] == "file \(path):1")
            let told = checked.values["quotas"] ?? ""
            #expect(rules.allSatisfy { told.contains($0) }, "\(told)")
        }
        let set = try await Checked("broker", ["--set", "quotas=a* namesPerNode=1"])
        #expect(set.values["quotas"]?.contains("a* namesPerNode=1") == true)
    }

    @Test func `quotas of objects are told as they are in effect`() async throws {
        let rules = ["resizer* callsUnderWay=200", "bank callsUnderWay=1 bytesUnderWay=9"]
        try await withFile("broker: {objectQuotas: ['\(rules[0])', '\(rules[1])']}\n") { path in
            let checked = try await Checked("broker", ["--config", path])
            let told = checked.values["objectQuotas"] ?? ""
            #expect(rules.allSatisfy { told.contains($0) }, "\(told)")
        }
    }

    @Test func `for people the settings are a table with origins`() async throws {
        try await withFile("broker: {linger: 1500ms}\n") { path in
            let outcome = try await Tool(
                ["broker", "--check-config"], environment: ["OBJBUS_CONFIG": path]
            ).outcome()
            #expect(outcome.status == 0)
            let rows = outcome.output.map { $0.split(separator: " ").map(String.init) }
            #expect(rows.first == ["SETTING", "VALUE", "ORIGIN"])
            #expect(rows.contains(["linger", "1500ms", "\(path):1"]))
            #expect(rows.contains(["limits.nodes", "4096", "default"]))
            #expect(rows.count == BrokerSettings.all.count + 1)
        }
    }

    // MARK: Errors

    @Test(arguments: [
        ("broker:\n  limts:\n    nodes: 3\n", ":2: broker: unknown key 'limts'; known are listen,"),
        ("brokr: {}\n", ":1: unknown key 'brokr'; known are broker, worker"),
        ("worker:\n  listen: [a]\n", ":2: worker: unknown key 'listen'; known are url,"),
        (
            "broker:\n  limits:\n    nodes: many\n",
            ":3: broker.limits.nodes: expected a whole number from 1 to 1000000000, found 'many'"
        ),
        ("broker: {limits: {nodes: 0}}", ":1: broker.limits.nodes: expected a whole number"),
        ("broker: {limits: {nodes: [1]}}", ":1: broker.limits.nodes: expected a whole number"),
        ("broker: {limits: 3}", ":1: broker.limits: expected a group of settings: nodes,"),
        (
            "broker: {limits: {silence: 3000}}",
            ":1: broker.limits.silence: expected a span of time with its unit, from 10ms to "
                + "86400s, found '3000'"
        ),
        (
            "broker: {listen: 'tcp://127.0.0.1:1'}",
            ":1: broker.listen: expected a list with at least one entry, such as [a, b], found "
                + "'tcp://127.0.0.1:1'"
        ),
        ("broker: {listen: []}", ":1: broker.listen: expected a list with at least one entry"),
        ("broker: {listen: [nonsense]}", ":1: broker.listen: can't listen on nonsense"),
        ("broker: {listen: ['tcp://0.0.0.0:1']}", ":1: broker.listen: refuse to listen on"),
        (
            "broker: {quotas: ['batch-*']}",
            ":1: broker.quotas: the quota 'batch-*': expected the pattern of a node's name, and"
        ),
        (
            "broker: {quotas: ['a namesPerNode=1', 'b calls=1']}",
            ":1: broker.quotas: the quota 'b calls=1': 'calls=1' is no bound; known are referencesP"
        ),
        (
            "broker: {quotas: ['a callsPerNode=0']}",
            ":1: broker.quotas: the quota 'a callsPerNode=0': callsPerNode: expected a whole number"
        ),
        (
            "broker: {objectQuotas: ['bank']}",
            ":1: broker.objectQuotas: the quota 'bank': expected the pattern of an object's publish"
        ),
        (
            "broker: {objectQuotas: ['bank callsPerNode=3']}",
            ":1: broker.objectQuotas: the quota 'bank callsPerNode=3': 'callsPerNode=3' is no bound"
        ),
        ("broker:\n  state:\n", ":2: broker.state: it has no value"),
        ("broker: {dump: maybe}", ":1: broker.dump: expected true or false, found 'maybe'"),
        ("broker: {logLevel: loud}", ":1: broker.logLevel: expected one of trace, debug,"),
        ("worker: {timeout: long}", ":1: worker.timeout: expected a span of time"),
        ("broker:\n  dump: true\n  dump: true\n", ":2: dump: a key that is there twice"),
        ("broker:\n  state: \"x\n", ":3: found unexpected end of stream"),
        ("- broker\n", ":1: expected a group of settings: broker, worker"),
    ]) func `what is wrong in a file is told with its line and key`(
        text: String, problem: String
    ) async throws {
        try await withFile(text) { path in
            let outcome = try await Tool(["broker", "--config", path, "--check-config"]).outcome()
            #expect(outcome.status == 2 && outcome.output.isEmpty)
            #expect(outcome.errors.count == 1)
            #expect(
                outcome.errors.first?.hasPrefix("error: \(path)\(problem)") == true,
                "\(outcome.errors)")
        }
    }

    @Test(arguments: [
        (["--set", "limits.nodes=x"], "--set limits.nodes=x: expected a whole number"),
        (["--set", "nodes=1"], "--set nodes=1: unknown key 'nodes'; known are listen,"),
        (["--set", "listen"], "--set listen: expected KEY=VALUE"),
        (["--set", "limits.heartbeat=2s"], "limits.silence (3s, default) must be at least twice"),
        (["--set", "limits.silence=4s"], "limits.recoveryWindow (5s, default) must be at least"),
        (["--config", "/nowhere.yaml"], "can't read /nowhere.yaml: No such file or directory"),
        (["--config", "/"], "can't read /: Is a directory"),
    ]) func `what is wrong in an option is told with it`(
        options: [String], problem: String
    ) async throws {
        let outcome = try await Tool(["broker", "--check-config"] + options).outcome()
        #expect(outcome.status == 2 && outcome.output.isEmpty && outcome.errors.count == 1)
        #expect(
            outcome.errors.first?.hasPrefix("error: \(problem)") == true, "\(outcome.errors)")
    }

    @Test func `what is wrong in the environment is told with the variable`() async throws {
        let outcome = try await Tool(
            ["broker", "--check-config"], environment: ["OBJBUS_LIMITS_SILENCE": "soon"]
        ).outcome()
        #expect(outcome.status == 2)
        let expected = "error: OBJBUS_LIMITS_SILENCE: expected a span of time with its unit, "
        #expect(outcome.errors.first?.hasPrefix(expected) == true, "\(outcome.errors)")
    }

    // MARK: Effect

    @Test func `a broker and a worker do what their file says`() async throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let url = "ipc://\(folder)/bus"
        let text = """
            broker:
              listen: [ "\(url)" ]
              state: \(folder)
              limits:
                nodes: 2
            worker:
              url: "\(url)"
              node: desk
              objects: [counter]
            """
        let path = "\(folder)/objbus.yaml"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        let broker = try Tool(["broker"], environment: ["OBJBUS_CONFIG": path])
        #expect(try await broker.line() == "objbus broker: listening on \(url)")
        let worker = try Tool(["worker", "--config", path])
        #expect(
            try await worker.line() == "objbus worker: published counter as node desk on \(url)")
        #expect(try await Tool(["ls", "--bus", url]).outcome().status == 0)
        let second = try Tool(["worker", "--config", path, "--name", "second"])
        try await second.line(with: "as node second")
        let refused = try await Tool(["ls", "--bus", url]).outcome()
        #expect(refused.errors.first?.contains("2 nodes are attached already") == true)
    }

    @Test func `checking starts nothing`() async throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        _ = try await Checked(
            "broker", ["--listen", "ipc://\(folder)/bus", "--state", "\(folder)/state"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }
}
