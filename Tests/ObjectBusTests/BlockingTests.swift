// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import ObjectBus
import TestObjects
import TestPrograms
import Testing

@Suite struct BlockingTests {
    @Test func `a thread calls objects without await`() async throws {
        let owner = try await Bus.embedded(name: "owner")
        let objects = try await TestObjects(on: owner)
        try await onOwnThread {
            let blocking = try BlockingBus(owner).attach(name: "client")
            let first: Int = try blocking.object(named: "counter").add(3)
            let counter = try blocking.find(Counter.self, named: "counter")
            let second = try blocking.wait { try await counter.add(4) }
            #expect(first == 3 && second == 7)
            #expect(try blocking.names(prefix: "counter").map(\.name) == ["counter"])
            let error = #expect(throws: BusError.self) {
                try blocking.object(named: "counter").subtract(1)
            }
            #expect(error?.kind == .unimplemented)
            blocking.close()
        }
        withExtendedLifetime(objects) {}
        owner.close()
    }

    @Test func `a bus of its own is made without await`() async throws {
        let names = try await onOwnThread {
            let blocking = try BlockingBus.embedded(name: "alone")
            try blocking.publish(as: "one") { call in try call.arguments(as: Int.self) + 1 }
            let two: Int = try blocking.object(named: "one").next(1)
            #expect(two == 2)
            defer { blocking.close() }
            return try blocking.names().map(\.name)
        }
        #expect(names == ["one"])
    }

    @Test func `inside a task every call is refused`() async throws {
        let bus = try await Bus.embedded()
        let error = #expect(throws: BusError.self) { try BlockingBus(bus).names() }
        #expect(error?.kind == .invalid)
        #expect(error?.message.contains("inside a task") == true)
        try await onOwnThread {
            try BlockingBus(bus).wait {
                #expect(throws: BusError.self) { try BlockingBus(bus).names() }
            }
        }
        let connecting = #expect(throws: BusError.self) { try BlockingBus.embedded() }
        #expect(connecting?.kind == .invalid)
        bus.close()
    }

    @Test func `N6 two blocking sides call each other fifty deep on two threads`() async throws {
        let pair = try await BouncingPair()
        let caller = try await onOwnThread {
            let other = try pair.left.object(named: "right")
            let count: Int = try other.bounce(50, off: pair.leftObject)
            #expect(count == 50)
            return threadNumber()
        }
        // Each side's calls ran where the side waits: the left ones on the thread that began.
        #expect(pair.leftThreads.all == Array(repeating: caller, count: 25))
        #expect(pair.rightThreads.all.count == 26)
        #expect(Set(pair.rightThreads.all).count == 1)
        pair.close()
    }

    @Test func `a chain deeper than a thread takes goes on on the next one`() async throws {
        let pair = try await BouncingPair()
        let count: Int = try await onOwnThread {
            try pair.left.object(named: "right").bounce(300, off: pair.leftObject)
        }
        #expect(count == 300)
        #expect(Set(pair.rightThreads.all).count == 3)
        pair.close()
    }

    @Test func `many chains cross the same two objects without deadlock`() async throws {
        let pair = try await BouncingPair()
        try await withThrowingTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    let count: Int = try await onOwnThread {
                        try pair.left.object(named: "right").bounce(20, off: pair.leftObject)
                    }
                    #expect(count == 20)
                }
                group.addTask {
                    let count: Int = try await onOwnThread {
                        try pair.right.object(named: "left").bounce(21, off: pair.rightObject)
                    }
                    #expect(count == 21)
                }
            }
            try await group.waitForAll()
        }
        pair.close()
    }

    @Test func `a blocking object with a limit runs no call while another waits`() async throws {
        let bus = try await Bus.embedded(name: "owner")
        let gate = Gate(actorSystem: bus)
        try await bus.publish(gate, as: "gate")
        let order = Notes<String>()
        let object = try await onOwnThread {
            let blocking = BlockingBus(bus)
            let object = blocking.makeObject { call in
                let number = try call.arguments(as: Int.self)
                order.add("begins \(number)")
                let _: Int = try blocking.object(named: "gate").pass(number)
                order.add("ends \(number)")
                return number
            }
            try blocking.limit(object, toConcurrentCalls: 1)
            return object
        }
        let calls = (1...3).map { number in
            Task.immediate { let _: Int = try await object.remote.visit(number) }
        }
        let opening = Task {
            while !Task.isCancelled { try await gate.open() }
        }
        for call in calls { try await call.value }
        opening.cancel()
        #expect(order.all == (1...3).flatMap { ["begins \($0)", "ends \($0)"] })
        bus.close()
    }

    @Test func `a call of another chain does not go to the thread that waits`() async throws {
        let bus = try await Bus.embedded(name: "owner")
        let client = try await bus.attach(name: "client")
        let gate = Gate(actorSystem: client)
        try await client.publish(gate, as: "gate")
        let threads = Notes<UInt>()
        let waiting = Task {
            try await onOwnThread {
                try BlockingBus(bus).publish(as: "thread") { _ in
                    threads.add(threadNumber())
                    return Value.null
                }
                let _: Int = try BlockingBus(bus).object(named: "gate").pass(1)
                return threadNumber()
            }
        }
        while try await gate.count() < 1 { await Task.yield() }
        try await client.object(named: "thread").note()
        try await gate.open()
        let waiter = try await waiting.value
        #expect(threads.all.count == 1 && !threads.all.contains(waiter))
        client.close()
        bus.close()
    }

    @Test func `calls of a blocking object start in their order`() async throws {
        let bus = try await Bus.embedded(name: "owner")
        let client = try await bus.attach(name: "client")
        let notes = Notes<Int>()
        try await onOwnThread {
            try BlockingBus(bus).publish(as: "notes") { call in
                switch call.method {
                case "note(_:)": notes.add(try call.arguments(as: Int.self))
                default: break
                }
                return notes.all.count
            }
        }
        let remote = try await client.object(named: "notes")
        for number in 0..<1_000 { try await remote.oneway.note(number) }
        let count: Int = try await remote.count()
        #expect(count == 1_000)
        #expect(notes.all == Array(0..<1_000))
        client.close()
        bus.close()
    }

    @Test func `an object of a function is called by its reference, by its methods`() async throws {
        let bus = try await Bus.embedded(name: "owner")
        let client = try await bus.attach(name: "client")
        let caller = Caller(actorSystem: client)
        try await client.publish(caller, as: "caller")
        let method = Interface.Method(name: "plus(_:)", returns: "Int")
        let interface = Interface(name: "Adder", documentation: "Adds.", methods: [method])
        try await onOwnThread {
            let blocking = BlockingBus(bus)
            let adder = blocking.makeObject(interface: interface) { call in
                #expect(CallContext.current?.method == "plus(_:)")
                #expect((CallContext.current?.remaining ?? .zero) > .zero)
                return try call.arguments(as: Int.self) + 1
            }
            let result: Int = try blocking.object(named: "caller").ask(adder, 41)
            #expect(result == 42)
            let kinds: [String] = try blocking.object(named: "caller").misuse(adder)
            #expect(kinds == ["unimplemented", "invalid", "invalid"])
            let name: String = try blocking.object(named: "caller").type(of: adder)
            #expect(name == "Adder")
        }
        client.close()
        bus.close()
    }

    @Test func `a caller that gives up cancels what the handler waits for`() async throws {
        let bus = try await Bus.embedded(name: "owner")
        let client = try await bus.attach(name: "client")
        let gate = Gate(actorSystem: client)
        try await client.publish(gate, as: "gate")
        let (ends, end) = AsyncStream.makeStream(of: [String].self)
        try await onOwnThread {
            try BlockingBus(bus).publish(as: "waiter") { _ in
                let error = #expect(throws: BusError.self) {
                    try BlockingBus(bus).object(named: "gate").pass(1)
                }
                let isCancelled = CallContext.current?.isCancelled ?? false
                end.yield(["\(error?.kind ?? .failed)", "\(isCancelled)"])
                return Value.null
            }
        }
        let remote = try await client.object(named: "waiter")
        let call = Task { try await remote.wait() }
        while try await gate.count() < 1 { await Task.yield() }
        call.cancel()
        await #expect(throws: BusError.self) { try await call.value }
        for await words in ends {
            #expect(words == ["cancelled", "true"])
            break
        }
        try await gate.open()
        client.close()
        bus.close()
    }
}

/// Two blocking sides on one broker, each with an object that calls the other's back.
private struct BouncingPair: Sendable {
    let left: BlockingBus
    let right: BlockingBus
    let leftObject: BlockingObject
    let rightObject: BlockingObject
    let leftThreads = Notes<UInt>()
    let rightThreads = Notes<UInt>()

    init() async throws {
        let left = BlockingBus(try await Bus.embedded(name: "left"))
        let right = BlockingBus(try await left.bus.attach(name: "right"))
        let (leftThreads, rightThreads) = (self.leftThreads, self.rightThreads)
        (self.left, self.right) = (left, right)
        self.leftObject = try await onOwnThread {
            try left.publish(as: "left", bouncing(by: leftThreads))
        }
        self.rightObject = try await onOwnThread {
            try right.publish(as: "right", bouncing(by: rightThreads))
        }
    }

    func close() {
        self.right.close()
        self.left.close()
    }
}

/// Calls `other` back, which calls this one, until the depth is 0.
private func bouncing(
    by threads: Notes<UInt>
) -> @Sendable (IncomingCall) throws -> any Encodable & Sendable {
    { call in
        threads.add(threadNumber())
        let (depth, other) = try call.arguments(as: Int.self, BlockingObject.self)
        if depth == 0 { return 0 }
        let below: Int = try other.bounce(depth - 1, off: call.object)
        return below + 1
    }
}

/// Calls objects that it is given.
@BusObject
distributed actor Caller {
    typealias ActorSystem = Bus

    distributed func ask(_ object: RemoteObject, _ number: Int) async throws -> Int {
        try await object.plus(number)
    }

    distributed func type(of object: RemoteObject) async throws -> String {
        try await object.interface().name
    }

    /// The kinds of error that wrong calls give.
    distributed func misuse(_ object: RemoteObject) async throws -> [String] {
        var kinds: [String] = []
        for (method, arguments) in [("minus(_:)", [1]), ("plus(_:_:)", [1, 2]), ("plus(_:)", [])] {
            do {
                let _: Value = try await object.call(method, arguments)
            } catch let error as BusError {
                kinds.append(error.kind.rawValue)
            }
        }
        return kinds
    }
}
