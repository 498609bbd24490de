// Part of objbus. SPDX-License-Identifier: Apache-2.0

internal import BusBrokerCore
internal import BusKernel
internal import BusWire
internal import BusZeroMQ
internal import Logging
internal import ServiceLifecycle

/// A broker: one thread that listens, and routes every message between nodes.
///
/// It may be started once, by any thread, and stopped by any thread, any number of times. Dropping
/// it stops it.
package final class Broker: Sendable {
    private enum Phase {
        case ready
        case running(Running)
        case stopped
    }

    private struct Running {
        let thread: SystemThread
        let control: BrokerControl
        let endpoints: [String]
    }

    private let configuration: BrokerConfiguration
    /// Closed while starting and stopping, so that whoever comes second finds it done.
    private let phase = Locked(Phase.ready)

    /// Prepares a broker that does not listen yet.
    package init(_ configuration: BrokerConfiguration) {
        self.configuration = configuration
    }

    deinit {
        self.stop()
    }

    /// Listens on every address and starts the thread.
    ///
    /// - Returns: The addresses as they are, with the ports that were chosen.
    /// - Throws: Why not; then the broker listens nowhere and may be started again.
    @discardableResult
    package func start() throws(BrokerError) -> [String] {
        try self.phase.withLock { (phase) throws(BrokerError) in
            guard case .ready = phase else {
                throw BrokerError(.alreadyStarted, "this broker was started before")
            }
            let running = try self.listen()
            phase = .running(running)
            return running.endpoints
        }
    }

    /// The addresses listened on; empty before `start()` and after `stop()`.
    package var endpoints: [String] {
        self.phase.withLock { phase in
            if case .running(let running) = phase { running.endpoints } else { [] }
        }
    }

    /// Ends the thread and all connections and removes ipc paths; waits until that is done.
    ///
    /// It may be called again, and never from the broker's own thread.
    package func stop() {
        self.phase.withLock { phase in
            guard case .running(let running) = phase else {
                phase = .stopped
                return
            }
            running.control.stop()
            running.thread.join()
            phase = .stopped
        }
    }

    // MARK: Starting

    private func listen() throws(BrokerError) -> Running {
        let addresses = try Self.addresses(of: self.configuration)
        let context = try self.context()
        let socket = try attempt { () throws(ZeroMQError) in
            try Socket(.router, in: context, options: self.socketOptions)
        }
        let endpoints = try Self.bind(socket, to: addresses)
        // Not before binding: only who listens on the first address may make its key.
        let (key, roster) = try self.state(of: addresses[0])
        let returning = roster?.living ?? []
        let control = try attempt { () throws(ZeroMQError) in try BrokerControl() }
        let core = BrokerStateMachine(
            limits: self.configuration.limits, authority: MessageAuthenticator(key: key),
            seed: UInt64.random(in: .min ... .max), returning: returning,
            fence: roster?.fence ?? 0, quotas: self.configuration.quotas,
            objectQuotas: self.configuration.objectQuotas,
            at: Tick(nanoseconds: MonotonicClock.now()))
        let loop: BrokerLoop
        do throws(ZeroMQError) {
            loop = try BrokerLoop(
                socket: socket, core: core, control: control, roster: roster,
                listening: endpoints,
                reporter: BrokerReporter(logger: self.configuration.logger),
                dumps: self.configuration.dumps)
        } catch {
            throw BrokerError(system: error)
        }
        let thread = try Self.startThread(loop, control)
        self.configuration.logger.info(
            "broker listens",
            metadata: [
                "endpoints": "\(endpoints.joined(separator: " "))",
                "awaited": "\(returning.count)",
            ])
        return Running(thread: thread, control: control, endpoints: endpoints)
    }

    private func context() throws(BrokerError) -> Context {
        if let context = self.configuration.context { return context }
        return try attempt { () throws(ZeroMQError) in try Context() }
    }

    /// Checks that a broker could listen on every address of `configuration`, as far as that can
    /// be told without listening.
    package static func check(_ configuration: BrokerConfiguration) throws(BrokerError) {
        _ = try self.addresses(of: configuration)
    }

    private static func addresses(
        of configuration: BrokerConfiguration
    ) throws(BrokerError) -> [ListenAddress] {
        var addresses: [ListenAddress] = []
        for text in configuration.endpoints {
            let address = try ListenAddress(text)
            guard address.isLocal || configuration.insecure else {
                throw BrokerError(
                    .insecure,
                    "refuse to listen on \(text): it reaches beyond this machine, and nodes are "
                        + "not authenticated and messages not encrypted yet; 'insecure' allows it")
            }
            addresses.append(address)
        }
        guard !addresses.isEmpty else {
            throw BrokerError(.addressInvalid, "a broker needs an address to listen on")
        }
        return addresses
    }

    private var socketOptions: SocketOptions {
        var options = SocketOptions()
        options.sendHighWater = self.configuration.highWater
        options.receiveHighWater = self.configuration.highWater
        options.maximumMessageSize = Int64(WireLimits.frameBytes)
        options.linger = self.configuration.linger
        options.mandatoryRouting = true
        options.monitored = true
        return options
    }

    /// Returns the addresses as they are now.
    private static func bind(
        _ socket: borrowing Socket, to addresses: [ListenAddress]
    ) throws(BrokerError) -> [String] {
        var endpoints: [String] = []
        for address in addresses {
            do throws(ZeroMQError) {
                try socket.bind(address.endpoint)
            } catch {
                throw BrokerError(listeningOn: address.endpoint, error)
            }
            endpoints.append(socket.lastEndpoint)
        }
        return endpoints
    }

    /// What lasts from one run to the next: the key, and who was attached; nothing of the latter
    /// for an address that nobody would find again.
    private func state(
        of address: ListenAddress
    ) throws(BrokerError) -> (key: [UInt8], roster: RosterFile?) {
        guard address.isLasting,
            let directory = try KeyFile.directory(of: self.configuration.state)
        else { return (KeyFile.random(), nil) }
        let (key, existed) = try KeyFile.key(of: address, in: directory)
        let roster = try RosterFile(
            of: address, in: directory, isNew: !existed,
            linesMax: self.configuration.limits.rosterLines)
        return (key, roster)
    }

    private static func startThread(
        _ loop: consuming BrokerLoop, _ control: BrokerControl
    ) throws(BrokerError) -> SystemThread {
        let handOver = HandOver(loop)
        do throws(ZeroMQError) {
            return try SystemThread.start(name: "objbus-broker") {
                guard var loop = handOver.loop.take() else { return }
                var failure: BrokerError?
                do throws(ZeroMQError) {
                    try loop.run()
                    try loop.tellNodes()
                    loop.unbind()
                } catch {
                    failure = BrokerError(system: error)
                }
                loop.end(failure)
                control.ended(failure)
            }
        } catch {
            throw BrokerError(system: error)
        }
    }

    /// Carries the loop to its thread, which alone takes it out.
    private final class HandOver: @unchecked Sendable {
        var loop: BrokerLoop?

        init(_ loop: consuming BrokerLoop) {
            self.loop = consume loop
        }
    }

    // MARK: Running as a service

    /// The control of the thread, once started.
    var control: BrokerControl? {
        self.phase.withLock { phase in
            if case .running(let running) = phase { running.control } else { nil }
        }
    }
}

extension Broker: Service {
    /// Starts, unless it is started, and runs until the task is cancelled, the service group shuts
    /// down gracefully, or somebody calls `stop()`.
    ///
    /// - Throws: Why it could not start or go on.
    package func run() async throws {
        if self.control == nil { try self.start() }
        guard let control = self.control else { return }
        let failure = await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                await control.end()
            } onGracefulShutdown: {
                control.stop()
            }
        } onCancel: {
            control.stop()
        }
        self.stop()
        if let failure { throw failure }
    }
}

extension BrokerError {
    /// The machine refused something that nobody configured.
    fileprivate init(system error: ZeroMQError) {
        self.init(.system, "the broker can't run: \(error)")
    }
}

private func attempt<Result: ~Copyable>(
    _ body: () throws(ZeroMQError) -> Result
) throws(BrokerError) -> Result {
    do throws(ZeroMQError) { return try body() } catch { throw BrokerError(system: error) }
}
