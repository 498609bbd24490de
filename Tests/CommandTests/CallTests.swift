// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import TestPrograms
import Testing

@Suite(.serialized, .timeLimit(.minutes(2))) struct CallTests {
    @Test func `a counter in another process counts on from call to call`() async throws {
        let site = try await Site(listen: "tcp://127.0.0.1:0")
        #expect(
            try await site.run("call", "counter", "add", "3")
                == Outcome(status: 0, output: ["3"], errors: []))
        #expect(try await site.call("counter", "add", "3") == "6")
        #expect(try await site.call("counter", "add(_:)", "-4") == "2")
        #expect(
            try await site.run("call", "counter", "reset")
                == Outcome(status: 0, output: [], errors: []))
        #expect(try await site.call("counter", "total", "--json") == "0")
        #expect(try await site.call("counter", "reset", "--json") == "null")
    }

    @Test func `labels choose the method, in any order`() async throws {
        let site = try await Site(objects: ["greeter"])
        #expect(try await site.call("greeter", "greet", "Ada") == "Hello, Ada!")
        #expect(try await site.call("greeter", "greet", "Ada", "in=fr") == "Bonjour, Ada!")
        #expect(try await site.call("greeter", "greet", "in=de", "Ada") == "Hallo, Ada!")
        #expect(try await site.call("greeter", "greet(_:in:)", "Ada", "it") == "Ciao, Ada!")
        #expect(try await site.call("greeter", "greet", "_=a=b") == "Hello, a=b!")
        #expect(try await site.call("greeter", "greet", #""1""#, "--json") == #""Hello, 1!""#)
        let twice = try await site.run("call", "greeter", "greet", "x", "times=2")
        #expect(try json(twice.output) as? [String] == ["Hello, x!", "Hello, x!"])
    }

    @Test func `a reference's tag stands for the object in later commands`() async throws {
        let site = try await Site(objects: ["bank"])
        let ada = try await site.call("bank", "account", "ada")
        #expect(ada.hasPrefix("ref:"))
        #expect(try await site.call(ada, "deposit", "10") == "10")
        #expect(try await site.call("bank/ada", "balance") == "10")
        let bob = try await site.call("bank", "account", "bob", "--json")
        #expect(try await site.call(ada, "transfer", "4", "to=\(bob)") == "6")
        let tag = try #require((try json([bob]) as? [String: String])?["$ref"])
        #expect(try await site.call(tag, "balance") == "4")
        #expect(try await site.call(ada, "transfer", "1", "to=\(tag)") == "5")
        // Both arguments' tags, one of them the called object itself.
        #expect(try await site.call(ada, "transfer", "1", "to=\(ada)") == "5")
        let all = try await site.run("call", "bank", "accounts")
        #expect(
            try json(all.output) as? [[String: String]] == [["$ref": ada], ["$ref": tag]])
        let shown = try await site.run("introspect", ada)
        #expect(shown.output.first == "Account")
        #expect(shown.output.contains("deposit(_ amount: Int) throws -> Int"))
    }

    @Test func `a published object is passed by its name`() async throws {
        let site = try await Site(objects: ["greeter"])
        #expect(try await site.call("greeter", "meet", #"{"$ref":"greeter"}"#) == "Hello, objbus!")
        let unknown = try await site.run("call", "greeter", "meet", #"{"$ref":"nosuch"}"#)
        #expect(unknown.status == 3)
    }

    @Test func `files are read through a reference that a command holds`() async throws {
        let site = try await Site(objects: ["files"])
        let bytes = Data([0x00, 0xFF, 0x0A, 0x41])
        try bytes.write(to: URL(fileURLWithPath: "\(site.folder)/some.bin"))
        let holder = try Tool(
            ["call", "--bus", site.url, "files", "open", "some.bin", "--hold"])
        let tag = try await holder.line(with: "ref:")
        #expect(try await site.call(tag, "size") == "4")
        let read = try await site.run("call", tag, "read", "2")
        #expect(try json(read.output) as? [String: String] == ["$bytes": "AP8="])
        #expect(try await site.call(tag, "read", "100", "--raw") == "\nA")
        holder.signal(SIGTERM)
        #expect(try await holder.exitStatus() == 0)
        #expect(try await site.run("call", tag, "size").status == 3)
        let outside = try await site.run("call", "files", "open", "../../../../etc/passwd")
        #expect(outside.status == 1)
        #expect(outside.errors.first?.contains("outside of the folder served") == true)
        let list = try await site.run("call", "files", "list")
        let names = (try json(list.output) as? [[String: Any]])?.compactMap {
            $0["name"] as? String
        }
        #expect(names?.contains("some.bin") == true)
    }
}
