// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
package import BusNode
package import BusNodeCore
public import BusWire
import BusZeroMQ
public import Logging
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// A node's place on the bus: it publishes and finds objects, and is their actor system.
///
/// ```swift
/// let bus = try await Bus.connect()
/// let counter = Counter(actorSystem: bus)
/// try await bus.publish(counter, as: "counter")
/// ```
///
/// All methods may be called from any thread. A bus goes on trying to reach its broker until it is
/// closed; calls wait meanwhile, as long as their deadlines allow.
public final class Bus: Sendable {
    /// Where a bus connects to when neither code nor environment says otherwise.
    public static let defaultURL = "tcp://127.0.0.1:7420"

    /// How a bus is set up.
    public struct Configuration: Sendable {
        /// The broker: `tcp://host:port`, `ipc://path`.
        public var url: String
        /// What listings call this node.
        public var name: String
        /// How long `connect` tries.
        public var connectTimeout: Duration = .seconds(3)
        /// How long a call may take that sets no deadline of its own.
        public var deadline: Duration = .seconds(30)
        /// What becomes of calls that are refused `overloaded`, unless their proxy says otherwise.
        public var overload: OverloadPolicy = .fail
        /// What is wrapped around every call, at either side; the first is outermost.
        public var middleware: [any CallMiddleware] = []
        /// How long running handlers may take to finish when the process is asked to end.
        public var drain: Duration = .seconds(10)
        /// Gets a line when links come and go.
        public var logger = Logger(label: "objbus.node")
        /// Prints every message to standard error.
        public var dumpsMessages: Bool
        var context: Context?
        /// Whether no other bus uses the context.
        var ownsContext = false
        var embedded: EmbeddedBroker?
        /// Carries the bus instead of sockets and threads; nil for none.
        package var host: (any NodeHost)?
        /// Where the node's random choices come from; nil for chance.
        package var seed: UInt64?
        package var limits = NodeLimits()

        /// Starts from `OBJBUS_URL`, `OBJBUS_NODE`, `OBJBUS_DUMP` and the program's name.
        public init(url: String? = nil, name: String? = nil) {
            self.url = url ?? environment("OBJBUS_URL") ?? Bus.defaultURL
            self.name = name ?? environment("OBJBUS_NODE") ?? "\(programName())-\(getpid())"
            self.dumpsMessages = environment("OBJBUS_DUMP") == "1"
            self.logger.logLevel = .warning
        }
    }

    /// How this bus is set up.
    public let configuration: Configuration
    /// How long a call may take that does not say.
    let usualSpan: Span
    let node: Node
    let objects = ObjectTable()
    let errors = ErrorRegistry()
    let running = RunningCalls()
    let blocking = BlockingSide()
    let waiting = WaitWatch()
    let lifetimes: Lifetimes
    let overload: OverloadLines
    private let delegate: BusDelegate
    let link = LinkState()
    private let chains = Atomic<UInt64>(0)
    private let starts = Atomic<UInt64>(0)
    /// Set when `drain` begins, before the names are taken back.
    let isDraining = Atomic<Bool>(false)

    private init(_ configuration: Configuration) {
        self.configuration = configuration
        self.usualSpan = Span(configuration.deadline)
        var node = NodeConfiguration(
            endpoint: configuration.url, name: configuration.name, program: programName(),
            logger: configuration.logger)
        node.context = configuration.context
        node.dumps = configuration.dumpsMessages
        node.host = configuration.host
        node.seed = configuration.seed
        node.limits = configuration.limits
        self.node = Node(node)
        self.lifetimes = Lifetimes(self.node)
        self.overload = OverloadLines(self.node.clock)
        self.delegate = BusDelegate(self.objects, self.running)
        self.delegate.bus = self
        self.node.delegate = self.delegate
    }

    deinit {
        self.close()
    }

    /// Attaches this process to the bus.
    ///
    /// - Parameters:
    ///   - url: the broker; nil means `OBJBUS_URL`, else `tcp://127.0.0.1:7420`.
    ///   - name: what listings call this node; nil means `OBJBUS_NODE`, else program and process.
    /// - Throws: `BusError` of kind `disconnected` if no broker answers within 3 seconds.
    public static func connect(to url: String? = nil, name: String? = nil) async throws -> Bus {
        try await self.connect(Configuration(url: url, name: name))
    }

    /// Attaches this process to the bus.
    ///
    /// - Throws: `BusError` of kind `disconnected` if no broker answers in time, of kind `invalid`
    ///   if the URL is none.
    public static func connect(_ configuration: Configuration) async throws -> Bus {
        guard ["tcp://", "ipc://", "inproc://"].contains(where: configuration.url.hasPrefix) else {
            throw BusError(
                .invalid, "'\(configuration.url)' is no address: use tcp://HOST:PORT or ipc://PATH")
        }
        ParentWatch.startIfLaunched()
        let bus = Bus(configuration)
        do {
            try bus.node.start()
        } catch {
            throw BusError(.disconnected, "the node can't start: \(error)")
        }
        do {
            try await bus.link.waitUntilLinked(
                timeout: configuration.connectTimeout, url: configuration.url)
        } catch {
            bus.close()
            throw error
        }
        return bus
    }

    /// This node's incarnation; changes only when the node was cut off for too long.
    public var incarnation: IncarnationID { self.node.incarnation ?? .broker }

    /// Whether the broker can be reached now.
    public var isLinked: Bool { self.node.isLinked }

    /// Says goodbye: names are withdrawn, objects given out are gone, calls under way fail.
    /// Closing twice does no harm.
    public func close() {
        self.node.close()
        self.running.cancelAll()
        self.objects.cancelAll()
        self.blocking.pool.stop()
        let released = self.objects.releaseAll()
        withExtendedLifetime(released) {}
        self.lifetimes.closed()
        self.link.closed()
    }

    /// Lets errors of this type arrive as themselves when a remote object throws them.
    public func register<Failure: Error & Decodable>(error type: Failure.Type) {
        self.errors.register(type)
    }

    func nextChain() -> ChainID {
        let number = self.chains.add(1, ordering: .relaxed).newValue
        return ChainID(root: self.incarnation, number: number)
    }

    /// Which of several replicas the next proxy calls first: not the same at all nodes and proxies.
    func nextStart() -> UInt64 {
        self.incarnation.rawValue &+ self.starts.add(1, ordering: .relaxed).newValue
    }

    // MARK: References

    func isOwn(_ reference: Reference) -> Bool { self.link.isOwn(reference.owner) }

    /// The reference as it is to be sent now: own objects under the present incarnation, names as
    /// they were resolved last.
    func current(_ held: HeldReference) -> HeldReference {
        switch held.lease {
        case .own:
            HeldReference(
                Reference(owner: self.incarnation, object: held.reference.object), lease: .own)
        case .token, .none: held
        case .name(let binding): binding.current
        }
    }

    /// Makes a received reference one that keeps its object held.
    func hold(_ reference: Reference) -> HeldReference {
        if self.isOwn(reference) { return HeldReference(reference, lease: .own) }
        guard let token = self.node.token(for: reference) else {
            return HeldReference(reference, lease: .none)
        }
        return HeldReference(reference, lease: .token(token))
    }
}

func environment(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
}

func programName() -> String {
    let path = CommandLine.arguments.first ?? "program"
    return String(path.split(separator: "/").last ?? "program")
}

extension Bus {
    /// What this node has refused, dropped or lost since its start, by reason: calls that did not
    /// start in time, one-way calls over the limit, repetitions, links. docs/operating/counters.md
    /// says what each means. swift-metrics gets the same, as `objbus_node_drops_total`.
    public var drops: [String: UInt64] {
        Dictionary(
            uniqueKeysWithValues: self.node.drops.all.map { ($0.reason.name, $0.count) })
    }

    /// Own objects that somebody else holds; for tests and tools.
    package var exportCount: Int { self.node.exportCount }

    /// Objects at which a task waits for calls, or runs them; for tests and tools.
    package var mailboxCount: Int { self.objects.mailboxCount }
}
