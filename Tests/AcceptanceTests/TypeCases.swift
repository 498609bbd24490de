// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ObjectBus
import TestInterfaces
import TestObjects
import Testing

@Suite struct TypeCases {
    @Test(arguments: World.allCases)
    func `M16 M17 what belongs to a type is an object, and comes home as the original`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let factory = try await stage.client.find(CounterFactory.self, named: "factory")
            let first = try await factory.create()
            let second = try await factory.create()
            #expect(try await first.add(1) == 1)
            #expect(try await second.add(2) == 2)
            #expect(try await factory.made() == 2)
            #expect(try await factory.isSelf(factory))
        }
    }

    @Test(arguments: World.allCases)
    func `M22 an object is held as whatever it is, and as nothing else`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let remote = try await stage.client.object(named: "greeter/stable")
            let greeting = try await remote.as($Greeting.self)
            #expect(try await greeting.greet("ada", times: 1) == "hello ada")
            let greeter = try await greeting.as(StableGreeter.self)
            #expect(try await greeter.greet("bob", times: 1) == "hello bob")
            let counter = try await stage.client.object(named: "counter")
            #expect(try await counter.as(Counter.self).add(1) == 1)
            let none = await #expect(throws: BusError.self) {
                try await counter.as($Greeting.self)
            }
            #expect(none?.kind == .invalid)
            #expect(none?.message.contains("Counter is no Greeting") == true)
            let other = await #expect(throws: BusError.self) {
                try await counter.as(Directory.self)
            }
            #expect(other?.message.contains("remember(_:)") == true)
            let plain = try await stage.client.object(named: "greeter/plain")
            let mute = await #expect(throws: BusError.self) { try await plain.as($Greeting.self) }
            #expect(mute?.kind == .unimplemented)
            let own = Counter(actorSystem: stage.client)
            #expect(try await RemoteObject(own).as(Counter.self) === own)
        }
    }

    @Test(arguments: World.allCases)
    func `an object with a type parameter is called by its type and without`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let box = try await stage.client.find(Box<Int>.self, named: "box")
            #expect(try await box.get() == 5)
            #expect(try await box.exchange(6) == 5)
            let remote = try await stage.client.object(named: "box")
            let six: Int = try await remote.get()
            #expect(six == 6)
            let wrong = try await stage.client.find(Box<String>.self, named: "box")
            let error = await #expect(throws: BusError.self) { try await wrong.exchange("x") }
            #expect(error?.kind == .invalid)
            #expect(try await remote.interface().name == "Box")
        }
    }

    @Test(arguments: World.allCases)
    func `M19 a node's root lists what it has, looks it up and is called`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let nodes = try await stage.client.nodes().arrayValue ?? []
            let names = try await stage.client.names(prefix: "counter")
            let node = try #require(names.first?.node)
            #expect(nodes.contains { $0["node"]?.stringValue == node })
            let root = try await stage.client.namespace(ofNode: node)
            #expect(try await root.nodeName == node)
            let all = try await root.list()
            #expect(all.contains(Namespace.Entry(name: "counter", interface: "Counter")))
            #expect(
                try await root.list(below: "greeter").map(\.name)
                    == ["greeter/plain", "greeter/stable"])
            let counter = try await root.find(Counter.self, named: "counter")
            #expect(try await counter.add(2) == 2)
            let listed: Value = try await root.object.list()
            #expect(listed.arrayValue?.count == all.count)
            let missing = await #expect(throws: BusError.self) {
                try await root.lookUp("nosuch")
            }
            #expect(missing?.kind == .notFound)
            #expect(missing?.message.contains("blocker/0") == true)
            #expect(missing?.message.hasSuffix(" and \(all.count - 8) more") == true)
            let stranger = await #expect(throws: BusError.self) {
                try await stage.client.namespace(ofNode: "nobody")
            }
            #expect(stranger?.kind == .notFound)
        }
    }

    @Test(arguments: World.withoutLosses)
    func `a batch is one call, and each of its calls has its own outcome`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let counter = try await stage.client.object(named: "counter")
            let before = try await stage.client.status()["calls"]?.intValue ?? 0
            var batch = Batch()
            for number in 1...100 { batch.add("add(_:)", number) }
            batch.add("subtract(_:)", 1)
            batch.add("value()")
            let results = try await counter.perform(batch)
            let after = try await stage.client.status()["calls"]?.intValue ?? 0
            #expect(after - before == 1)
            #expect(results.count == 102)
            #expect(try results[99].get() == .integer(5_050))
            let error = #expect(throws: BusError.self) { try results[100].get() }
            #expect(error?.kind == .unimplemented)
            #expect(try results[101].get() == .integer(5_050))
        }
    }

    @Test(arguments: World.allCases)
    func `calls of a batch take references, and nested batches are refused`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let directory = try await stage.client.object(named: "directory")
            let mine = Counter(actorSystem: stage.client)
            var batch = Batch()
            batch.add("remember(_:)", mine)
            batch.add("addToAll(_:)", 7)
            batch.add("$batch(_:)", [[String]]())
            batch.add("forget()")
            let results = try await directory.perform(batch)
            #expect(try results[1].get() == .array([.integer(7)]))
            #expect(try await mine.value() == 7)
            let nested = #expect(throws: BusError.self) { try results[2].get() }
            #expect(nested?.kind == .invalid)
            #expect(throws: Never.self) { try results[3].get() }
        }
    }
}
