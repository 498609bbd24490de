// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import TestPrograms
import Testing

@Suite(.serialized, .timeLimit(.minutes(2))) struct BrokerCommandTests {
    @Test(arguments: [SIGTERM, SIGINT])
    func `a broker prints one line, and stops cleanly when it is told to`(
        signal: Int32
    ) async throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let url = "ipc://\(folder)/bus"
        let broker = try Tool(["broker", "--listen", url, "--state", folder])
        #expect(try await broker.line() == "objbus broker: listening on \(url)")
        broker.signal(signal)
        #expect(try await broker.outcome() == Outcome(status: 0, output: [], errors: []))
        #expect(!FileManager.default.fileExists(atPath: "\(folder)/bus"))
    }

    @Test func `a broker listens on several addresses, and objects are the same on all`()
        async throws
    {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let broker = try Tool([
            "broker", "--listen", "tcp://127.0.0.1:0", "--listen", "ipc://\(folder)/bus",
            "--state", folder,
        ])
        let line = try await broker.line(with: "listening on")
        let urls = line.split(separator: " ").filter { $0.contains("://") }.map(String.init)
        #expect(urls.count == 2)
        let worker = try Tool(["worker", "counter", "--bus", urls[0]])
        try await worker.line(with: "published")
        for (url, total) in zip(urls, ["1", "2"]) {
            let outcome = try await Tool(["call", "--bus", url, "counter", "add", "1"]).outcome()
            #expect(outcome.output == [total])
        }
    }

    @Test func `a port that is taken is code 4, and the first broker goes on`() async throws {
        let site = try await Site(listen: "tcp://127.0.0.1:0", objects: ["counter"])
        let second = try await Tool(["broker", "--listen", site.url, "--state", site.folder])
            .outcome()
        #expect(second.status == 4 && second.output.isEmpty && second.errors.count == 1)
        #expect(second.errors.first?.contains("it is in use") == true)
        #expect(try await site.call("counter", "add", "1") == "1")
    }

    @Test(arguments: [
        (["--listen", "nonsense"], "it is malformed"),
        (["--listen", "tcp://0.0.0.0:0"], "--insecure"),
        (["--log-level", "loud"], "is no level"),
        (["extra"], "Unexpected argument"),
    ]) func `wrong options are code 2`(options: [String], text: String) async throws {
        let outcome = try await Tool(["broker"] + options).outcome()
        #expect(outcome.status == 2 && outcome.output.isEmpty && outcome.errors.count == 1)
        #expect(outcome.errors.first?.contains(text) == true, "\(outcome.errors)")
    }

    @Test func `insecure allows every address`() async throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let broker = try Tool([
            "broker", "--listen", "tcp://0.0.0.0:0", "--insecure", "--state", folder,
        ])
        try await broker.line(with: "listening on tcp://0.0.0.0:")
        broker.signal(SIGTERM)
        #expect(try await broker.exitStatus() == 0)
    }

    @Test func `garbage on the port is logged and harms nobody`() async throws {
        let site = try await Site(listen: "tcp://127.0.0.1:0", objects: ["counter"])
        let port = try #require(site.url.split(separator: ":").last)
        let bash = URL(fileURLWithPath: "/bin/bash")
        let texts = [
            #"GET / HTTP/1.0\r\n\r\n"#,
            // A greeting of ZMTP 3.1 and a READY without its end, then noise.
            #"\xff\0\0\0\0\0\0\0\1\x7f\3\1NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"#
                + #"\0\0\0\0\0\0\0\0\0\0\0\4\x05READYxxxxxxxxxxxxxxxxxx"#,
        ]
        for text in texts {
            let script = "printf '\(text)' > /dev/tcp/127.0.0.1/\(port)"
            let peer = try Tool(["-c", script], program: bash)
            #expect(try await peer.exitStatus() == 0)
            #expect(try await site.run("call", "counter", "add", "1").status == 0)
        }
        #expect(try await site.call("counter", "total") == "2")
        site.broker.signal(SIGTERM)
        #expect(try await site.broker.exitStatus() == 0)
    }

    @Test func `dump prints every message, and log levels are obeyed`() async throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let url = "ipc://\(folder)/bus"
        let broker = try Tool([
            "broker", "--listen", url, "--state", folder, "--dump", "--log-level", "info",
        ])
        try await broker.line(with: "listening on")
        #expect(try await Tool(["ping", "--bus", url]).outcome().status == 0)
        try await broker.errorLine(with: "HELLO")
        try await broker.errorLine(with: "goodbye")
    }
}
