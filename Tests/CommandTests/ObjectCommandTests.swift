// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import Foundation
import TestPrograms
import Testing

@testable import BusCommand

@Suite(.serialized, .timeLimit(.minutes(2))) struct ObjectCommandTests {
    @Test func `N2 a property is read, written and listed`() async throws {
        let site = try await Site(objects: ["toolbox", "counter"])
        #expect(try await site.run("get", "toolbox", "level").output == ["1"])
        #expect(try await site.run("set", "toolbox", "level", "7").status == 0)
        #expect(try await site.run("get", "toolbox").output == ["level  7"])
        let all = try json(try await site.run("get", "toolbox", "--json").output)
        #expect(all as? [String: Int] == ["level": 7])
        let wrong = try await site.run("set", "toolbox", "level", "x")
        #expect(wrong.status == 2)
        #expect(wrong.errors.contains { $0.contains("expected Int") })
        let range = try await site.run("set", "toolbox", "level", "11")
        #expect(range.status == 2)
        let missing = try await site.run("get", "toolbox", "size")
        #expect(missing.status == 3)
        #expect(missing.errors.contains { $0.contains("no property called 'size'; it has level") })
        let none = try await site.run("set", "counter", "total", "1")
        #expect(none.status == 3)
        #expect(try await site.run("set", "toolbox", "level").status == 2)
    }

    @Test func `M19 tree shows names below one another, of all nodes or of one`() async throws {
        let site = try await Site(objects: ["bank", "toolbox"])
        _ = try await site.call("bank", "account", "ada")
        _ = try await site.call("bank", "account", "bob")
        let lines = [
            "bank  (Bank)", "|-- ada  (Account)", "`-- bob  (Account)", "toolbox  (Toolbox)",
        ]
        #expect(try await site.run("tree").output == lines)
        #expect(try await site.run("tree", "--node", "worker").output == lines)
        #expect(try await site.run("tree", "bank").output == Array(lines.prefix(3)))
        let value = try json(try await site.run("tree", "--json").output) as? [String: Any]
        let bank = try #require(value?["bank"] as? [String: Any])
        #expect(bank["interface"] as? String == "Bank")
        #expect((bank["below"] as? [String: Any])?.keys.sorted() == ["ada", "bob"])
        let stranger = try await site.run("tree", "--node", "nobody")
        #expect(stranger.status == 3)
    }

    @Test func `an interface is saved, and a later one compared with it`() async throws {
        let site = try await Site(objects: ["counter", "greeter"])
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func save(_ name: String, _ lines: [String]) throws -> String {
            let path = "\(folder)/\(name).json"
            try lines.joined(separator: "\n").write(
                toFile: path, atomically: true, encoding: .utf8)
            return path
        }
        let counter = try await site.run("interface", "counter").output
        let old = try save("counter", counter)
        let greeter = try save("greeter", try await site.run("interface", "greeter").output)
        let same = try await Tool(["diff", old, old]).outcome()
        #expect(same.status == 0 && same.output.isEmpty)
        let broken = try await Tool(["diff", old, greeter]).outcome()
        #expect(broken.status == 1)
        #expect(broken.output.contains { $0.hasPrefix("breaking  add(_:)") })
        let more = try save(
            "more",
            counter.map { $0.replacing("\"reset()\"", with: "\"restart()\"") })
        let rows = try await Tool(["diff", old, more, "--json"]).outcome()
        #expect(rows.status == 1)
        let list = try #require(try json(rows.output) as? [[String: String]])
        #expect(list.map { $0["effect"] } == ["breaking", "harmless"])
        #expect(list.map { $0["method"] } == ["reset()", "restart()"])
        let garbage = try await Tool(["diff", old, try save("garbage", ["[]"])]).outcome()
        #expect(garbage.status == 2)
        #expect(try await Tool(["diff", old, "\(folder)/none"]).outcome().status == 2)
    }

    @Test func `M5 a function and a list are used from a shell by their tags`() async throws {
        let site = try await Site(objects: ["toolbox"])
        let held = try Tool(
            ["call", "toolbox", "adder", "--hold"], environment: ["OBJBUS_URL": site.url])
        let tag = try await held.line(with: "ref:")
        #expect(try await site.call(tag, "callAsFunction", "2", "3") == "5")
        let list = try Tool(
            ["call", "toolbox", "numbers", "--hold"], environment: ["OBJBUS_URL": site.url])
        let numbers = try await list.line(with: "ref:")
        _ = try await site.call(numbers, "append", "4")
        let copy = try await site.call(numbers, "copy")
        #expect(copy.filter { !$0.isWhitespace } == "[1,2,3,4]")
        let text = try await site.run("introspect", numbers).output
        #expect(text.first == "SharedList<Int>")
        #expect(text.allSatisfy { $0.count <= 80 })
        for tool in [held, list] {
            tool.signal(SIGTERM)
            #expect(try await tool.exitStatus() == 0)
        }
    }

    @Test func `a tree of names has a line for each word`() {
        let tree = NameTree([
            .init(name: "a/b/c", interface: "C"), .init(name: "a/d", interface: "D"),
            .init(name: "e", interface: "E"),
        ])
        #expect(
            tree.lines(isColored: false) == [
                "a", "|-- b", "|   `-- c  (C)", "`-- d  (D)", "e  (E)",
            ])
    }
}
