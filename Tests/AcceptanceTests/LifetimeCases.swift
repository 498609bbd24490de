// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import ObjectBus
import TestObjects
import TestPrograms
import Testing

/// Objects live as long as somebody holds them, whatever becomes of the processes.
@Suite(.timeLimit(.minutes(2))) struct LifetimeCases {
    @Test(arguments: World.allCases)
    func `M18 a created object lives at its owner, and dies when the last holder drops it`(
        world: World
    ) async throws {
        try await Stage.run(world) { stage in
            let directory = try await stage.client.find(Directory.self, named: "directory")
            let second = try await stage.attach(name: "second")
            let keeper = Directory(actorSystem: second)
            try await second.publish(keeper, as: "keeper")
            let proxy = try await stage.client.find(Directory.self, named: "keeper")
            func useOne() async throws {
                let counter = try await directory.create()
                #expect(try await counter.add(2) == 2)
                let remote = try await stage.client.object(named: "directory")
                let untyped: RemoteObject = try await remote.create()
                let total: Int = try await untyped.add(3)
                #expect(total == 3)
                #expect(try await directory.living() == 2)
                try await proxy.remember(counter)
            }
            try await useOne()
            try await awaitValue(1) { try await directory.living() }
            #expect(try await proxy.addToAll(5) == [7])
            try await proxy.forget()
            try await awaitValue(0) { try await directory.living() }
            second.close()
        }
    }

    @Test(arguments: World.allCases)
    func `M18 the same from a thread that blocks`(world: World) async throws {
        try await Stage.run(world) { stage in
            let directory = try await stage.client.find(Directory.self, named: "directory")
            try await onOwnThread {
                let blocking = try BlockingBus(stage.client).object(named: "directory")
                let counter: BlockingObject = try blocking.create()
                let total: Int = try counter.add(3)
                let living: Int = try blocking.living()
                #expect(total == 3 && living == 1)
            }
            try await awaitValue(0) { try await directory.living() }
        }
    }

    /// What becomes of a holder.
    enum Fate: CaseIterable {
        case drops, isKilled, isCutOff
    }

    @Test(arguments: Fate.allCases, [World.ipc, .tcp])
    func `N3 an object dies when its last holder is gone`(fate: Fate, world: World) async throws {
        try await Site.run(world) { site in
            let owner = try await site.start("directory", "owner")
            let holder = try await site.start("directory", "holder")
            let directory = try await site.client.find(Directory.self, named: "owner")
            let holding = try await site.client.find(pinned: Directory.self, named: "holder")
            func giveOne() async throws {
                let counter = try await directory.create()
                try await holding.remember(counter)
                #expect(try await counter.add(1) == 1)
            }
            try await giveOne()
            // Released by this process, it lives: by the holder's hold alone.
            #expect(try await holding.addToAll(1) == [2])
            #expect(try await directory.living() == 1)
            switch fate {
            case .drops:
                try await holding.forget()
            case .isKilled:
                holder.kill()
                #expect(try await site.client.death(of: holding) == .ownerCrashed)
            case .isCutOff:
                // Nothing of it is heard any more, and no connection breaks.
                holder.signal(SIGSTOP)
                #expect(try await site.client.death(of: holding) == .ownerCrashed)
            }
            try await awaitValue(0) { try await directory.living() }
            guard fate == .isCutOff else { return }
            holder.signal(SIGCONT)
            // It has to begin anew, and what it held is worth nothing.
            try await awaitValue(1) { try await site.client.names(prefix: "holder").count }
            let again = try await site.client.find(Directory.self, named: "holder")
            let error = await #expect(throws: BusError.self) { try await again.addToAll(1) }
            #expect(error?.executed == .no, "\(String(describing: error))")
            withExtendedLifetime(owner) {}
        }
    }

    @Test(arguments: [false, true], [World.ipc, .tcp])
    func `N4 a third party calls what it was given when the giver is gone`(
        isKilled: Bool, world: World
    ) async throws {
        try await Site.run(world) { site in
            let owner = try await site.start("directory", "owner")
            let third = try await site.start("directory", "third")
            let giver = try Program(
                "TestWorker", ["give", "owner", "third"], environment: ["OBJBUS_URL": site.url])
            try await giver.line(with: "given")
            let directory = try await site.client.find(Directory.self, named: "owner")
            let holding = try await site.client.find(Directory.self, named: "third")
            #expect(try await holding.addToAll(1) == [1])
            if isKilled {
                giver.kill()
            } else {
                giver.endInput()
                #expect(try await giver.exitStatus() == 0)
            }
            try await awaitValue(3) { try await site.client.nodes().arrayValue?.count }
            #expect(try await holding.addToAll(1) == [2])
            #expect(try await directory.living() == 1)
            try await holding.forget()
            try await awaitValue(0) { try await directory.living() }
            withExtendedLifetime((owner, third)) {}
        }
    }

    @Test(arguments: [World.ipc, .tcp])
    func `a revoked reference is worth nothing to another process`(world: World) async throws {
        try await Site.run(world) { site in
            let holder = try await site.start("directory", "holder")
            let holding = try await site.client.find(Directory.self, named: "holder")
            let mine = Counter(actorSystem: site.client)
            try await holding.remember(mine)
            #expect(try await holding.addToAll(1) == [1])
            #expect(try await site.client.holders(of: mine).map(\.node) == ["worker"])
            try site.client.revoke(mine)
            let error = await #expect(throws: BusError.self) { try await holding.addToAll(1) }
            #expect(error?.kind == .denied)
            #expect(try await mine.value() == 1)
            #expect(try await site.client.holders(of: mine).map(\.isRevoked) == [true])
            // Not after a restart of the broker either.
            try await site.restartBroker()
            let again = await #expect(throws: BusError.self) { try await holding.addToAll(1) }
            #expect(again?.kind == .denied)
            try await holding.forget()
            try await awaitValue(0) { try await site.client.holders(of: mine).count }
            withExtendedLifetime(holder) {}
        }
    }
}

/// Calls, and what becomes of them when processes end or give up.
@Suite(.timeLimit(.minutes(2))) struct RecoveryCases {
    @Test(arguments: [SIGKILL, SIGTERM], [World.ipc, .tcp])
    func `a broker that ends under load is a pause, no error, and nothing runs twice`(
        signal: Int32, world: World
    ) async throws {
        try await Site.run(world) { site in
            let worker = try await site.start("directory", "owner")
            let directory = try await site.client.find(Directory.self, named: "owner")
            let counter = try await directory.create()
            let calls = Calls()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<16 {
                    group.addTask {
                        while !calls.isOver {
                            _ = try await counter.add(1)
                            calls.count()
                        }
                    }
                }
                for _ in 0..<3 {
                    await calls.grow(by: 200)
                    try await site.endBroker(by: signal)
                    try await site.startBroker()
                    let restart = ContinuousClock.now
                    await calls.grow(by: 1)
                    #expect(ContinuousClock.now - restart < .milliseconds(1_500))
                }
                calls.end()
                try await group.waitForAll()
            }
            #expect(try await counter.value() == calls.number)
            withExtendedLifetime(worker) {}
        }
    }

    @Test(arguments: [World.ipc, .tcp])
    func `cancelling a call cancels it in the second process and in the third`(
        world: World
    ) async throws {
        try await Site.run(world) { site in
            let workers = [
                try await site.start("patience", "second"),
                try await site.start("patience", "third"),
            ]
            let second = try await site.client.find(Patience.self, named: "second")
            let third = try await site.client.find(Patience.self, named: "third")
            let call = Task { try await second.wait(through: [third]) }
            try await awaitValue(1) { try await third.begins() }
            call.cancel()
            let error = await #expect(throws: BusError.self) { try await call.value }
            #expect(error?.kind == .cancelled)
            try await awaitValue(1) { try await second.cancellations() }
            try await awaitValue(1) { try await third.cancellations() }
            withExtendedLifetime(workers) {}
        }
    }

    @Test(arguments: [World.ipc, .tcp])
    func `a killed caller's handlers are cancelled`(world: World) async throws {
        try await Site.run(world) { site in
            let worker = try await site.start("patience", "second")
            let second = try await site.client.find(Patience.self, named: "second")
            let caller = try Program(
                "TestWorker", ["wait", "second"], environment: ["OBJBUS_URL": site.url])
            try await awaitValue(1) { try await second.begins() }
            #expect(try await second.cancellations() == 0)
            caller.kill()
            try await awaitValue(1) { try await second.cancellations() }
            withExtendedLifetime(worker) {}
        }
    }

    @Test(arguments: [World.ipc, .tcp])
    func `a call to a killed worker ends, and may have been executed`(world: World) async throws {
        try await Site.run(world) { site in
            let worker = try await site.start("patience", "second")
            let second = try await site.client.find(pinned: Patience.self, named: "second")
            let call = Task { try await second.wait(through: []) }
            try await awaitValue(1) { try await second.begins() }
            worker.kill()
            let error = await #expect(throws: BusError.self) { try await call.value }
            #expect(error?.kind == .disconnected && error?.executed == .maybe)
            let late = await #expect(throws: BusError.self) { try await second.begins() }
            #expect(late?.executed == .no)
        }
    }
}
