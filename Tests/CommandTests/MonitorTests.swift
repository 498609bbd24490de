// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import Foundation
import TestPrograms
import Testing

@testable import BusCommand

@Suite(.serialized, .timeLimit(.minutes(2))) struct MonitorTests {
    /// Starts a command that watches, and waits until it does.
    private func watch(_ site: Site, _ arguments: String...) async throws -> Tool {
        let tool = try Tool(arguments, environment: ["OBJBUS_URL": site.url])
        try await tool.errorLine(with: "watching")
        return tool
    }

    @Test func `monitor tells of each call and its answer, and of those it is asked for`()
        async throws
    {
        let site = try await Site(objects: ["counter"])
        let other = try await site.worker(["bank"], name: "other")
        let monitor = try await self.watch(
            site, "monitor", "--name", "counter", "--method", "add", "--json", "--count", "4")
        _ = try await site.call("bank", "account", "ada")
        _ = try await site.call("counter", "add", "3")
        _ = try await site.call("counter", "total")
        _ = try await site.call("counter", "add", "\(Int.max - 3)")
        let outcome = try await monitor.outcome()
        #expect(outcome.status == 0)
        let rows = try outcome.output.map { try #require(try json([$0]) as? [String: Any]) }
        #expect(rows.map { $0["kind"] as? String } == ["call", "reply", "call", "reply"])
        #expect(rows.allSatisfy { $0["callee"] as? String == "worker" })
        #expect(rows.allSatisfy { $0["name"] as? String == "counter" })
        #expect(rows.allSatisfy { $0["method"] as? String == "add(_:)" })
        let ids = rows.map { $0["id"] as? Int }
        #expect(ids[0] == ids[1] && ids[2] == ids[3] && ids[0] != ids[2])
        #expect(rows[0]["nanoseconds"] == nil)
        #expect(rows[1]["nanoseconds"] as? Int ?? 0 > 0)
        let now = Date().timeIntervalSince1970
        #expect(rows.allSatisfy { abs(($0["time"] as? Double ?? 0) - now) < 60 })
        other.signal(SIGTERM)
    }

    @Test func `monitor --errors tells of failures alone, one line each`() async throws {
        let site = try await Site(objects: ["counter"])
        let monitor = try await self.watch(site, "monitor", "--errors", "--count", "1")
        _ = try await site.call("counter", "add", "\(Int.max)")
        #expect(try await site.run("call", "counter", "add", "1").status == 2)
        let outcome = try await monitor.outcome()
        #expect(outcome.output.count == 1)
        let line = try #require(outcome.output.first)
        #expect(line.contains("  failure  ") && line.contains("counter add(_:)  #"), "\(line)")
        #expect(line.contains("worker > objbus-"), "\(line)")
    }

    @Test func `trace tells how long each call of an object took, and how it ended`()
        async throws
    {
        let site = try await Site(objects: ["counter", "bank"])
        // Its interface is asked for first.
        let trace = try await self.watch(site, "trace", "counter", "--count", "4")
        _ = try await site.call("counter", "add", "\(Int.max)")
        _ = try await site.call("bank", "account", "ada")
        _ = try await site.run("call", "counter", "add", "1")
        let outcome = try await trace.outcome()
        #expect(outcome.status == 0)
        let adds = outcome.output.filter { $0.contains("counter add(_:)") }
        #expect(adds.count == 2 && outcome.output.count == 4, "\(outcome.output)")
        #expect(adds.first?.contains("> worker  counter add(_:)  answered after ") == true)
        #expect(adds.last?.contains("> worker  counter add(_:)  failed after ") == true)
        let unknown = try await site.run("trace", "countr")
        #expect(unknown.status == 3 && unknown.errors.first?.contains("counter") == true)
    }

    @Test(arguments: [
        ["--kind", "dance"], ["--errors", "--kind", "call"], ["--count", "0"],
    ])
    func `options of monitor that make no sense are told`(options: [String]) async throws {
        let outcome = try await Tool(["monitor"] + options).outcome()
        #expect(outcome.status == 2 && outcome.output.isEmpty && outcome.errors.count == 1)
    }

    // MARK: Trees

    private func record(
        _ kind: String, _ id: Int64, parent: Int64 = 0, method: String = "f()",
        nanoseconds: Int64? = nil, reason: String? = nil
    ) throws -> MessageRecord {
        let row: [Value] = [
            .string(kind), 1.5, .integer(id), .integer(parent), "a", "b", "1/2", "name",
            .string(method), .null, 64, nanoseconds.map(Value.integer) ?? .null,
            reason.map(Value.string) ?? .null,
        ]
        return try #require(MessageRecord(.array(row)))
    }

    @Test func `calls stand below the one in whose handler they were made`() throws {
        var trace = CallTrace()
        #expect(trace.take(try self.record("call", 1, method: "outer()")) == nil)
        #expect(trace.take(try self.record("call", 2, parent: 1, method: "one()")) == nil)
        #expect(trace.take(try self.record("call", 3, parent: 2, method: "deep()")) == nil)
        let deep = try self.record("failure", 3, parent: 2, nanoseconds: 5_000)
        #expect(trace.take(deep) == nil)
        #expect(trace.take(try self.record("oneWay", 4, parent: 1, method: "way()")) == nil)
        let denied = try self.record(
            "failure", 5, parent: 1, method: "no()", nanoseconds: 0, reason: "denied")
        #expect(trace.take(denied) == nil)
        let reply = try self.record("reply", 2, parent: 1, nanoseconds: 20_000_000)
        #expect(trace.take(reply) == nil)
        let tree = trace.take(try self.record("reply", 1, nanoseconds: 30_000_000))
        let lines = try #require(tree).lines { _ in Date(timeIntervalSince1970: 0) }
        #expect(
            lines.map { $0.prefix { $0 == " " } + $0.drop { $0 == " " }.dropFirst(15) } == [
                "  a > b  name outer()  answered after 30 ms",
                "    a > b  name one()  answered after 20 ms",
                "      a > b  name deep()  failed after 5000 ns",
                "    a > b  name way()  one-way",
                "    a > b  name no()  denied, by the broker, after 0 ns",
            ])
        #expect(trace.take(try self.record("reply", 9)) == nil, "its call was not seen")
    }

    @Test func `what a peer chose can't give a terminal orders`() throws {
        let record = try self.record("call", 1, method: "f\u{1B}[2J()")
        let line = Monitoring.line(record, at: Date())
        #expect(!line.contains("\u{1B}") && line.contains("name f\u{FFFD}[2J()"))
    }
}
