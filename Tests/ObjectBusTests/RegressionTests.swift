// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ObjectBus
import TestObjects
import Testing

/// Bugs that other systems have had, where tokens and decoding are concerned; the cores have theirs
/// in `RegressionTests` of their own.
@Suite(.timeLimit(.minutes(1))) struct RegressionTests {
    @Test
    func `an argument whose only proxy dies as the call leaves is an object where it arrives`()
        async throws
    {
        let stage = try await Stage()
        let directory = try await stage.third.find(Directory.self, named: "directory")
        let maker = try await stage.third.find(Directory.self, named: "maker")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<25 {
                        try await directory.remember(try await maker.create())
                        // Nothing but the order of the link holds this one.
                        try await directory.oneway.remember(try await maker.create())
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await directory.addToAll(1).count == 400)
        #expect(stage.maker.exportCount == stage.base + 400)
        try await directory.forget()
        try await stage.waitUntilFree()
        stage.close()
    }

    // Ray 27297: the reference of a task that is cancelled is freed twice, or never.
    @Test func `a reference in a call that is cancelled is free when its handler has ended`()
        async throws
    {
        let stage = try await Stage()
        let holder = Holder(actorSystem: stage.owner)
        try await stage.owner.publish(holder, as: "holder")
        let proxy = try await stage.third.find(Holder.self, named: "holder")
        for _ in 0..<20 {
            let call = Task { try await proxy.hold(Counter(actorSystem: stage.third)) }
            while try await proxy.held() == 0 { await Task.yield() }
            #expect(stage.third.exportCount == 1)
            call.cancel()
            let error = await #expect(throws: BusError.self) { try await call.value }
            #expect(error?.kind == .cancelled)
            while try await proxy.held() > 0 { await Task.yield() }
            while stage.third.exportCount > 0 { try await stage.third.ping() }
        }
        stage.close()
    }

    // Ray 7326: a task hands an actor's handle on and ends; the actor ends with it.
    @Test func `what a handler hands on and lets go lives at its caller`() async throws {
        let stage = try await Stage()
        let relay = Relay(actorSystem: stage.owner)
        try await stage.owner.publish(relay, as: "relay")
        let proxy = try await stage.third.find(Relay.self, named: "relay")
        func useOne() async throws {
            let counter = try await proxy.fetch("maker")
            // The relay has nothing more to do with it.
            #expect(try await counter.add(2) == 2)
            #expect(try await counter.add(2) == 4)
            #expect(stage.maker.exportCount == stage.base + 1)
        }
        for _ in 0..<20 {
            try await useOne()
            try await stage.waitUntilFree()
        }
        stage.close()
    }

    // Ray 45704: an actor that holds its own handle never ends.
    @Test(.timeLimit(.minutes(1)))
    func `an object that gets itself gets itself, and ends when it is let go`() async throws {
        let stage = try await Stage()
        weak var ended: Relay?
        func useOne() async throws {
            let relay = Relay(actorSystem: stage.owner)
            ended = relay
            try await stage.owner.publish(relay, as: "self")
            let proxy = try await stage.third.find(pinned: Relay.self, named: "self")
            #expect(try await proxy.isSelf(proxy))
            #expect(try await proxy.returned(proxy) == proxy)
            try await stage.owner.withdraw("self")
            #expect(stage.owner.exportCount == 2)
        }
        try await useOne()
        while stage.owner.exportCount > 1 { try await stage.third.ping() }
        // The table lets go before the object is dropped, which happens under no lock.
        while ended != nil { try await stage.third.ping() }
        stage.close()
    }

    @Test func `references of arguments that can't be decoded are given back`() async throws {
        let stage = try await Stage()
        let remote = try await stage.third.object(named: "directory")
        for _ in 0..<20 {
            let mine = [Counter(actorSystem: stage.third), Counter(actorSystem: stage.third)]
            let error = await #expect(throws: BusError.self) {
                try await remote.call("addToAll(_:)", [mine], returning: Value.self)
            }
            #expect(error?.kind == .invalid)
        }
        while stage.third.exportCount > 0 { try await stage.third.ping() }
        stage.close()
    }

    @Test func `references of a result that can't be decoded are given back`() async throws {
        let stage = try await Stage()
        let remote = try await stage.third.object(named: "maker")
        for _ in 0..<20 {
            let error = await #expect(throws: BusError.self) {
                try await remote.call("create()", returning: Int.self)
            }
            #expect(error?.kind == .invalid && error?.executed == .yes)
        }
        try await stage.waitUntilFree()
        stage.close()
    }

    // zerorpc 121: what was asked of a process that died is run by the one that takes its place.
    @Test func `what was asked of a node that ended is not run by its successor`() async throws {
        let stage = try await Stage()
        let former = try await stage.owner.attach(name: "gate")
        try await former.publish(Gate(actorSystem: former), as: "gate")
        let gate = try await stage.third.find(pinned: Gate.self, named: "gate")
        let call = Task { try await gate.pass(1) }
        while try await gate.count() == 0 { await Task.yield() }
        let successor = Gate(actorSystem: stage.owner)
        try await stage.owner.publish(successor, as: "gate")
        former.close()
        let error = await #expect(throws: BusError.self) { try await call.value }
        #expect(error?.kind == .disconnected && error?.executed == .maybe)
        #expect(try await successor.count() == 0)
        stage.close()
    }

    @Test(arguments: [false, true])
    func `a call under way as its name moves is not made again unless it may be`(mayRepeat: Bool)
        async throws
    {
        let stage = try await Stage()
        let head = try await stage.owner.attach(name: "head")
        try await head.publish(Gate(actorSystem: head), as: "gate")
        let standby = Gate(actorSystem: stage.owner)
        try await stage.owner.publish(standby, as: "gate")
        let found = try await stage.third.find(Gate.self, named: "gate")
        let gate = mayRepeat ? found.idempotent : found
        let call = Task { try await gate.pass(1) }
        while try await found.count() == 0 { await Task.yield() }
        head.close()
        if mayRepeat {
            while try await standby.count() == 0 { await Task.yield() }
            try await standby.open()
            #expect(try await call.value == 1)
        } else {
            let error = await #expect(throws: BusError.self) { try await call.value }
            #expect(error?.kind == .disconnected && error?.executed == .maybe)
            #expect(try await standby.count() == 0)
        }
        // What is called from now on goes to the standby.
        try await found.note(7)
        #expect(try await standby.noted() == [7])
        stage.close()
    }
}

/// Three nodes: an owner of a directory, a maker of counters, and a third one that calls both.
private struct Stage {
    let owner: Bus
    let maker: Bus
    let third: Bus
    /// What the maker has given out before anybody asked it for a counter.
    let base: Int

    init() async throws {
        self.owner = try await Bus.embedded(name: "owner")
        self.maker = try await self.owner.attach(name: "maker")
        self.third = try await self.owner.attach(name: "third")
        try await self.owner.publish(Directory(actorSystem: self.owner), as: "directory")
        try await self.maker.publish(Directory(actorSystem: self.maker), as: "maker")
        self.base = self.maker.exportCount
    }

    /// Until no counter is given out any more.
    func waitUntilFree() async throws {
        while self.maker.exportCount > self.base { try await self.third.ping() }
    }

    func close() {
        for bus in [self.third, self.maker, self.owner] { bus.close() }
    }
}

/// Keeps what it is given until its caller gives up.
@BusObject
private distributed actor Holder {
    typealias ActorSystem = Bus

    private var kept: [Counter] = []

    distributed func hold(_ counter: Counter) async {
        self.kept.append(counter)
        let (never, _) = AsyncStream.makeStream(of: Void.self)
        for await _ in never {}
        self.kept = []
    }

    distributed func held() -> Int { self.kept.count }
}

/// Hands on what it has for a moment only.
@BusObject
private distributed actor Relay {
    typealias ActorSystem = Bus

    distributed func fetch(_ name: String) async throws -> Counter {
        try await self.actorSystem.find(Directory.self, named: name).create()
    }

    distributed func isSelf(_ other: Relay) -> Bool { other === self }

    distributed func returned(_ other: Relay) -> Relay { other }
}
