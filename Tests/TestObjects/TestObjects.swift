// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Test objects are public only to be seen across modules.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

public import BigInt
import BusZeroMQ
public import Foundation
import Glibc
public import ObjectBus
public import TestInterfaces

/// Counts.
@BusObject
public distributed actor Counter {
    public typealias ActorSystem = Bus

    private var total = 0

    public init(actorSystem: Bus) {
        self.actorSystem = actorSystem
    }

    /// Adds `amount` and returns the new total.
    public distributed func add(_ amount: Int) -> Int {
        self.total += amount
        return self.total
    }

    /// The total so far.
    public distributed func value() -> Int { self.total }
}

/// A struct of everything that is a value, with structs inside.
public struct Deep: Codable, Hashable, Sendable {
    public struct Leaf: Codable, Hashable, Sendable {
        public var name: String
        public var weight: Double?

        public init(name: String, weight: Double?) {
            self.name = name
            self.weight = weight
        }
    }

    public enum Colour: Codable, Hashable, Sendable {
        case red
        case mixed(red: Int, blue: Int)
    }

    public var leaves: [String: [Leaf]]
    public var colours: [Colour]
    public var dates: [Date]
    public var ids: Set<UUID>
    public var big: BigInt
    public var data: Data

    public init(
        leaves: [String: [Leaf]], colours: [Colour], dates: [Date], ids: Set<UUID>, big: BigInt,
        data: Data
    ) {
        self.leaves = leaves
        self.colours = colours
        self.dates = dates
        self.ids = ids
        self.big = big
        self.data = data
    }
}

/// Returns what it gets.
@BusObject
public distributed actor Echo {
    public typealias ActorSystem = Bus

    public init(actorSystem: Bus) {
        self.actorSystem = actorSystem
    }

    public distributed func value(_ value: Value) -> Value { value }
    public distributed func int(_ int: Int) -> Int { int }
    public distributed func double(_ double: Double) -> Double { double }
    public distributed func string(_ string: String) -> String { string }
    public distributed func big(_ big: BigInt) -> BigInt { big }
    public distributed func date(_ date: Date) -> Date { date }
    public distributed func uuid(_ uuid: UUID) -> UUID { uuid }
    public distributed func data(_ data: Data) -> Data { data }
    public distributed func bytes(_ bytes: Bytes) -> Bytes { bytes }
    public distributed func deep(_ deep: Deep) -> Deep { deep }
    public distributed func optional(_ optional: String?) -> String? { optional }
    public distributed func object(_ object: Counter) -> Counter { object }
    public distributed func box(_ box: CounterBox) -> CounterBox { box }
}

/// A value with references inside.
public struct CounterBox: Codable, Sendable {
    public var label: String
    public var counters: [Counter]

    public init(label: String, counters: [Counter]) {
        self.label = label
        self.counters = counters
    }
}

/// Remembers objects of others, and calls them.
@BusObject
public distributed actor Directory {
    public typealias ActorSystem = Bus

    private struct Made {
        weak var counter: Counter?
    }

    private var remembered: [Counter] = []
    private var made: [Made] = []
    private let own: Counter

    public init(actorSystem: Bus) {
        self.actorSystem = actorSystem
        self.own = Counter(actorSystem: actorSystem)
    }

    /// Keeps the counter.
    public distributed func remember(_ counter: Counter) { self.remembered.append(counter) }

    /// Adds to every counter remembered.
    public distributed func addToAll(_ amount: Int) async throws -> [Int] {
        var totals: [Int] = []
        for counter in self.remembered { totals.append(try await counter.add(amount)) }
        return totals
    }

    /// Gives back what is remembered.
    public distributed func all() -> [Counter] { self.remembered }

    /// Forgets everything.
    public distributed func forget() { self.remembered = [] }

    /// A counter of this side.
    public distributed func ownCounter() -> Counter { self.own }

    /// Whether `counter` is this side's own.
    public distributed func isOwn(_ counter: Counter) -> Bool { counter === self.own }

    /// Calls an object of its own side.
    public distributed func countHere(_ amount: Int) async throws -> Int {
        try await self.own.add(amount)
    }

    /// Asks `counter` for its total, adds three, and returns that.
    public distributed func totalPlusThree(of counter: Counter) async throws -> Int {
        try await counter.value() + 3
    }

    /// A new counter at each call.
    public distributed func create() -> Counter {
        let counter = Counter(actorSystem: self.actorSystem)
        self.made = self.made.filter { $0.counter != nil } + [Made(counter: counter)]
        return counter
    }

    /// How many of the counters that were made here live.
    public distributed func living() -> Int { self.made.count { $0.counter != nil } }
}

/// Waits until it is cancelled, through others if there are any.
@BusObject
public distributed actor Patience {
    public typealias ActorSystem = Bus

    private var begun = 0
    private var cancelled = 0

    public init(actorSystem: Bus) {
        self.actorSystem = actorSystem
    }

    /// Lets the first of `others` wait through the rest of them.
    public distributed func wait(through others: [Patience]) async throws {
        self.begun += 1
        defer { if Task.isCancelled { self.cancelled += 1 } }
        if let next = others.first {
            return try await next.wait(through: Array(others.dropFirst()))
        }
        let (never, continuation) = AsyncStream.makeStream(of: Never.self)
        for await _ in never {}
        withExtendedLifetime(continuation) {}
        throw CancellationError()
    }

    /// How many waits have begun.
    public distributed func begins() -> Int { self.begun }

    /// How many waits were cancelled.
    public distributed func cancellations() -> Int { self.cancelled }
}

/// Calls its caller back.
@BusObject
public distributed actor Bouncer {
    public typealias ActorSystem = Bus

    private var deepest = 0

    public init(actorSystem: Bus) {
        self.actorSystem = actorSystem
    }

    /// Calls `other`, which calls this one, until `depth` is 0; returns how many calls that made.
    public distributed func bounce(_ depth: Int, off other: Bouncer) async throws -> Int {
        if depth == 0 { return 0 }
        return try await other.bounce(depth - 1, off: self) + 1
    }
}

/// An error that travels as itself.
public struct TooFew: Error, Codable, Hashable {
    public var wanted: Int
    public var present: Int

    public init(wanted: Int, present: Int) {
        self.wanted = wanted
        self.present = present
    }
}

/// An error that does not travel.
public struct Opaque: Error {
    public init() {}
}

/// Throws.
@BusObject
public distributed actor Thrower {
    public typealias ActorSystem = Bus

    public init(actorSystem: Bus) {
        self.actorSystem = actorSystem
    }

    public distributed func typed() throws(TooFew) -> Int { throw TooFew(wanted: 3, present: 1) }
    public distributed func untyped() throws -> Int { throw TooFew(wanted: 5, present: 2) }
    public distributed func opaque() throws { throw Opaque() }
    public distributed func relay(_ other: Thrower) async throws { try await other.opaque() }
    public distributed func fine() -> String { "fine" }
}

/// Keeps callers waiting, and remembers in which order calls started.
@BusObject
public distributed actor Gate {
    public typealias ActorSystem = Bus

    private var waiting: [(Int, CheckedContinuation<Int, Never>)] = []
    private var started: [Int] = []

    public init(actorSystem: Bus) {
        self.actorSystem = actorSystem
    }

    /// Returns `number` when `open` lets it.
    public distributed func pass(_ number: Int) async -> Int {
        await withCheckedContinuation { self.waiting.append((number, $0)) }
    }

    /// How many wait.
    public distributed func count() -> Int { self.waiting.count }

    /// Lets all pass, the last first.
    public distributed func open() {
        let all = self.waiting.reversed()
        self.waiting = []
        for (number, continuation) in all { continuation.resume(returning: number) }
    }

    /// Notes that the call started.
    public distributed func note(_ number: Int) { self.started.append(number) }

    /// The same, and keeps its thread for so long, as a handler should not.
    public distributed func note(_ number: Int, hoggingFor milliseconds: Int) {
        self.started.append(number)
        let end = ContinuousClock.now + .milliseconds(milliseconds)
        while ContinuousClock.now < end {}
    }

    /// The same, and works for so long: on a busy machine that takes as much longer as what callers
    /// do meanwhile.
    public distributed func note(_ number: Int, workingFor microseconds: Int) {
        self.started.append(number)
        let end = processorTime() + microseconds * 1_000
        while processorTime() < end {}
    }

    /// What was noted, in the order of starting.
    public distributed func noted() -> [Int] { self.started }
}

/// Nanoseconds that this thread has run.
private func processorTime() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// Where the blockers of one node wait.
private final class WaitingRoom: Sendable {
    private static let rooms = Locked<[ObjectIdentifier: WaitingRoom]>([:])

    let semaphore = DispatchSemaphore(value: 0)
    let blocked = Locked(0)

    static func room(of bus: Bus) -> WaitingRoom {
        self.rooms.withLock { rooms in
            let room = rooms[ObjectIdentifier(bus)] ?? WaitingRoom()
            rooms[ObjectIdentifier(bus)] = room
            return room
        }
    }
}

/// Blocks its thread, not just its task, until a `Releaser` of the same node lets it go.
@BusObject
public distributed actor Blocker {
    public typealias ActorSystem = Bus

    private let room: WaitingRoom

    public init(actorSystem: Bus) {
        self.actorSystem = actorSystem
        self.room = WaitingRoom.room(of: actorSystem)
    }

    public distributed func block() {
        self.room.blocked.withLock { $0 += 1 }
        self.room.semaphore.wait()
        self.room.blocked.withLock { $0 -= 1 }
    }
}

/// Sees and releases the blockers of its node.
@BusObject
public distributed actor Releaser {
    public typealias ActorSystem = Bus

    private let room: WaitingRoom

    public init(actorSystem: Bus) {
        self.actorSystem = actorSystem
        self.room = WaitingRoom.room(of: actorSystem)
    }

    public distributed func blocked() -> Int { self.room.blocked.withLock { $0 } }
    public distributed func release(_ count: Int) {
        for _ in 0..<count { self.room.semaphore.signal() }
    }
}

/// Without stable names.
public distributed actor Plain {
    public typealias ActorSystem = Bus

    public init(actorSystem: Bus) {
        self.actorSystem = actorSystem
    }

    public distributed func twice(_ number: Int) -> Int { 2 * number }
    public distributed func joined(_ left: String, with right: String) -> String { left + right }
}

/// Known to callers by an interface only, with stable names.
@BusObject
public distributed actor StableGreeter: Greeting {
    public typealias ActorSystem = Bus

    public init(actorSystem: Bus) {
        self.actorSystem = actorSystem
    }

    public distributed func greet(_ name: String, times: Int) -> String {
        Array(repeating: "hello \(name)", count: times).joined(separator: ", ")
    }
}

/// Known to callers by an interface only, without stable names.
public distributed actor PlainGreeter: Greeting {
    public typealias ActorSystem = Bus

    public init(actorSystem: Bus) {
        self.actorSystem = actorSystem
    }

    public distributed func greet(_ name: String, times: Int) -> String {
        "\(times) times \(name)"
    }
}

/// One of each, published.
public struct TestObjects: Sendable {
    private let all: [any DistributedActor]
    private let turnstiles: Turnstiles

    public init(on bus: Bus) async throws {
        self.turnstiles = try await Turnstiles(on: bus)
        let counter = Counter(actorSystem: bus)
        let echo = Echo(actorSystem: bus)
        let directory = Directory(actorSystem: bus)
        let bouncer = Bouncer(actorSystem: bus)
        let thrower = Thrower(actorSystem: bus)
        let gate = Gate(actorSystem: bus)
        let plain = Plain(actorSystem: bus)
        let stable = StableGreeter(actorSystem: bus)
        let greeter = PlainGreeter(actorSystem: bus)
        let blockers = [Blocker(actorSystem: bus), Blocker(actorSystem: bus)]
        let releaser = Releaser(actorSystem: bus)
        let toolbox = Toolbox(actorSystem: bus)
        let factory = CounterFactory(actorSystem: bus)
        let box = Box(5, actorSystem: bus)
        let flooder = Flooder(actorSystem: bus)
        for (index, blocker) in blockers.enumerated() {
            try await bus.publish(blocker, as: "blocker/\(index)")
        }
        try await bus.publish(releaser, as: "releaser")
        self.all = [
            counter, echo, directory, bouncer, thrower, gate, plain, stable, greeter, toolbox,
            factory, box, flooder,
        ]
        try await bus.publish(flooder, as: "flooder")
        try await bus.publish(factory, as: "factory")
        try await bus.publish(box, as: "box")
        try await bus.publish(toolbox, as: "toolbox")
        try await bus.publish(counter, as: "counter")
        try await bus.publish(echo, as: "echo")
        try await bus.publish(directory, as: "directory")
        try await bus.publish(bouncer, as: "bouncer")
        try await bus.publish(thrower, as: "thrower")
        try await bus.publish(gate, as: "gate")
        try await bus.publish(plain, as: "plain")
        try await bus.publish(stable, as: "greeter/stable")
        try await bus.publish(greeter, as: "greeter/plain")
    }
}
