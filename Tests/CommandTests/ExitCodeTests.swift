// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import TestPrograms
import Testing

@Suite(.serialized, .timeLimit(.minutes(2))) struct ExitCodeTests {
    @Test func `an error that the object threw is code 1`() async throws {
        let site = try await Site(objects: ["bank"])
        _ = try await site.call("bank", "account", "ada")
        let plain = try await site.run("call", "bank/ada", "withdraw", "5")
        #expect(
            plain
                == Outcome(
                    status: 1, output: [],
                    errors: [
                        "error: BusExamples.InsufficientFunds: the balance is 0, not 5 "
                            + "(in withdraw(_:) of bank/ada at worker)"
                    ]))
        let outcome = try await site.run("call", "bank/ada", "withdraw", "5", "--json")
        #expect(outcome.status == 1 && outcome.output.isEmpty && outcome.errors.count == 1)
        let error = try #require(try json(outcome.errors) as? [String: Any])
        #expect(error["kind"] as? String == "failed")
        #expect(error["executed"] as? String == "yes")
        #expect(error["exitCode"] as? Int == 1)
        #expect(error["error"] as? String == "the balance is 0, not 5")
        #expect(error["type"] as? String == "BusExamples.InsufficientFunds")
        #expect(error["value"] as? [String: Int] == ["balance": 0, "amount": 5])
        #expect((error["hops"] as? [[String: String]])?.first?["node"] == "worker")
    }

    @Test(arguments: [
        (["call", "counter", "add", #""x""#], "expected Int, found string"),
        (["call", "counter", "add"], "add(_ amount: Int) throws -> Int"),
        (["call", "counter", "add", "1", "2"], "called as: add AMOUNT"),
        (["call", "counter", "add", "amount=3"], "called as: add AMOUNT"),
        (["call", "counter", "add(amount:)", "3"], "add(_ amount: Int) throws -> Int"),
        (["call", "counter", "add", "ref:zz"], "no reference tag"),
        (["call", "ref:zz", "add", "3"], "no reference tag"),
        (["call", "counter"], "see 'objbus call --help'"),
        (["ls", "--nosuch"], "see 'objbus ls --help'"),
        (["ls", "--timeout", "never"], "see 'objbus ls --help'"),
        (["nosuch"], "see 'objbus --help'"),
        (["ls", "--bus", "nonsense"], "use tcp://HOST:PORT or ipc://PATH"),
    ]) func `wrong arguments are code 2`(arguments: [String], text: String) async throws {
        let site = try await Site(objects: ["counter"])
        let outcome = try await Tool(arguments, environment: ["OBJBUS_URL": site.url]).outcome()
        #expect(outcome.status == 2 && outcome.output.isEmpty && outcome.errors.count == 1)
        let line = outcome.errors.first ?? ""
        #expect(line.hasPrefix("error: ") && line.contains(text), "\(line)")
        #expect(try await site.call("counter", "add", "1") == "1")
    }

    @Test func `what does not exist is code 3, naming what does`() async throws {
        let site = try await Site(objects: ["bank", "counter"])
        let name = try await site.run("call", "nosuch", "add", "3")
        #expect(name.status == 3)
        #expect(name.errors.first?.contains("bank, counter") == true)
        let method = try await site.run("call", "counter", "nosuch")
        #expect(method.status == 3)
        #expect(method.errors.first?.contains("it has add(_:), total(), reset()") == true)
        let json = try await site.run("introspect", "nosuch", "--json")
        #expect(json.status == 3)
        #expect(json.errors.first?.contains(#""kind":"notFound""#) == true)
    }

    @Test func `without a broker it is code 4, with the command that starts one`() async throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let url = "ipc://\(folder)/none"
        let start = ContinuousClock.now
        let outcome = try await Tool(["ls", "--bus", url, "--timeout", "300ms"]).outcome()
        #expect(start.duration(to: .now) < .seconds(3))
        #expect(outcome.status == 4)
        #expect(outcome.errors.count == 1)
        #expect(outcome.errors.first?.contains("objbus broker --listen \(url)") == true)
    }

    @Test func `a call that takes too long is code 4`() async throws {
        let site = try await Site(objects: ["counter"])
        site.worker.signal(SIGSTOP)
        let outcome = try await site.run("call", "counter", "total", "--timeout", "300ms")
        site.worker.signal(SIGCONT)
        #expect(outcome.status == 4)
        #expect(outcome.errors.first?.contains("the deadline passed") == true)
        #expect(try await site.call("counter", "total") == "0")
    }

    @Test func `a forged tag is code 5`() async throws {
        let site = try await Site(objects: ["bank"])
        var tag = try await site.call("bank", "account", "ada")
        tag = String(tag.dropLast()) + (tag.hasSuffix("0") ? "1" : "0")
        let outcome = try await site.run("call", tag, "balance")
        #expect(outcome.status == 5)
        #expect(try await site.run("call", "bank/ada", "transfer", "0", "to=\(tag)").status == 5)
    }

    @Test func `after kill -9 of the worker a call ends in time, and works with the next one`()
        async throws
    {
        let site = try await Site(objects: ["counter"])
        #expect(try await site.call("counter", "add", "1") == "1")
        site.worker.signal(SIGKILL)
        let start = ContinuousClock.now
        let outcome = try await site.run("call", "counter", "add", "1")
        // Two of these are the resume window; the rest is for a build with a sanitizer.
        #expect(start.duration(to: .now) < .seconds(5))
        #expect([3, 4].contains(outcome.status), "\(outcome)")
        let next = try await site.worker(["counter"], name: "next")
        #expect(try await site.call("counter", "add", "1") == "1")
        next.signal(SIGTERM)
        #expect(try await next.exitStatus() == 0)
    }

    @Test(arguments: [["--version"], ["--help"], ["help", "call"], ["worker", "--help"]])
    func `help is code 0 on the standard output`(arguments: [String]) async throws {
        let outcome = try await Tool(arguments).outcome()
        #expect(outcome.status == 0 && outcome.errors.isEmpty)
        #expect(!outcome.output.isEmpty)
    }
}
