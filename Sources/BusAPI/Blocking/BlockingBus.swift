// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/decisions/0006-blocking.md; rules R18.

import BusWire
import BusZeroMQ
public import Distributed

/// A bus for threads that may block: the same calls without `await`.
///
/// ```swift
/// let blocking = try BlockingBus.connect()
/// let total: Int = try blocking.object(named: "counter").add(3)
/// ```
///
/// **Threads.** For the main thread of a program that is not async, and for threads of its own.
/// Inside a task, and on the threads of a node, every call throws `BusError` of kind `invalid`:
/// there it would hold a thread that others need. A thread that waits runs incoming calls of its
/// own chain meanwhile, so that two blocking sides can call each other back.
///
/// Copies are the same bus. It closes when the last one is gone, or by `close`.
public struct BlockingBus: Sendable {
    /// The bus that does the work.
    public let bus: Bus

    /// Lets threads that block use `bus`.
    public init(_ bus: Bus) {
        self.bus = bus
    }

    /// Attaches this process to the bus; see `Bus.connect(to:name:)`.
    public static func connect(to url: String? = nil, name: String? = nil) throws -> BlockingBus {
        try self.connect(Bus.Configuration(url: url, name: name))
    }

    /// Attaches this process to the bus; see `Bus.connect(_:)`.
    public static func connect(_ configuration: Bus.Configuration) throws -> BlockingBus {
        BlockingBus(try waitWithoutBus { try await Bus.connect(configuration) })
    }

    /// A bus of its own inside this process; see `Bus.embedded(name:)`.
    public static func embedded(name: String? = nil) throws -> BlockingBus {
        BlockingBus(try waitWithoutBus { try await Bus.embedded(name: name) })
    }

    /// Another node on this bus's embedded broker; see `Bus.attach(name:)`.
    public func attach(name: String? = nil) throws -> BlockingBus {
        let bus = self.bus
        return BlockingBus(try bus.wait { try await bus.attach(name: name) })
    }

    /// Runs async code on this thread and returns its result: typed calls, or several at once.
    ///
    /// ```swift
    /// let counter = try blocking.find(Counter.self, named: "counter")
    /// let total = try blocking.wait { try await counter.add(3) }
    /// ```
    ///
    /// All calls made in `body` belong to one chain.
    /// - Throws: what `body` throws; `BusError` of kind `invalid` where blocking is not allowed.
    public func wait<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) throws -> Result {
        try self.bus.wait(body)
    }

    // MARK: Names

    /// Finds a published object of whatever type.
    public func object(named name: String) throws -> BlockingObject {
        let bus = self.bus
        return BlockingObject(try bus.wait { try await bus.object(named: name) })
    }

    /// Finds a published object; call it in `wait`.
    public func find<Object: DistributedActor>(
        _ type: Object.Type, named name: String
    ) throws -> Object where Object.ActorSystem == Bus {
        let bus = self.bus
        return try bus.wait { try await bus.find(type, named: name) }
    }

    /// Everything published whose name begins with `prefix`, sorted by name.
    public func names(prefix: String = "") throws -> [Bus.NameEntry] {
        let bus = self.bus
        return try bus.wait { try await bus.names(prefix: prefix) }
    }

    /// Makes an object of this process findable by name; see `Bus.publish(_:as:replicas:)`.
    public func publish<Object: DistributedActor>(
        _ object: Object, as name: String, replicas: ReplicaPolicy? = nil
    ) throws where Object.ActorSystem == Bus {
        let bus = self.bus
        try bus.wait { try await bus.publish(object, as: name, replicas: replicas) }
    }

    /// Takes back a name that this node has published.
    public func withdraw(_ name: String) throws {
        let bus = self.bus
        try bus.wait { try await bus.withdraw(name) }
    }

    // MARK: Objects

    /// Makes an object of a function that may block, to be handed out by reference.
    ///
    /// ```swift
    /// let mine = blocking.makeObject { call in
    ///     let amount = try call.arguments(as: Int.self)
    ///     return amount + 1
    /// }
    /// let answer: String = try theirs.register(mine)
    /// ```
    ///
    /// - Parameters:
    ///   - interface: what callers may know of it. Methods that it does not name are refused, but
    ///     one without methods leaves all to the handler.
    ///   - handler: runs a call and returns its result, `Value.null` for none. It runs on the
    ///     thread of this process that waits in the same chain, if there is one; else on a thread
    ///     of a pool. Calls start in the order of their arrival, each when the one before has
    ///     returned or waits for the bus: so two may be under way at one time.
    /// - Returns: the object; it lives while this value does, or somebody holds it.
    public func makeObject(
        interface: Interface = .unknown,
        _ handler: @escaping @Sendable (IncomingCall) throws -> any Encodable & Sendable
    ) -> BlockingObject {
        let host = BlockingHost(interface, actorSystem: self.bus, handler)
        return BlockingObject(RemoteObject(host.id, self.bus), keeping: host)
    }

    /// Makes an object of a function that may block, and makes it findable by name; it lives while
    /// it is published. The parameters are those of `makeObject`.
    @discardableResult
    public func publish(
        as name: String, interface: Interface = .unknown,
        _ handler: @escaping @Sendable (IncomingCall) throws -> any Encodable & Sendable
    ) throws -> BlockingObject {
        let host = BlockingHost(interface, actorSystem: self.bus, handler)
        try self.publish(host, as: name)
        return BlockingObject(RemoteObject(host.id, self.bus), keeping: host)
    }

    /// Makes an object of `makeObject` findable by name; it lives while it is published.
    ///
    /// - Throws: `BusError` of kind `denied` if it lives elsewhere.
    public func publish(
        _ object: BlockingObject, as name: String, replicas: ReplicaPolicy? = nil
    ) throws {
        guard let host = object.remote.local(as: BlockingHost.self) else {
            throw BusError(.denied, "only objects of this process can be published")
        }
        try self.publish(host, as: name, replicas: replicas)
    }

    // MARK: Ends

    /// One round trip to the broker.
    public func ping() throws {
        let bus = self.bus
        try bus.wait { try await bus.ping() }
    }

    /// Says goodbye; see `Bus.close()`. The one method that is allowed on any thread.
    public func close() {
        self.bus.close()
    }
}

extension Interface {
    /// Of an object that does not describe itself.
    public static let unknown = Interface(
        name: "BlockingObject", documentation: "Its methods are not described.", methods: [])
}

extension Bus {
    /// Runs `body` on this thread, and incoming calls of its chain meanwhile.
    func wait<Success: Sendable>(
        _ body: @escaping @Sendable () async throws -> Success
    ) throws -> Success {
        try checkMayBlock()
        let run = HandlerRun.current
        let thread = run?.willWait(self.blocking.pool) ?? self.blocking.lend()
        let chain = CallContext.current?.chain ?? self.nextChain()
        self.blocking.chains.add(thread, to: chain)
        defer {
            self.blocking.chains.remove(thread, from: chain)
            if run == nil { self.blocking.takeBack(thread) }
        }
        return try CallContext.$outermostChain.withValue(chain) {
            try thread.wait(in: run, for: body)
        }
    }
}

/// Waits where there is no bus yet, and so nobody to call this thread.
private func waitWithoutBus<Success: Sendable>(
    _ body: @escaping @Sendable () async throws -> Success
) throws -> Success {
    try checkMayBlock()
    let pool = BlockingPool()
    defer { pool.stop() }
    return try BlockedThread(pool).wait(in: nil, for: body)
}

private func checkMayBlock() throws {
    guard withUnsafeCurrentTask(body: { $0 == nil }) else {
        throw BusError(
            .invalid,
            "BlockingBus can't be used inside a task, whose thread is not its own: "
                + "use Bus and await, or a thread")
    }
    guard !LoopThread.isCurrent else {
        throw BusError(.invalid, "BlockingBus can't be used on a thread of a node: use a thread")
    }
}
