// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ObjectBus
import Synchronization
import TestObjects
import Testing

/// How many calls of `Recorder.spin` have begun.
private final class Spins: Sendable {
    private let number = Atomic<Int>(0)

    var count: Int { self.number.load(ordering: .sequentiallyConsistent) }

    func add() { self.number.add(1, ordering: .sequentiallyConsistent) }
}

/// What sees whether calls of one object start in order, and each with its own cancellation.
@BusObject
private distributed actor Recorder {
    typealias ActorSystem = Bus

    private let spins: Spins
    private var starts: [Int] = []

    init(_ spins: Spins = Spins(), actorSystem: Bus) {
        self.spins = spins
        self.actorSystem = actorSystem
    }

    distributed func plain(_ number: Int) { self.starts.append(number) }

    distributed func suspending(_ number: Int) async {
        self.starts.append(number)
        await Task.yield()
    }

    /// Keeps its thread until its caller gives up.
    distributed func spin() {
        self.spins.add()
        while !Task.isCancelled {}
    }

    distributed func isCancelled() -> Bool { Task.isCancelled }

    distributed func started() -> [Int] { self.starts }

    distributed func hasStarted(_ number: Int) -> Bool { self.starts.contains(number) }

    /// Lets the object call itself, as others of its process may, while calls come in.
    distributed func noteLater(_ number: Int) {
        Task.detached { await self.plain(number) }
    }
}

/// How calls get to an object, and run there.
@Suite(.timeLimit(.minutes(1))) struct MailboxTests {
    private let bus: Bus
    private let client: Bus
    private let spins = Spins()
    private let proxy: Recorder

    init() async throws {
        self.bus = try await Bus.embedded()
        self.client = try await self.bus.attach(name: "client")
        let recorder = Recorder(self.spins, actorSystem: self.bus)
        try await self.bus.publish(recorder, as: "recorder")
        self.proxy = try await self.client.find(Recorder.self, named: "recorder")
    }

    @Test func `calls start in their order, whether their methods suspend or come in batches`()
        async throws
    {
        let remote = try await self.client.object(named: "recorder")
        let calls = (0..<600).map { number in
            Task.immediate {
                switch number % 3 {
                case 0: try await self.proxy.plain(number)
                case 1: try await self.proxy.suspending(number)
                default:
                    var batch = Batch()
                    batch.add("plain(_:)", number)
                    _ = try await remote.perform(batch)
                }
            }
        }
        for call in calls { try await call.value }
        #expect(try await self.proxy.started() == Array(0..<600))
    }

    @Test func `giving up one call does not cancel those that follow it`() async throws {
        for round in 1...20 {
            let spin = Task.immediate { try await self.proxy.spin() }
            let next = (0..<3).map { _ in
                Task.immediate { try await self.proxy.isCancelled() }
            }
            while self.spins.count < round { await Task.yield() }
            spin.cancel()
            await #expect(throws: BusError.self) { try await spin.value }
            for call in next { #expect(try await !call.value) }
        }
    }

    @Test func `a call that was given up before its turn does not start`() async throws {
        let spin = Task.immediate { try await self.proxy.spin() }
        let behind = Task.immediate { try await self.proxy.plain(1) }
        while self.spins.count < 1 { await Task.yield() }
        behind.cancel()
        await #expect(throws: BusError.self) { try await behind.value }
        spin.cancel()
        await #expect(throws: BusError.self) { try await spin.value }
        #expect(try await self.proxy.started() == [])
        #expect(self.bus.drops["startCancelled"] == 1)
    }

    @Test func `who is in the process gets a turn while others call all the time`() async throws {
        try await self.proxy.noteLater(-1)
        // Each has a call waiting at any time, until it has been the other one's turn.
        try await withThrowingTaskGroup { group in
            for _ in 0..<64 {
                group.addTask {
                    while try await !self.proxy.hasStarted(-1) {}
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func `tasks wait at a few objects only, and all answer`() async throws {
        let counters = (0..<300).map { _ in Counter(actorSystem: self.bus) }
        for (index, counter) in counters.enumerated() {
            try await self.bus.publish(counter, as: "counter/\(index)")
        }
        for round in 1...3 {
            for index in 0..<300 {
                let counter = try await self.client.find(Counter.self, named: "counter/\(index)")
                #expect(try await counter.add(1) == round)
            }
        }
        #expect(self.bus.mailboxCount <= 65)
    }

    @Test func `tasks wait at a few objects only after many were called at once`() async throws {
        var proxies: [Counter] = []
        for index in 0..<300 {
            let counter = Counter(actorSystem: self.bus)
            try await self.bus.publish(counter, as: "counter/\(index)")
            proxies.append(try await self.client.find(Counter.self, named: "counter/\(index)"))
        }
        let calls = proxies.map { counter in Task.immediate { try await counter.add(1) } }
        for call in calls { #expect(try await call.value == 1) }
        while self.bus.mailboxCount > 64 { await Task.yield() }
        for counter in proxies { #expect(try await counter.add(1) == 2) }
    }

    @Test func `an object that was called is gone when nobody holds it`() async throws {
        weak var object: Recorder?
        do {
            let own = Recorder(actorSystem: self.bus)
            object = own
            try await self.bus.publish(own, as: "passing")
            let proxy = try await self.client.find(Recorder.self, named: "passing")
            try await proxy.plain(1)
            #expect(self.bus.mailboxCount == 1)
            try await self.bus.withdraw("passing")
        }
        while object != nil { await Task.yield() }
        #expect(self.bus.mailboxCount == 0)
    }
}
