// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import Foundation

/// Passes many short-lived references both ways, and watches the memory of all three processes.
struct SoakMemory {
    /// References in one message.
    private static let batch = 1_000

    let references: Int

    /// Returns whether memory stayed flat and every object went.
    func run(in world: SoakWorld) async throws -> Bool {
        try await world.start("maker", ["maker"])
        try await world.start("user", ["user"])
        var configuration = Bus.Configuration(url: world.url, name: "driver")
        configuration.connectTimeout = .seconds(20)
        let bus = try await Bus.connect(configuration)
        let start = ContinuousClock.now
        // The user finds the maker by its name: both must be there before the first use.
        let maker = try await self.started(Maker.self, named: "maker", on: bus)
        let user = try await self.started(User.self, named: "user", on: bus)
        var memory = MemoryTable()
        var done = 0
        for part in [10, 50, 100] {
            while done < self.references / 100 * part {
                let count = min(100 * Self.batch, self.references / 100 * part - done)
                try await user.with(deadline: .seconds(600)).use(count, batch: Self.batch)
                done += count
            }
            memory.note("\(part) %", await world.memory())
        }
        say("\(done) references in \(ContinuousClock.now - start)")
        let isFree = await self.settles(maker)
        let growth = memory.growth(part: 0.1, slack: 4_096)
        for line in growth { say("VIOLATION: \(line)") }
        return isFree && growth.isEmpty
    }

    /// The object of a process that was started just now, as soon as it is published.
    private func started<Object: DistributedActor>(
        _ type: Object.Type, named name: String, on bus: Bus
    ) async throws -> Object where Object.ActorSystem == Bus {
        let end = ContinuousClock.now + .seconds(30)
        while true {
            do {
                return try await bus.find(type, named: name)
            } catch let error as BusError where ContinuousClock.now < end {
                guard error.kind == .notFound else { throw error }
                await pause(milliseconds: 20)
            }
        }
    }

    private func settles(_ maker: Maker) async -> Bool {
        let end = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < end {
            if (try? await maker.remaining()) == 0 { return true }
            await pause(milliseconds: 100)
        }
        say("VIOLATION: items live that nobody holds")
        return false
    }
}

/// Gets items from the maker and drops them, and shows it items of its own.
distributed actor User {
    typealias ActorSystem = Bus

    init(actorSystem: Bus) {
        self.actorSystem = actorSystem
    }

    /// Uses so many references, half of them coming and half of them going.
    distributed func use(_ count: Int, batch: Int) async throws {
        let maker = try await self.actorSystem.find(Maker.self, named: "maker")
        for _ in 0..<max(1, count / batch / 2) {
            _ = try await maker.make(batch)
            let own = (0..<batch).map { _ in Item(actorSystem: self.actorSystem) }
            _ = try await maker.see(own)
        }
    }
}

extension User: BusObjectProtocol {
    static let busInterface = Interface(
        name: "User", documentation: "", methods: [.init(name: "use(_:batch:)")])

    static func busDispatch(
        _ call: IncomingCall, on object: isolated User
    ) async throws -> CallResult? {
        guard call.method == "use(_:batch:)" else { return nil }
        var arguments = try call.arguments(2)
        let count = try arguments.next("count", as: Int.self)
        let batch = try arguments.next("batch", as: Int.self)
        try await object.use(count, batch: batch)
        return call.result()
    }
}
