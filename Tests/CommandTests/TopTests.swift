// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import Foundation
import TestPrograms
import Testing

@testable import BusCommand

@Suite(.serialized, .timeLimit(.minutes(2))) struct TopTests {
    @Test func `top counts what was called while it measured, by node, object and method`()
        async throws
    {
        let site = try await Site(objects: ["counter", "bank"])
        let other = try await site.worker(["greeter"], name: "other")
        let top = try Tool(
            ["top", "--once", "--interval", "8s", "--json"], environment: ["OBJBUS_URL": site.url])
        try await top.errorLine(with: "measuring")
        _ = try await site.call("counter", "add", "\(Int.max)")
        _ = try await site.call("greeter", "greet", "Ada")
        _ = try await site.run("call", "counter", "add", "1")
        let outcome = try await top.outcome()
        #expect(outcome.status == 0)
        let report = try #require(try json(outcome.output) as? [String: Any])
        #expect(report["seconds"] as? Double ?? 0 >= 8)
        let all = try #require(report["all"] as? [String: Any])
        let rows = { (key: String) in report[key] as? [[String: Any]] ?? [] }
        let adds = try #require(rows("methods").first { $0["method"] as? String == "add(_:)" })
        #expect(adds["calls"] as? Int == 2 && adds["errors"] as? Int == 1)
        #expect(adds["open"] as? Int == 0)
        #expect(adds["p50"] as? Int ?? 0 > 0)
        #expect(adds["p99"] as? Int ?? 0 >= adds["p50"] as? Int ?? 0)
        let counter = try #require(rows("objects").first { $0["object"] as? String == "counter" })
        let greeter = try #require(rows("objects").first { $0["object"] as? String == "greeter" })
        // Each is asked for its interface, too.
        #expect(counter["calls"] as? Int == 4 && greeter["calls"] as? Int == 2)
        #expect(rows("objects").first?["object"] as? String == "counter")
        let nodes = rows("nodes").filter { $0["calls"] as? Int ?? 0 > 0 }
        #expect(nodes.map { $0["node"] as? String } == ["worker", "other"])
        #expect(all["calls"] as? Int == 6 && all["errors"] as? Int == 1)
        other.signal(SIGTERM)
    }

    @Test func `on no terminal top prints one table after another`() async throws {
        let site = try await Site(objects: ["counter"])
        let top = try Tool(
            ["top", "--interval", "200ms", "--by", "node"], environment: ["OBJBUS_URL": site.url])
        for _ in 0..<2 {
            try await top.line(with: "calls/s")
            try await top.line(with: "NODE")
            try await top.line(with: "worker")
        }
        top.signal(SIGINT)
    }

    @Test(arguments: [
        ["--by", "colour"], ["--sort", "size"], ["--rows", "0"], ["--interval", "9s"],
        ["--interval", "50ms"],
    ])
    func `options of top that make no sense are told`(options: [String]) async throws {
        let outcome = try await Tool(["top"] + options).outcome()
        #expect(outcome.status == 2 && outcome.output.isEmpty && outcome.errors.count == 1)
    }

    // MARK: Reports

    private func row(
        _ node: String, _ object: String, _ method: String, calls: Int64, failures: Int64 = 0,
        open: Int64 = 0, holders: Int64 = 1, place: Int64 = 110
    ) -> Value {
        .array([
            .string(node), .string("1/\(object)"), .string(object), .string(method),
            .integer(calls), 0, .integer(calls - failures - open), .integer(failures),
            .integer(open), .integer(holders), [.integer(place), .integer(calls - open)],
        ])
    }

    private func sample(_ seconds: Double, _ rows: [Value], since: Double = 1) -> TrafficSample {
        TrafficSample(
            .map(["since": .double(since), "seconds": .double(seconds), "rows": .array(rows)]))
    }

    private func report(
        _ order: TrafficReport.Order = .calls, rows: Int = 10
    ) -> TrafficReport {
        let former = self.sample(
            2, [self.row("desk", "a", "f()", calls: 10), self.row("desk", "b", "g()", calls: 5)])
        let latter = self.sample(
            4,
            [
                self.row("desk", "a", "f()", calls: 30, failures: 4),
                self.row("desk", "b", "g()", calls: 5),
                self.row("hall", "c", "f()", calls: 8, open: 2, holders: 3, place: 200),
            ])
        return TrafficReport(
            since: former, latter, held: ["desk": 7, "idle": 9], order, rows: rows)
    }

    @Test func `a report has what was added between two samples, the largest first`() {
        let report = self.report()
        #expect(report.seconds == 2)
        #expect(report.total.calls == 28 && report.total.errors == 4 && report.total.open == 2)
        #expect(report.groups[.node]?.map(\.title) == ["desk", "hall", "idle"])
        #expect(report.groups[.node]?.map(\.calls) == [20, 8, 0])
        #expect(report.groups[.node]?.map(\.pinned) == [7, 0, 9])
        #expect(report.groups[.object]?.map(\.title) == ["a", "c"])
        #expect(report.groups[.object]?.map(\.pinned) == [1, 3])
        #expect(report.groups[.method]?.map(\.calls) == [28])
        #expect(self.report(.p99).groups[.object]?.map(\.title) == ["c", "a"])
        #expect(self.report(.pinned).groups[.node]?.map(\.title) == ["idle", "desk", "hall"])
    }

    @Test func `after measuring has begun anew everything is new`() {
        let former = self.sample(2, [self.row("desk", "a", "f()", calls: 10)])
        let latter = self.sample(5, [self.row("desk", "a", "f()", calls: 4)], since: 4)
        let report = TrafficReport(since: former, latter, held: [:], .calls, rows: 10)
        #expect(report.total.calls == 4 && report.seconds == 1)
    }

    @Test func `tables are bounded, and tell how many rows are left out`() {
        let lines = self.report(rows: 1).lines(by: .node, width: 80)
        #expect(lines.first?.hasPrefix("14.0 calls/s  2.0 errors/s  p50 ") == true)
        #expect(
            lines.dropFirst(2).map { $0.split(separator: " ").first } == [
                "NODE", "desk", "and",
            ])
        #expect(lines.last == "and 2 more")
    }

    @Test(arguments: [40, 60, 120])
    func `lines fit the terminal, and numbers stay whole`(width: Int) {
        let long = String(repeating: "name/", count: 40)
        let sample = self.sample(
            4, [self.row(long, long, "\(long)f()", calls: 123_456, failures: 1_234)])
        let report = TrafficReport(
            since: self.sample(2, []), sample, held: [long: 1_000], .calls, rows: 10)
        let lines = report.lines(by: nil, width: width)
        #expect(lines.allSatisfy { $0.count <= width }, "\(lines)")
        #expect(lines.contains { $0.contains("61728") && $0.contains("…") })
    }
}
