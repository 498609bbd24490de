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

    @Test(arguments: World.allCases)
    func `who watches names gets the state, then every change in order`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let owner = try await stage.attach(name: "owner")
            let counter = Counter(actorSystem: owner)
            try await owner.publish(counter, as: "watched/0")
            var changes = stage.client.watchNames(prefix: "watched/").makeAsyncIterator()
            var known = NameView()
            while !known.names.contains("watched/0") { known.take(try await changes.next()) }
            for round in 1...20 {
                try await owner.publish(counter, as: "watched/\(round)")
                if round > 10 { try await owner.withdraw("watched/\(round - 10)") }
            }
            while !known.names.contains("watched/20") || known.names.contains("watched/10") {
                known.take(try await changes.next())
            }
            #expect(known.names == Set([0] + (11...20)).map { "watched/\($0)" }.sorted())
            // Without a restart of the broker nothing was left out.
            if known.snapshots == 1 {
                let published = (1...20).map { "watched/\($0)" }
                #expect(known.published.filter { $0 != "watched/0" } == published)
            }
            owner.close()
            while !known.names.isEmpty { known.take(try await changes.next()) }
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

    @Test(.timeLimit(.minutes(1)), arguments: World.withoutLosses)
    func `a one-way call goes to the object that the name means now`(world: World) async throws {
        try await Stage.run(world) { stage in
            let (first, second) = (
                try await stage.attach(name: "first"), try await stage.attach(name: "second")
            )
            let gates = (Gate(actorSystem: first), Gate(actorSystem: second))
            try await first.publish(gates.0, as: "noted")
            try await second.publish(gates.1, as: "noted")
            let proxy = try await stage.client.find(Gate.self, named: "noted").oneway
            first.close()
            // Until the client has heard of it, calls are sent and lost.
            while try await gates.1.noted().isEmpty {
                try await proxy.note(1)
                await Task.yield()
            }
            second.close()
        }
    }
}

/// What somebody knows of names who is told of changes.
private struct NameView {
    private(set) var snapshots = 0
    private var known: Set<String> = []
    /// Names in the order in which they were told to be there.
    private(set) var published: [String] = []

    var names: [String] { self.known.sorted() }

    mutating func take(_ change: NameChange?) {
        switch change {
        case .snapshot(let entries):
            self.snapshots += 1
            self.known = Set(entries.map(\.name))
        case .changed(let name, let entries):
            if entries.isEmpty {
                self.known.remove(name)
            } else {
                self.known.insert(name)
                self.published.append(name)
            }
        case nil:
            break
        }
    }
}
