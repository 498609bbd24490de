// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBroker
import BusKernel
import BusNodeCore
import BusZeroMQ
import Logging
public import ObjectBus

/// What a test's body gets from its world: nodes.
public final class BusStage: Sendable {
    /// Where the test runs.
    public let world: BusWorld
    private let setting: Setting
    private let buses = Locked<[Bus]>([])

    private enum Setting: Sendable {
        case embedded(Bus.Configuration)
        case live(LiveBroker)
        case running(url: String)
        case simulated(SimulatedWorld)
    }

    package init(_ world: BusWorld) throws {
        self.world = world
        self.setting =
            switch world.kind {
            case .embedded: .embedded(try Bus.Configuration.embedded())
            case .live(let transport): .live(try LiveBroker(transport))
            case .running(let url): .running(url: url)
            case .simulated(let seed, let faults):
                .simulated(
                    try SimulatedWorld(
                        seed: seed, faults: faults,
                        isTraced: environment("OBJBUS_TEST_TRACE") == "1"))
            }
    }

    /// Attaches another node, as if it were another process.
    ///
    /// It is closed when the test ends; close it before that to see what its callers see.
    /// - Parameters:
    ///   - name: what listings and errors call it.
    ///   - configure: changes what else is to be changed: deadline, middleware, logger.
    public func bus(
        named name: String, configure: (inout Bus.Configuration) -> Void = { _ in }
    ) async throws -> Bus {
        var configuration = self.configuration(named: name)
        configure(&configuration)
        let bus = try await Bus.connect(configuration)
        self.buses.withLock { $0.append(bus) }
        return bus
    }

    /// How a node is attached here, for code of yours that makes its bus by itself; it has to close
    /// that bus too.
    public func configuration(named name: String) -> Bus.Configuration {
        var configuration: Bus.Configuration
        switch self.setting {
        case .embedded(let common):
            configuration = common
            configuration.name = name
        case .live(let broker):
            configuration = Bus.Configuration(url: broker.url, name: name)
        case .running(let url):
            configuration = Bus.Configuration(url: url, name: name)
        case .simulated(let world):
            // No other process can reach it.
            configuration = Bus.Configuration(url: "inproc://simulated", name: name)
            configuration.host = world
            configuration.seed = world.nextSeed()
            configuration.limits = Self.shortLimits
            // That links are lost is what this world is for.
            configuration.logger.logLevel = .error
        }
        // Tests run in parallel, on machines that may be busy.
        configuration.connectTimeout = .seconds(30)
        return configuration
    }

    /// What has gone wrong so far; nil where nothing is simulated.
    public var simulation: SimulationReport? {
        if case .simulated(let world) = self.setting { world.report } else { nil }
    }

    /// The times of nodes to match those of the simulated broker.
    private static var shortLimits: NodeLimits {
        var limits = NodeLimits()
        limits.acknowledgeAfter = .milliseconds(20)
        limits.reconnectDelayMin = .milliseconds(1)
        limits.reconnectDelayMax = .milliseconds(8)
        limits.handshake = .milliseconds(200)
        return limits
    }

    // MARK: Running

    package func perform<Result>(
        isolation: isolated (any Actor)?, _ body: (BusStage) async throws -> Result
    ) async throws -> Result {
        guard case .simulated(let world) = self.setting else { return try await body(self) }
        return try await withTaskExecutorPreference(world.executor, isolation: isolation) {
            try await body(self)
        }
    }

    /// Closes what is open, the last node first.
    package func tearDown() {
        for bus in self.buses.withLock({ $0 }).reversed() { bus.close() }
        switch self.setting {
        case .embedded, .running: break
        case .live(let broker): broker.stop()
        case .simulated(let world): world.stop()
        }
    }
}
