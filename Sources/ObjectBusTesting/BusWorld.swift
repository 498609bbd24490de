// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// Where a test of objects runs: one test body, several worlds.
///
/// ```swift
/// @Test(arguments: BusWorld.allCases) func `a counter counts`(world: BusWorld) async throws {
///     try await world.run { stage in
///         let owner = try await stage.bus(named: "owner")
///         try await owner.publish(Counter(actorSystem: owner), as: "counter")
///         let client = try await stage.bus(named: "client")
///         let counter = try await client.find(Counter.self, named: "counter")
///         #expect(try await counter.add(3) == 3)
///     }
/// }
/// ```
///
/// Each run is a bus of its own, so tests may run in parallel and use the same names. What the
/// body gets is the same in all worlds: nodes that call each other as if they were processes.
public struct BusWorld: Hashable, Sendable {
    /// What joins the nodes of `live` to their broker.
    public enum Transport: String, Hashable, Sendable {
        /// A socket file in a temporary folder.
        case ipc
        /// A free port of the loopback interface.
        case tcp
    }

    enum Kind: Hashable, Sendable {
        case embedded
        case live(Transport)
        case running(url: String)
        case simulated(seed: UInt64, SimulatedFaults)
    }

    let kind: Kind

    /// Broker and nodes in this process, without sockets of the operating system; the quickest.
    public static let embedded = BusWorld(kind: .embedded)

    /// A broker that listens on a socket file, and nodes with connections of their own; in this
    /// process, but as between processes.
    public static let live = BusWorld(kind: .live(.ipc))

    /// A broker that listens, and nodes with connections of their own.
    public static func live(_ transport: Transport) -> BusWorld {
        BusWorld(kind: .live(transport))
    }

    /// Nodes with connections of their own to a broker that runs already, say `objbus broker`.
    ///
    /// Names are shared with whoever else uses that broker.
    public static func running(at url: String) -> BusWorld {
        BusWorld(kind: .running(url: url))
    }

    /// The simulated world of this process's seed: `OBJBUS_TEST_SEED`, else a new one in each
    /// process, which is printed to standard error.
    public static var simulated: BusWorld { .simulated(seed: ProcessSeed.value) }

    /// No socket and no broker's thread: the broker's and the nodes' cores over wires on which
    /// links are lost and messages vanish, with a broker that dies and comes back.
    ///
    /// Every choice comes from the seed: when a message arrives, what goes wrong, whose turn it
    /// is. The same seed takes the same course, as far as the body does its work in its own task,
    /// in child tasks, and in calls over the bus. What runs elsewhere (unstructured tasks, other
    /// executors, sleeps) takes part, but at moments that no seed decides.
    public static func simulated(seed: UInt64, faults: SimulatedFaults = .all) -> BusWorld {
        BusWorld(kind: .simulated(seed: seed, faults))
    }

    /// One simulated world for each seed.
    public static func simulated(seeds: some Sequence<UInt64>) -> [BusWorld] {
        seeds.map { .simulated(seed: $0) }
    }

    /// The seed of a simulated world; nil for the others.
    public var seed: UInt64? {
        if case .simulated(let seed, _) = self.kind { seed } else { nil }
    }

    /// Sets this world up, runs `body` in it, and takes it down.
    ///
    /// - Parameter body: Gets a stage, from which it has its nodes. What it throws is thrown on;
    ///   in a simulated world a line on standard error says by which seed it is had again.
    /// - Throws: What `body` throws, or why the world can't be set up.
    public func run<Result>(
        isolation: isolated (any Actor)? = #isolation,
        _ body: (BusStage) async throws -> Result
    ) async throws -> Result {
        let stage = try BusStage(self)
        do {
            let result = try await stage.perform(isolation: isolation, body)
            stage.tearDown()
            return result
        } catch {
            stage.tearDown()
            if let seed {
                StandardError.print(
                    "objbus: in a simulated world: \(error); again with OBJBUS_TEST_SEED=\(seed)")
            }
            throw error
        }
    }
}

extension BusWorld: CaseIterable {
    /// One of each kind: simulated, embedded, live.
    public static var allCases: [BusWorld] { [.simulated, .embedded, .live] }
}

extension BusWorld: CustomStringConvertible {
    /// How the world is written in code, so that a failing test shows its seed.
    public var description: String {
        switch self.kind {
        case .embedded: "embedded"
        case .live(let transport): "live(\(transport.rawValue))"
        case .running(let url): "running(at: \(url))"
        case .simulated(let seed, .all): "simulated(seed: \(seed))"
        case .simulated(let seed, let faults):
            "simulated(seed: \(seed), faults: \(faults.rawValue))"
        }
    }
}

/// The seed of the tests of this process that name none.
private enum ProcessSeed {
    static let value: UInt64 = {
        if let seed = environment("OBJBUS_TEST_SEED").flatMap(UInt64.init) { return seed }
        // Few digits: somebody will type it.
        let seed = UInt64.random(in: 1..<1_000_000)
        StandardError.print(
            "objbus: simulated worlds of this process have OBJBUS_TEST_SEED=\(seed)")
        return seed
    }()
}
