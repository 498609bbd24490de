// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ObjectBus
import TestObjects
import TestPrograms
import Testing

@Suite struct CollectionCases {
    private func toolbox(_ stage: Stage) async throws -> Toolbox {
        try await stage.client.find(Toolbox.self, named: "toolbox")
    }

    @Test(arguments: World.allCases)
    func `M2 M4 a shared list crosses as a reference and is one list on both sides`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let toolbox = try await self.toolbox(stage)
            let list = try await toolbox.numbers()
            #expect(try await list.count == 3)
            #expect(try await list[2] == 3)
            try await list.append(contentsOf: [1, 1, 1])
            #expect(try await list.count == 6)
            #expect(try await toolbox.sum(of: list) == 9)
            #expect(try await toolbox.isOwn(list))
            #expect(try await list.equals([1, 2, 3, 1, 1, 1]))
            #expect(try await toolbox.numbers() == list)
        }
    }

    @Test(arguments: World.allCases)
    func `a list of the caller is used by the other side, and without its type`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let mine = stage.client.list([5, 6, 7])
            #expect(try await self.toolbox(stage).sum(of: mine) == 18)
            let numbers = try await self.toolbox(stage).numbers().object
            let count: Int = try await numbers.count()
            #expect(count == 3)
            try await numbers.append(4)
            let third: Int = try await numbers.element(at: 3)
            #expect(third == 4)
            let copy: [Int] = try await numbers.copy()
            #expect(copy == [1, 2, 3, 4])
            let blocked: Int = try await onOwnThread {
                try BlockingObject(numbers).element(at: 0)
            }
            #expect(blocked == 1)
        }
    }

    @Test(arguments: World.allCases)
    func `M3 a method of an empty list is a function that can be handed out`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let empty = stage.client.list([Int]())
            let append = stage.client.function { (number: Int) in
                try await empty.append(number)
                return try await empty.count
            }
            try await self.toolbox(stage).keep(append)
            #expect(try await self.toolbox(stage).callKept(9) == 4)
            #expect(try await empty.copy() == [9])
        }
    }

    @Test(arguments: World.allCases)
    func `a list has what a list has, and says what is wrong`(world: World) async throws {
        try await Stage.run(world) { stage in
            let list = try await self.toolbox(stage).numbers()
            try await list.insert(0, at: 0)
            try await list.set(20, at: 2)
            #expect(try await list.copy() == [0, 1, 20, 3])
            #expect(try await list.contains(20))
            #expect(try await list.firstIndex(of: 3) == 3)
            #expect(try await list.firstIndex(of: 4) == nil)
            #expect(try await list.slice(1..<9) == [1, 20, 3])
            #expect(try await list.remove(at: 0) == 0)
            let error = await #expect(throws: BusError.self) { try await list[3] }
            #expect(error?.kind == .invalid)
            #expect(error?.message.contains("3 is no index of a list of 3") == true)
            try await list.removeAll()
            #expect(try await list.isEmpty)
        }
    }

    @Test(arguments: World.allCases)
    func `M10 a shared dictionary is read, changed, compared and copied`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let ages = try await self.toolbox(stage).ages()
            #expect(try await ages["ada"] == 36)
            #expect(try await ages["eve"] == nil)
            #expect(try await ages.set(37, for: "ada") == 36)
            #expect(try await ages.set(1, for: "eve") == nil)
            #expect(try await ages.keys.sorted() == ["ada", "bob", "eve"])
            #expect(try await ages.values.sorted() == [1, 37, 40])
            #expect(try await ages.removeValue(for: "eve") == 1)
            #expect(try await ages.contains(key: "eve") == false)
            #expect(try await ages.equals(["ada": 37, "bob": 40]))
            #expect(try await ages.copy() == ["ada": 37, "bob": 40])
            var seen: [String: Int] = [:]
            for try await entry in ages.elements(chunk: 1) { seen[entry.key] = entry.value }
            #expect(seen == ["ada": 37, "bob": 40])
        }
    }

    @Test(arguments: World.allCases)
    func `a shared set is read, changed, compared and copied`(world: World) async throws {
        try await Stage.run(world) { stage in
            let tags = try await self.toolbox(stage).tags()
            #expect(try await tags.insert("green"))
            #expect(try await tags.insert("green") == false)
            #expect(try await tags.contains("red"))
            #expect(try await tags.remove("red"))
            #expect(try await tags.remove("red") == false)
            #expect(try await tags.equals(["blue", "green"]))
            #expect(try await tags.copy() == ["blue", "green"])
            #expect(try await tags.count == 2)
        }
    }

    @Test func `an iteration never holds more than a chunk, and a list is bounded`() async throws {
        let owner = try await Bus.embedded(name: "owner")
        let client = try await owner.attach(name: "client")
        let list = owner.list(Array(0..<1_000), max: 1_001)
        try await owner.publish(list, as: "list")
        let found = try await client.find(SharedList<Int>.self, named: "list")
        let before = try await client.status()["calls"]?.intValue ?? 0
        var sum = 0
        for try await number in found.elements(chunk: 100) { sum += number }
        #expect(sum == 499_500)
        let after = try await client.status()["calls"]?.intValue ?? 0
        #expect(after - before == 11)
        try await found.append(1)
        let error = await #expect(throws: BusError.self) { try await found.append(2) }
        #expect(error?.kind == .overloaded)
        let slice = await #expect(throws: BusError.self) {
            try await found.slice(0..<SharedLimits.sliceMax + 1)
        }
        #expect(slice?.kind == .invalid)
        client.close()
        owner.close()
    }
}
