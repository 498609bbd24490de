// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import ObjectBus
import TestObjects
import TestPrograms
import Testing

@Suite struct FunctionCases {
    private func toolbox(_ stage: Stage) async throws -> Toolbox {
        try await stage.client.find(Toolbox.self, named: "toolbox")
    }

    @Test(arguments: World.allCases)
    func `M5 M8 a function of the other side is called, by its types and without`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let add = try await self.toolbox(stage).adder()
            #expect(try await add(2, 3) == 5)
            let remote = try await stage.client.object(named: "toolbox")
            let function: RemoteObject = try await remote.adder()
            let five: Int = try await function(2, 3)
            #expect(five == 5)
            let interface = try await function.interface()
            #expect(interface.name == "Function")
            #expect(interface.documentation == "Adds two numbers.")
            #expect(
                interface.methods.map(\.signature)
                    == ["callAsFunction(_ a0: Int, _ a1: Int) throws -> Int"])
        }
    }

    @Test(arguments: World.allCases)
    func `M9 a function is called by one of its own side`(world: World) async throws {
        try await Stage.run(world) { stage in
            let toolbox = try await self.toolbox(stage)
            #expect(try await toolbox.addHere(4, 5) == 9)
        }
    }

    @Test(arguments: World.allCases)
    func `M12 a closure of the caller is called back, in the call and later`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let toolbox = try await self.toolbox(stage)
            let times = stage.client.function { (x: Int, y: Int) in x * y }
            #expect(try await toolbox.apply(times, to: 6, 7) == 42)
            let slow = stage.client.function { (x: Int, y: Int) async throws in
                await Task.yield()
                return x - y
            }
            #expect(try await toolbox.apply(slow, to: 6, 7) == -1)
            try await toolbox.keep(stage.client.function { (x: Int) in x + 1 })
            #expect(try await toolbox.callKept(1) == 5)
            #expect(try await toolbox.callKept(2) == 6)
        }
    }

    @Test(arguments: World.withoutLosses)
    func `D1 an own function that comes home is the original`(world: World) async throws {
        try await Stage.run(world) { stage in
            let toolbox = try await self.toolbox(stage)
            let own = stage.client.function { (x: Int) in x + 1 }
            try await toolbox.keep(own)
            let back = try #require(try await toolbox.keptFunction())
            #expect(back == own)
            // Nothing crosses the bus: the broker's count of calls stays what it is.
            let before = try await stage.client.status()["calls"]
            #expect(try await back(41) == 42)
            #expect(try await stage.client.status()["calls"] == before)
        }
    }

    @Test(arguments: World.allCases)
    func `what a function throws arrives as itself, and wrong types are invalid`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            stage.client.register(error: TooFew.self)
            let thrower = try await self.toolbox(stage).thrower()
            await #expect(throws: TooFew(wanted: 7, present: 0)) { try await thrower(7) }
            let wrong = RemoteFunction<String, Int>(thrower.object)
            let error = await #expect(throws: BusError.self) { try await wrong("x") }
            #expect(error?.kind == .invalid)
            let many = RemoteFunction<Int, Int, Int>(thrower.object)
            let other = await #expect(throws: BusError.self) { try await many(1, 2) }
            #expect(other?.kind == .invalid)
        }
    }

    @Test(arguments: World.withoutLosses)
    func `a function without a result, published, one-way, and from a blocking thread`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let client = stage.client
            let (notes, note) = AsyncStream.makeStream(of: Int.self)
            let noting = client.function { (number: Int) in
                _ = note.yield(number)
            }
            try await client.publish(noting, as: "noting")
            let other = try await stage.attach(name: "other")
            let found = try await other.find(RemoteFunction<Int, NoResult>.self, named: "noting")
            try await found(1)
            try await found.oneway(2)
            let nothing: Value = try await onOwnThread {
                try BlockingBus(other).object(named: "noting")(3)
            }
            #expect(nothing == .null)
            var seen: [Int] = []
            for await number in notes {
                seen.append(number)
                if seen.count == 3 { break }
            }
            #expect(seen == [1, 2, 3])
            other.close()
        }
    }

    @Test(arguments: World.allCases)
    func `M21 N2 a property is read and written by its name`(world: World) async throws {
        try await Stage.run(world) { stage in
            let remote = try await stage.client.object(named: "toolbox")
            let level: Int = try await remote.level
            #expect(level == 10)
            try await remote.set("level", to: 50)
            #expect(try await self.toolbox(stage).level() == 50)
            let roles = try await remote.interface().methods.compactMap(\.property)
            #expect(roles == [.get("level"), .set("level")])
            let again: Int = try await onOwnThread {
                let blocking = try BlockingBus(stage.client).object(named: "toolbox")
                try blocking.set("level", to: 70)
                return try blocking.get("level")
            }
            #expect(again == 70)
        }
    }
}
