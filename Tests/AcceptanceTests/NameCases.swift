// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ObjectBus
import TestObjects
import Testing

@Suite struct NameCases {
    @Test(arguments: World.allCases)
    func `M23 an unknown name is not found, and what exists is told`(world: World) async throws {
        try await Stage.run(world) { stage in
            let error = await #expect(throws: BusError.self) {
                try await stage.client.find(Counter.self, named: "countr")
            }
            #expect(error?.kind == .notFound)
            #expect(error?.message.contains("counter") == true)
        }
    }

    @Test(arguments: World.allCases)
    func `M24 names are listed, also while they change`(world: World) async throws {
        try await Stage.run(world) { stage in
            let before = try await stage.client.names().map(\.name)
            #expect(before == before.sorted() && before.contains("counter"))
            try await withThrowingTaskGroup { group in
                group.addTask {
                    for round in 0..<50 {
                        let counter = Counter(actorSystem: stage.client)
                        try await stage.client.publish(counter, as: "changing/\(round)")
                        try await stage.client.withdraw("changing/\(round)")
                    }
                }
                group.addTask {
                    for _ in 0..<50 {
                        let names = try await stage.client.names().map(\.name)
                        #expect(Set(before).isSubset(of: names))
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await stage.client.names(prefix: "changing/").isEmpty)
        }
    }

    @Test(arguments: World.withoutLosses)
    func `a name follows its object to another node`(world: World) async throws {
        try await Stage.run(world) { stage in
            let standby = try await stage.attach(name: "standby")
            let first = Counter(actorSystem: standby)
            try await standby.publish(first, as: "moving")
            let third = try await stage.attach(name: "third")
            let second = Counter(actorSystem: third)
            try await third.publish(second, as: "moving")
            let proxy = try await stage.client.find(Counter.self, named: "moving")
            #expect(try await proxy.add(5) == 5)
            #expect(try await first.value() == 5)
            let fence = try #require(stage.client.fence(of: proxy))
            #expect(try await standby.fence(ofOwn: "moving") == fence)
            #expect(try await third.fence(ofOwn: "moving") == nil)
            standby.close()
            // A call that is under way when its node ends may have run: wait until it has ended.
            while try await stage.client.names(prefix: "moving").count == 2 { await Task.yield() }
            #expect(try await proxy.add(7) == 7)
            #expect(try await second.value() == 7)
            let later = try #require(stage.client.fence(of: proxy))
            #expect(try await third.fence(ofOwn: "moving") == later && later > fence)
            third.close()
        }
    }
}
