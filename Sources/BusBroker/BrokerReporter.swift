// Part of objbus. SPDX-License-Identifier: Apache-2.0

internal import BusBrokerCore
internal import BusKernel
internal import BusWire
internal import Logging
internal import Metrics

/// Turns what the core notices into log lines, and its counters into metrics.
///
/// It belongs to the broker's thread. Log levels: `info` for what nodes do, `warning` for what they
/// should not, once per connection.
struct BrokerReporter {
    private let logger: Logger
    /// Names of the incarnations that the core knows, for lines about them; bounded like these.
    private var names: [IncarnationID: String] = [:]
    private var reported = BrokerCounters()
    private var hasToldForeign = false
    private let messages = Counter(label: "objbus_broker_messages_total")
    private let calls = Counter(label: "objbus_broker_calls_total")
    private let replies = Counter(label: "objbus_broker_replies_total")
    private let undelivered = Counter(label: "objbus_broker_undelivered_total")
    private let refused = Counter(label: "objbus_broker_refused_total")
    private let garbage = Counter(label: "objbus_broker_garbage_total")
    private let linksLost = Counter(label: "objbus_broker_links_lost_total")
    /// By reason, in the order of the cases of `BrokerDrop`.
    private let drops = BrokerDrop.allCases.map {
        Counter(label: "objbus_broker_drops_total", dimensions: [("reason", $0.name)])
    }
    private let nodes = Gauge(label: "objbus_broker_nodes")
    private let references = Gauge(label: "objbus_broker_references")
    private let publishedNames = Gauge(label: "objbus_broker_names")

    init(logger: Logger) {
        self.logger = logger
    }

    /// Writes one line.
    mutating func log(_ notice: BrokerNotice) {
        switch notice {
        case .nodeAttached(let incarnation, let name, let epoch):
            self.names[incarnation] = name
            self.logger.info(
                epoch.rawValue > 1 ? "node resumed" : "node attached",
                metadata: self.metadata(incarnation, ["epoch": "\(epoch.rawValue)"]))
        case .linkLost(let incarnation, let end):
            self.logger.info(
                "link lost", metadata: self.metadata(incarnation, ["reason": "\(end)"]))
        case .incarnationEnded(let incarnation, let end):
            self.logger.info(
                "incarnation ended",
                metadata: self.metadata(incarnation, ["reason": "\(end.words)"]))
            self.names[incarnation] = nil
        case .refused(let connection, let reason):
            self.logger.warning(
                "connection refused",
                metadata: ["connection": "\(connection.rawValue)", "reason": "\(reason)"])
        case .published(let name, let reference):
            self.logger.info(
                "name published",
                metadata: self.metadata(
                    reference.owner, ["name": "\(name)", "reference": "\(reference)"]))
        case .withdrawn(let name, let reference):
            self.logger.info(
                "name withdrawn",
                metadata: self.metadata(
                    reference.owner, ["name": "\(name)", "reference": "\(reference)"]))
        case .recovered:
            self.logger.info("recovery window closed")
        }
    }

    /// A peer that chose its own routing id, which no node does, sent something: told once.
    mutating func foreignPeer() {
        guard !self.hasToldForeign else { return }
        self.hasToldForeign = true
        self.logger.warning(
            "message dropped",
            metadata: ["reason": "a connection has set a ZeroMQ routing id of its own"])
    }

    /// The roster can't be written any more; told once, because it is given up then.
    func rosterFailed() {
        self.logger.error(
            "roster not written",
            metadata: ["reason": "nodes will begin anew after a restart of this broker"])
    }

    /// The loop can't go on.
    func failed(_ error: any Error) {
        self.logger.error("broker failed", metadata: ["reason": "\(error)"])
    }

    /// Adds what was counted since the last time; about once a second.
    mutating func updateMetrics(from core: borrowing BrokerStateMachine) {
        let now = core.counters
        let before = self.reported
        self.messages.increment(by: now.received - before.received)
        self.calls.increment(by: now.callsForwarded - before.callsForwarded)
        self.replies.increment(by: now.repliesForwarded - before.repliesForwarded)
        self.undelivered.increment(by: now.undelivered - before.undelivered)
        self.refused.increment(by: now.refused - before.refused)
        self.garbage.increment(by: now.garbage - before.garbage)
        self.linksLost.increment(by: now.linksLost - before.linksLost)
        for (reason, count) in now.drops.added(since: before.drops) {
            self.drops[reason.rawValue].increment(by: count)
        }
        self.nodes.record(core.nodeCount)
        self.references.record(core.referenceCount)
        self.publishedNames.record(core.nameCount)
        self.reported = now
    }

    private func metadata(
        _ incarnation: IncarnationID, _ more: Logger.Metadata
    ) -> Logger.Metadata {
        var metadata = more
        metadata["node"] = "\(self.names[incarnation] ?? "?")"
        metadata["incarnation"] = "\(incarnation)"
        return metadata
    }
}

extension IncarnationEnd {
    /// What the log says.
    var words: String {
        switch self {
        case .left, .leftIdle: "the node said goodbye"
        case .lost: "no new link within the resume window"
        case .notRestored: "it did not come back after the broker's restart"
        case .replaced: "no new link within the resume window; another one of its name has come"
        }
    }
}

extension Counter {
    fileprivate func increment(by amount: UInt64) {
        if amount > 0 { self.increment(by: Int64(clamping: amount)) }
    }
}
