// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/ by running BusBrokerCore; the thread "objbus-broker" runs this.

internal import BusBrokerCore
internal import BusKernel
internal import BusValue
internal import BusWire
internal import BusZeroMQ

/// What the broker's thread owns: the socket, the core, and what lies between them.
///
/// One message is in hand at a time. The core patches its first frame where libzmq received it, and
/// that frame goes out again: forwarding copies no payload and allocates nothing.
struct BrokerLoop: ~Copyable {
    /// Messages taken in before timers and events are looked at.
    private static let batch = 256
    /// Batches after which a closed connection is told to the core although its last messages may
    /// not all be read.
    private static let patience = 64

    private let socket: Socket
    private let control: BrokerControl
    /// Who may come back after the next start; nil where nobody may.
    private let roster: RosterFile?
    private let listening: [String]
    private let files: [SocketFile]
    private let dumps: Bool
    private var core: BrokerStateMachine
    private var reporter: BrokerReporter
    private var poller = Poller()
    /// The number of the socket's events there.
    private let events: Int
    private var tracker = DescriptorTracker()
    /// Reused for every message.
    private var effects: [BrokerEffect] = []
    /// Closed connections, not yet told to the core; bounded by open descriptors.
    private var closed: [ConnectionID] = []
    private var batchesSinceClosed = 0
    private var now: Tick
    private var metricsDue: Tick

    /// Takes over a bound and monitored router.
    init(
        socket: consuming Socket, core: BrokerStateMachine, control: BrokerControl,
        roster: RosterFile?, listening: [String], reporter: BrokerReporter, dumps: Bool
    ) throws(ZeroMQError) {
        self.control = control
        self.roster = roster
        self.listening = listening
        self.files = listening.compactMap { SocketFile(endpoint: $0) }
        self.core = core
        self.reporter = reporter
        self.dumps = dumps
        self.now = Tick(nanoseconds: MonotonicClock.now())
        self.metricsDue = self.now
        // Sends as well, but `run` never waits before it has found the socket empty after them.
        _ = try self.poller.add(socket, receivesOnly: true)
        self.events = try self.poller.addEvents(of: socket)
        _ = self.poller.add(control.waker)
        self.socket = socket
    }

    /// Runs until the control says stop. Throws only when libzmq itself fails.
    mutating func run() throws(ZeroMQError) {
        var message = MessageInHand()
        var isDrained = false
        while !self.control.isStopping {
            let ready = try self.poller.wait(timeout: isDrained ? self.idleTime : 0)
            self.now = Tick(nanoseconds: MonotonicClock.now())
            if ready.contains(self.events) { try self.takeEvents() }
            isDrained = try self.receiveBatch(&message)
            try self.reportClosed(&message, isDrained: isDrained)
            if self.now >= self.core.nextDeadline {
                self.core.timePassed(at: self.now, into: &self.effects)
                try self.runEffects(&message)
                isDrained = false
            }
            if self.now >= self.metricsDue {
                self.reporter.updateMetrics(from: self.core)
                self.metricsDue = self.now.advanced(by: .seconds(1))
            }
        }
    }

    /// Tells every node that this broker ends, and waits, a fifth of a second at most, until they
    /// have closed their connections: one that is closed here first may take the news with it.
    mutating func tellNodes() throws(ZeroMQError) {
        var message = MessageInHand()
        self.core.stopBegan(into: &self.effects)
        try self.runEffects(&message)
        let deadline = MonotonicClock.now() + 200_000_000
        while self.tracker.isAnyBound, MonotonicClock.now() < deadline {
            _ = try self.poller.wait(timeout: 20_000_000)
            try self.takeEvents()
            // Whoever sent it sends it again to the next broker.
            while try self.receiveAnything(&message) {}
        }
    }

    /// False if there is nothing now.
    private func receiveAnything(_ message: inout MessageInHand) throws(ZeroMQError) -> Bool {
        do {
            return try message.receive(from: self.socket)
        } catch .foreignRoutingID {
            return true
        }
    }

    /// Stops listening, removes ipc paths, and waits, at most half a second, until all addresses
    /// are free again.
    mutating func unbind() {
        // While this still listens: nobody else can have bound a removed path in between.
        for file in self.files { file.remove() }
        var waited = 0
        for endpoint in self.listening {
            do {
                try self.socket.unbind(endpoint)
                if !endpoint.hasPrefix("inproc:") { waited += 1 }
            } catch {
                // It is closed with the socket.
            }
        }
        let deadline = MonotonicClock.now() + 500_000_000
        while waited > 0, MonotonicClock.now() < deadline {
            do {
                while let event = try self.socket.nextEvent() {
                    if case .closed = event { waited -= 1 }
                }
                if waited > 0 { _ = try self.poller.wait(timeout: 20_000_000) }
            } catch {
                return
            }
        }
    }

    /// Closes the socket, and the context if nobody else has it.
    consuming func end(_ failure: BrokerError?) {
        if let failure { self.reporter.failed(failure) }
    }

    /// Nanoseconds until the core or the metrics want to be woken.
    private var idleTime: UInt64 {
        let now = Tick(nanoseconds: MonotonicClock.now())
        return min(self.core.nextDeadline, self.metricsDue).since(now).nanoseconds
    }

    // MARK: Receiving

    /// Takes in a batch of messages.
    ///
    /// - Returns: Whether nothing was left.
    private mutating func receiveBatch(_ message: inout MessageInHand) throws(ZeroMQError) -> Bool {
        for _ in 0..<Self.batch {
            do {
                guard try message.receive(from: self.socket) else { return true }
            } catch .foreignRoutingID {
                self.core.foreignMessageDropped()
                self.reporter.foreignPeer()
                continue
            }
            try self.handle(&message)
        }
        return false
    }

    private mutating func handle(_ message: inout MessageInHand) throws(ZeroMQError) {
        if self.dumps { message.dump("in", message.connection) }
        let (connection, bufferCount) = (message.connection, message.bufferCount)
        let bufferBytes = message.bufferBytes
        message.frame.withMutableBytes { frame in
            self.core.received(
                &frame, bufferCount: bufferCount, bufferBytes: bufferBytes, from: connection,
                at: self.now, into: &self.effects)
        }
        try self.runEffects(&message)
    }

    // MARK: Effects

    /// Runs what the core wants done, in order; failures append more.
    private mutating func runEffects(_ message: inout MessageInHand) throws(ZeroMQError) {
        var index = 0
        while index < self.effects.count {
            switch self.effects[index] {
            case .forward(let connection):
                try self.forward(&message, to: connection)
            case .send(let own, let transmission, let connection):
                try self.send(own, transmission, to: connection)
            case .watch(let connection):
                try self.watch(connection, descriptor: message.frame.sourceDescriptor)
            case .remember(let incarnation):
                if let roster, !roster.add(incarnation) { self.reporter.rosterFailed() }
            case .forget(let incarnation):
                if let roster, !roster.remove(incarnation) { self.reporter.rosterFailed() }
            case .reserveFences(let fence):
                if let roster, !roster.reserve(fence) { self.reporter.rosterFailed() }
            case .log(let notice):
                self.reporter.log(notice)
            }
            index += 1
        }
        self.effects.removeAll(keepingCapacity: true)
    }

    private mutating func forward(
        _ message: inout MessageInHand, to connection: ConnectionID
    ) throws(ZeroMQError) {
        if self.dumps { message.dump("out", connection) }
        do {
            try self.socket.sendRoutingID(connection.rawValue)
        } catch {
            let failure = try Self.failure(error)
            message.frame.withBytes { frame in
                self.core.forwardFailed(
                    failure, frame, bufferBytes: message.bufferBytes, from: message.connection,
                    to: connection, at: self.now, into: &self.effects)
            }
            return
        }
        try message.send(on: self.socket)
    }

    private mutating func send(
        _ message: Message, _ transmission: Transmission, to connection: ConnectionID
    ) throws(ZeroMQError) {
        do {
            try self.socket.sendRoutingID(connection.rawValue)
        } catch {
            self.core.sendFailed(
                try Self.failure(error), to: connection, at: self.now, into: &self.effects)
            return
        }
        var frame = Frame(copying: message.frame)
        frame.withMutableBytes { transmission.patch(&$0) }
        if self.dumps { dumpLine("out", connection, frame, message.buffers.map(\.count)) }
        try self.socket.send(&frame, more: !message.buffers.isEmpty)
        for (index, buffer) in message.buffers.enumerated() {
            try self.socket.send(
                copying: buffer.array, more: index < message.buffers.count - 1)
        }
    }

    /// A router decides about a message with its first part, so what fails leaves nothing behind.
    private static func failure(_ error: ZeroMQError) throws(ZeroMQError) -> SendFailure {
        switch error {
        case .again: .pipeFull
        case .hostUnreachable: .unreachable
        default: throw error
        }
    }

    // MARK: Connections

    /// Ties `connection` to the descriptor that its message came by (rules R4).
    private mutating func watch(
        _ connection: ConnectionID, descriptor: Int32
    ) throws(ZeroMQError) {
        // An inproc connection has none: its end shows when the next heartbeat finds it gone.
        guard descriptor >= 0 else { return }
        try self.takeEvents()
        switch self.tracker.bind(connection.rawValue, descriptor: descriptor) {
        case .bound: break
        case .replaced(let ended): self.closed.append(ConnectionID(rawValue: ended))
        case .ended: self.closed.append(connection)
        }
    }

    private mutating func takeEvents() throws(ZeroMQError) {
        while let event = try self.socket.nextEvent() {
            if let ended = self.tracker.handle(event) {
                self.closed.append(ConnectionID(rawValue: ended))
            }
        }
    }

    /// Tells the core of closed connections once what they sent before is read, so that a node
    /// that says goodbye and closes has said goodbye.
    private mutating func reportClosed(
        _ message: inout MessageInHand, isDrained: Bool
    ) throws(ZeroMQError) {
        guard !self.closed.isEmpty else { return }
        self.batchesSinceClosed += 1
        guard isDrained || self.batchesSinceClosed >= Self.patience else { return }
        self.batchesSinceClosed = 0
        for connection in self.closed {
            self.core.connectionClosed(connection, at: self.now, into: &self.effects)
        }
        self.closed.removeAll(keepingCapacity: true)
        try self.runEffects(&message)
    }
}
