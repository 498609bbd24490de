// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import TestPrograms
import Testing

@Suite(.serialized, .timeLimit(.minutes(2))) struct ListingTests {
    @Test func `ls goes on with every change when it is told to`() async throws {
        let site = try await Site(objects: ["counter"])
        let tool = try Tool(["ls", "count", "--watch", "--bus", site.url])
        #expect(try await tool.line().hasPrefix("counter  Counter  worker  "))
        let other = try await site.worker(["counter"], name: "other")
        #expect(try await tool.line(with: "other").hasSuffix("standby 1"))
        site.worker.signal(SIGTERM)
        #expect(try await tool.line(with: "other").hasSuffix("/1"))
        other.signal(SIGTERM)
        #expect(try await tool.line() == "counter  -")
        tool.signal(SIGINT)
    }

    @Test func `ls lists names, interfaces and nodes, and who stands by`() async throws {
        let site = try await Site(objects: ["counter", "bank"])
        let plain = try await site.run("ls")
        #expect(plain.status == 0)
        #expect(plain.output.map { $0.split(separator: " ").first } == ["NAME", "bank", "counter"])
        let rows = try #require(
            try json(try await site.run("ls", "--json").output) as? [[String: Any]])
        #expect(rows.map { $0["name"] as? String } == ["bank", "counter"])
        #expect(rows.map { $0["interface"] as? String } == ["Bank", "Counter"])
        #expect(rows.allSatisfy { $0["node"] as? String == "worker" && $0["standby"] as? Int == 0 })
        #expect(rows.allSatisfy { $0["fence"] as? Int ?? 0 > 0 })
        _ = try await site.call("bank", "account", "ada")
        let below = try await site.run("ls", "bank/", "--json")
        #expect((try json(below.output) as? [[String: Any]])?.count == 1)
        let other = try await site.worker(["counter"], name: "other")
        let standby = try await site.run("ls", "counter")
        #expect(standby.output.count == 3)
        #expect(standby.output.first?.hasSuffix("STANDBY") == true)
        #expect(standby.output.last?.contains("other") == true)
        #expect(standby.output.last?.hasSuffix("1") == true)
        other.signal(SIGTERM)
        #expect(try await other.exitStatus() == 0)
        #expect(try await site.run("ls", "counter").output.count == 2)
    }

    @Test func `ls lists replicas with their policy, and calls go to one after another`()
        async throws
    {
        let options = ["--replicas", "roundRobin", "counter"]
        let site = try await Site(objects: options)
        let other = try await site.worker(options, name: "other")
        let plain = try await site.run("ls")
        #expect(plain.output.count == 3)
        #expect(plain.output.first?.hasSuffix("REPLICAS") == true)
        #expect(plain.output.dropFirst().allSatisfy { $0.hasSuffix("roundRobin") })
        let rows = try #require(
            try json(try await site.run("ls", "--json").output) as? [[String: Any]])
        #expect(rows.map { $0["node"] as? String } == ["worker", "other"])
        #expect(rows.allSatisfy { $0["replicas"] as? String == "roundRobin" })
        #expect(rows.allSatisfy { $0["standby"] as? Int == 0 && $0["fence"] == nil })
        #expect(try await site.run("tree").output.count == 1)
        let queue = try Tool(["worker", "--bus", site.url, "counter"])
        let outcome = try await queue.outcome()
        #expect(outcome.status != 0)
        #expect(outcome.errors.first?.contains("counter is a group of replicas") == true)
        other.signal(SIGTERM)
        #expect(try await other.exitStatus() == 0)
        #expect(try await site.run("ls").output.count == 2)
        let unknown = try await Tool(["worker", "--replicas", "fairly", "counter"]).outcome()
        #expect(unknown.status == 2)
        #expect(
            unknown.errors == [
                "error: --replicas: replicas: 'fairly' is no policy; known are roundRobin, "
                    + "leastOutstanding"
            ])
    }

    @Test func `an empty bus lists nothing`() async throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let url = "ipc://\(folder)/bus"
        let broker = try Tool(["broker", "--listen", url, "--state", folder])
        try await broker.line(with: "listening on")
        let outcome = try await Tool(["ls", "--json", "--bus", url]).outcome()
        #expect(outcome.status == 0)
        #expect((try json(outcome.output) as? [Any])?.isEmpty == true)
    }

    @Test func `nodes, status and ping tell of the broker`() async throws {
        let site = try await Site(objects: ["counter"])
        let nodes = try #require(
            try json(try await site.run("nodes", "--json").output) as? [[String: Any]])
        let worker = try #require(nodes.first { $0["node"] as? String == "worker" })
        #expect(worker["process"] as? Int == Int(site.worker.processID))
        #expect(worker["state"] as? String == "linked")
        #expect(worker["names"] as? Int == 1)
        let plain = try await site.run("nodes")
        #expect(plain.output.first?.hasPrefix("NODE") == true)
        let status = try #require(
            try json(try await site.run("status", "--json").output) as? [String: Any])
        #expect(status["names"] as? Int == 1)
        #expect(status["garbage"] as? Int == 0)
        #expect(try await site.run("status").output.first?.hasPrefix("run: ") == true)
        #expect(try await site.run("ping").output.first?.hasPrefix("broker: ") == true)
        let drops = try #require(status["drops"] as? [String: Int])
        #expect(drops["serviceNotFound"] == 0 && drops["linkGap"] == 0)
        _ = try await site.run("call", "nobody", "add", "1")
        let later = try await site.run("status").output
        #expect(later.filter { $0.hasPrefix("drops.") } == ["drops.serviceNotFound:  1"])
        let ping = try await site.run("ping", "counter", "--count", "3", "--json")
        let measured = try #require(try json(ping.output) as? [String: Any])
        #expect(measured["target"] as? String == "counter")
        #expect(measured["count"] as? Int == 3)
    }

    @Test func `status of a node tells what it has not done, and why`() async throws {
        let site = try await Site(objects: ["counter"])
        #expect(try await site.run("status", "worker").output == ["node:  worker"])
        site.broker.signal(SIGTERM)
        #expect(try await site.broker.exitStatus() == 0)
        let next = try Tool(["broker", "--listen", site.url, "--state", site.folder])
        try await next.line(with: "listening on")
        // Found once the worker is back.
        _ = try await site.call("counter", "add", "1")
        let plain = try await site.run("status", "worker").output
        let told = try #require(
            try json(try await site.run("status", "worker", "--json").output) as? [String: Any])
        let drops = try #require(told["drops"] as? [String: Int])
        #expect(told["node"] as? String == "worker")
        #expect(drops["brokerStopped"] == 1 && drops["duplicateRunning"] == 0)
        #expect(plain.count == 1 + drops.values.count { $0 > 0 })
        let unknown = try await site.run("status", "nobody")
        #expect(unknown.status == 3 && unknown.errors.first?.contains("worker") == true)
    }

    @Test func `refs shows what is held and by whom`() async throws {
        let site = try await Site(objects: ["counter", "bank"])
        let plain = try await site.run("refs")
        #expect(plain.status == 0)
        #expect(plain.output.first?.hasPrefix("REFERENCE") == true)
        #expect(plain.output.allSatisfy { $0.count <= 80 })
        #expect(plain.output.count { $0.contains("worker") } >= 2)
        let list = try #require(
            try json(try await site.run("refs", "--json").output) as? [String: Any])
        let rows = try #require(list["references"] as? [[String: Any]])
        let counter = try #require(rows.first { $0["names"] as? [String] == ["counter"] })
        let reference = try #require(counter["reference"] as? String)
        for argument in ["counter", reference] {
            let one = try await site.run("refs", argument, "--json")
            let map = try #require(try json(one.output) as? [String: Any])
            #expect(map["reference"] as? String == reference)
            #expect((map["holders"] as? [Any])?.isEmpty == true)
        }
        let alone = try await site.run("refs", "counter")
        #expect(alone.output.first == "reference:  \(reference)")
        #expect(alone.errors == ["only names hold it"])
        let missing = try await site.run("refs", "countre")
        #expect(missing.status == 3 && missing.errors.first?.contains("counter") == true)
    }

    @Test func `nobody is left at the broker when commands have ended`() async throws {
        let site = try await Site(objects: ["counter"])
        for _ in 0..<5 { _ = try await site.call("counter", "add", "1") }
        let nodes = try json(try await site.run("nodes", "--json").output) as? [[String: Any]]
        // The worker, and the command that asks.
        #expect(nodes?.count == 2)
    }

    @Test func `introspect shows declarations with their documentation`() async throws {
        let site = try await Site(objects: ["greeter"])
        let plain = try await site.run("introspect", "greeter")
        #expect(plain.output.first == "Greeter")
        #expect(plain.output.contains("greet(_ name: String, times: Int) -> [String]"))
        #expect(plain.output.contains("    Greets `name` in English."))
        #expect(plain.output.allSatisfy { $0.count <= 80 && !$0.contains("\u{1B}") })
        let value = try json(try await site.run("introspect", "greeter", "--json").output)
        let interface = try #require(value as? [String: Any])
        #expect(interface["name"] as? String == "Greeter")
        let methods = try #require(interface["methods"] as? [[String: Any]])
        let greet = try #require(methods.first { $0["name"] as? String == "greet(_:times:)" })
        #expect(greet["signature"] as? String == "greet(_ name: String, times: Int) -> [String]")
        #expect(greet["returns"] as? String == "[String]")
        #expect((greet["parameters"] as? [[String: Any]])?.count == 2)
    }
}
