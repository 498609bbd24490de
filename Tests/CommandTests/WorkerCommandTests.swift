// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import TestPrograms
import Testing

@Suite(.serialized, .timeLimit(.minutes(2))) struct WorkerCommandTests {
    @Test func `a worker waits for its broker, and attaches soon after that has started`()
        async throws
    {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let url = "ipc://\(folder)/bus"
        let worker = try Tool(["worker", "counter", "--bus", url, "--name", "early"])
        #expect(
            try await worker.errorLine() == "objbus worker: waiting for a broker at \(url)")
        let broker = try Tool(["broker", "--listen", url, "--state", folder])
        try await broker.line(with: "listening on")
        let start = ContinuousClock.now
        #expect(
            try await worker.line()
                == "objbus worker: published counter as node early on \(url)")
        // Less than the time after which silence is noticed.
        #expect(start.duration(to: .now) < .seconds(2))
        worker.signal(SIGTERM)
        #expect(try await worker.outcome() == Outcome(status: 0, output: [], errors: []))
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func `a worker that waits for its broker stops when it is told to`(
        signal: Int32
    ) async throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let worker = try Tool(["worker", "--bus", "ipc://\(folder)/none"])
        try await worker.errorLine(with: "waiting for a broker")
        worker.signal(signal)
        #expect(try await worker.outcome() == Outcome(status: 0, output: [], errors: []))
    }

    @Test func `a worker survives its broker's restart`() async throws {
        let site = try await Site(objects: ["counter"])
        #expect(try await site.call("counter", "add", "1") == "1")
        site.broker.signal(SIGTERM)
        #expect(try await site.broker.exitStatus() == 0)
        let second = try Tool(["broker", "--listen", site.url, "--state", site.folder])
        try await second.line(with: "listening on")
        // It comes back by itself; until then the name is unknown.
        var outcome = try await site.run("call", "counter", "add", "1")
        let deadline = ContinuousClock.now + .seconds(5)
        while outcome.status == 3, ContinuousClock.now < deadline {
            outcome = try await site.run("call", "counter", "add", "1")
        }
        #expect(outcome.output == ["2"])
    }

    @Test(arguments: [
        (["worker", "nosuch"], "'nosuch' is invalid"),
        (["worker", "counter", "--", "true"], "not both"),
        (["worker", "--restart"], "needs a program"),
    ]) func `wrong options are code 2`(arguments: [String], text: String) async throws {
        let outcome = try await Tool(arguments).outcome()
        #expect(outcome.status == 2 && outcome.errors.count == 1)
        #expect(outcome.errors.first?.contains(text) == true, "\(outcome.errors)")
    }

    @Test func `a folder that is not there is code 2`() async throws {
        let site = try await Site(objects: ["counter"])
        let outcome = try await Tool([
            "worker", "--bus", site.url, "--root", "\(site.folder)/none", "files",
        ]).outcome()
        #expect(outcome.status == 2)
        #expect(outcome.errors.first?.contains("no such file or folder") == true)
    }
}

@Suite(.serialized, .timeLimit(.minutes(2))) struct ProgramTests {
    @Test func `a program gets the bus's address, its arguments, and ends the worker`()
        async throws
    {
        let script = #"echo "$OBJBUS_URL $OBJBUS_NODE $*"; exit 7"#
        let worker = try Tool([
            "worker", "--bus", "ipc:///x", "--name", "n", "--", "sh", "-c", script, "sh", "--bus",
            "--", "a b",
        ])
        #expect(
            try await worker.outcome()
                == Outcome(status: 7, output: ["ipc:///x n --bus -- a b"], errors: []))
    }

    @Test func `signals are passed on`() async throws {
        let script = "trap 'echo caught; exit 5' TERM; echo ready; while read -r line; do :; done"
        let worker = try Tool(["worker", "--", "bash", "-c", script])
        try await worker.line(with: "ready")
        worker.signal(SIGTERM)
        #expect(
            try await worker.outcome() == Outcome(status: 5, output: ["caught"], errors: []))
    }

    @Test func `a signal that ends the program is told as a shell tells it`() async throws {
        let worker = try Tool(["worker", "--", "sh", "-c", "kill -KILL $$"])
        #expect(try await worker.exitStatus() == 137)
    }

    @Test func `a program that is not there is code 127`() async throws {
        let outcome = try await Tool(["worker", "--restart", "--", "nosuchprogram"]).outcome()
        #expect(outcome.status == 127)
        #expect(outcome.errors.count == 1)
    }

    @Test func `a program that fails is started again, until it succeeds`() async throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let script = "echo run; test -e \(folder)/once && exit 0; touch \(folder)/once; exit 3"
        let outcome = try await Tool(["worker", "--restart", "--", "sh", "-c", script]).outcome()
        #expect(outcome.status == 0)
        #expect(outcome.output == ["run", "run"])
        #expect(outcome.errors.first?.contains("ended with status 3") == true)
    }

    @Test func `a signal ends the wait for the next start`() async throws {
        let worker = try Tool(["worker", "--restart", "--", "sh", "-c", "exit 3"])
        try await worker.errorLine(with: "again in 1 s")
        try await worker.errorLine(with: "again in 2 s")
        worker.signal(SIGTERM)
        let start = ContinuousClock.now
        #expect(try await worker.exitStatus() == 128 + SIGTERM)
        #expect(start.duration(to: .now) < .milliseconds(1_500))
    }

    @Test func `the program never outlives its worker`() async throws {
        let worker = try Tool(["worker", "--", "sh", "-c", "echo ready; exec cat"])
        try await worker.line(with: "ready")
        worker.signal(SIGKILL)
        // The standard output ends with the last process that has it.
        #expect(await worker.rest().isEmpty)
    }
}
