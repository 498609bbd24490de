// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ObjectBus
import TestInterfaces
import TestObjects
import Testing

@Suite struct ObjectCases {
    @Test(arguments: World.allCases)
    func `M7 M11 methods are called by type and without it, missing ones are told`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let counter = try await stage.client.find(Counter.self, named: "counter")
            #expect(try await counter.add(3) == 3)
            let remote = try await stage.client.object(named: "counter")
            let total: Int = try await remote.add(4)
            #expect(total == 7)
            let error = await #expect(throws: BusError.self) {
                try await remote.subtract(1)
            }
            #expect(error?.kind == .unimplemented)
            #expect(error?.message.contains("add(_:)") == true)
            let wrong = await #expect(throws: BusError.self) {
                try await remote.add("x")
            }
            #expect(wrong?.kind == .invalid)
            let many = await #expect(throws: BusError.self) {
                try await remote.add(1, 2)
            }
            #expect(many?.kind == .invalid)
            #expect(try await counter.value() == 7)
        }
    }

    @Test(arguments: World.allCases)
    func `M9 an object calls one of its own side`(world: World) async throws {
        try await Stage.run(world) { stage in
            let directory = try await stage.client.find(Directory.self, named: "directory")
            #expect(try await directory.countHere(2) == 2)
            #expect(try await directory.countHere(2) == 4)
        }
    }

    @Test(arguments: World.allCases)
    func `M12 a doc comment is read remotely, and a method calls an object of its caller`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let mine = Counter(actorSystem: stage.client)
            _ = try await mine.add(39)
            let directory = try await stage.client.find(Directory.self, named: "directory")
            #expect(try await directory.totalPlusThree(of: mine) == 42)
            let remote = try await stage.client.object(named: "directory")
            let untyped: Int = try await remote.totalPlusThree(of: mine)
            #expect(untyped == 42)
            let interface = try await remote.interface()
            #expect(interface.documentation == "Remembers objects of others, and calls them.")
            let method = interface.methods.first { $0.name == "totalPlusThree(of:)" }
            #expect(
                method?.documentation
                    == "Asks `counter` for its total, adds three, and returns that.")
        }
    }

    @Test(arguments: World.allCases)
    func `M13 the owner keeps a client's object and uses it in a later call`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let directory = try await stage.client.find(Directory.self, named: "directory")
            let mine = Counter(actorSystem: stage.client)
            try await directory.remember(mine)
            #expect(try await directory.addToAll(5) == [5])
            #expect(try await mine.value() == 5)
            let returned = try await directory.all()
            #expect(returned.count == 1 && returned.first === mine)
            try await directory.forget()
        }
    }

    @Test(arguments: World.allCases)
    func `M17 a reference that comes home is the original object`(world: World) async throws {
        try await Stage.run(world) { stage in
            let echo = try await stage.client.find(Echo.self, named: "echo")
            let mine = Counter(actorSystem: stage.client)
            #expect(try await echo.object(mine) === mine)
            let box = try await echo.box(CounterBox(label: "two", counters: [mine, mine]))
            #expect(box.label == "two")
            #expect(box.counters.allSatisfy { $0 === mine } && box.counters.count == 2)
            let directory = try await stage.client.find(Directory.self, named: "directory")
            let theirs = try await directory.ownCounter()
            #expect(try await directory.isOwn(theirs))
        }
    }

    @Test(arguments: World.allCases)
    func `M15 errors arrive as themselves, and the node goes on`(world: World) async throws {
        try await Stage.run(world) { stage in
            let thrower = try await stage.client.find(Thrower.self, named: "thrower")
            await #expect(throws: TooFew(wanted: 3, present: 1)) { try await thrower.typed() }
            stage.client.register(error: TooFew.self)
            await #expect(throws: TooFew(wanted: 5, present: 2)) { try await thrower.untyped() }
            let error = await #expect(throws: RemoteError.self) { try await thrower.opaque() }
            #expect(error?.typeName.hasSuffix("Opaque") == true)
            #expect(error?.hops.first?.method == "opaque()")
            let other = Thrower(actorSystem: stage.client)
            let relayed = await #expect(throws: RemoteError.self) { try await thrower.relay(other) }
            #expect(relayed?.hops.map(\.node) == ["client", "worker"])
            #expect(try await thrower.fine() == "fine")
        }
    }

    @Test(arguments: World.allCases)
    func `objects call each other back fifty deep`(world: World) async throws {
        try await Stage.run(world) { stage in
            let theirs = try await stage.client.find(Bouncer.self, named: "bouncer")
            let mine = Bouncer(actorSystem: stage.client)
            #expect(try await theirs.bounce(50, off: mine) == 50)
        }
    }

    @Test(arguments: World.allCases)
    func `actors without stable names, and interfaces, can be called`(world: World) async throws {
        try await Stage.run(world) { stage in
            let plain = try await stage.client.find(Plain.self, named: "plain")
            #expect(try await plain.twice(21) == 42)
            #expect(try await plain.joined("a", with: "b") == "ab")
            let stable = try await stage.client.find($Greeting.self, named: "greeter/stable")
            #expect(try await stable.greet("you", times: 2) == "hello you, hello you")
            let greeter = try await stage.client.find($Greeting.self, named: "greeter/plain")
            #expect(try await greeter.greet("you", times: 2) == "2 times you")
            let remote = try await stage.client.object(named: "plain")
            let error = await #expect(throws: BusError.self) { try await remote.twice(1) }
            #expect(error?.kind == .unimplemented)
            #expect(error?.message.contains("@BusObject") == true)
        }
    }

    @Test(arguments: World.allCases)
    func `a new object lives at its owner and is called by its reference`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let directory = try await stage.client.find(Directory.self, named: "directory")
            let first = try await directory.create()
            let second = try await directory.create()
            #expect(try await first.add(1) == 1)
            #expect(try await second.add(10) == 10)
            #expect(try await first.add(1) == 2)
        }
    }
}
