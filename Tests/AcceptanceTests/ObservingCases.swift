// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import ObjectBus
import TestObjects
import TestPrograms
import Testing

/// What is seen of calls between processes.
@Suite(.timeLimit(.minutes(1))) struct ObservingCases {
    @Test func `a trace follows a call to the calls that its handler makes in other processes`()
        async throws
    {
        try await Site.run(.ipc) { site in
            let workers = [
                try await site.start("directory", "home"),
                try await site.start("directory", "user"),
            ]
            let home = try await site.client.find(Directory.self, named: "home")
            let user = try await site.client.find(Directory.self, named: "user")
            for _ in 0..<2 { try await user.remember(home.create()) }
            let trace = try Program(
                "objbus", ["trace", "user", "--count", "1", "--json", "--bus", site.url],
                keepsErrors: true)
            try await trace.errorLine(with: "watching")
            #expect(try await user.addToAll(2) == [2, 2])
            let tree = try JSONDecoder().decode(
                Tree.self, from: Data(try await trace.line().utf8))
            #expect(tree.caller == "client" && tree.method == "addToAll(_:)")
            #expect(tree.outcome == "reply" && tree.name == "user")
            #expect(tree.below.map(\.method) == ["add(_:)", "add(_:)"])
            #expect(tree.below.allSatisfy { $0.below.isEmpty && $0.outcome == "reply" })
            let inner = tree.below.reduce(0) { $0 + $1.nanoseconds }
            #expect(inner > 0 && inner <= tree.nanoseconds)
            #expect(tree.forwarded <= tree.below.first?.forwarded ?? 0)
            for worker in workers { worker.kill() }
        }
    }

    /// What `objbus trace --json` prints of a call.
    private struct Tree: Decodable {
        let caller: String
        let name: String?
        let method: String
        let outcome: String
        let forwarded: Double
        let nanoseconds: Int64
        let below: [Tree]
    }
}
