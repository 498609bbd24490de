// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock; all randomness comes from the seed.

package import BusBrokerCore
package import BusKernel
package import BusNodeCore
package import BusWire

/// A broker and the wires to nodes that somebody else runs, with faults at seeded points.
///
/// Nothing of it harms a call that expects an answer: links are lost with what is under way on
/// them, messages vanish and are missed, the broker forgets everything but its key, and the nodes
/// come back. Inputs are methods with the time; `takeArrival` says what reaches a node.
package struct SimulatedNetwork: Sendable {
    /// What reaches a node.
    package enum Arrival: Sendable {
        case message(Message, node: Int, Epoch)
        /// The node notices that its link can't be used any more.
        case end(node: Int, Epoch, reason: String)
    }

    /// Everything that decides what happens, but for what the nodes do and when.
    package struct Plan: Sendable {
        /// From where every random choice comes.
        package var seed: UInt64
        /// What may go wrong, each as likely as its share of the list; nothing if it is empty.
        package var faults: [Fault]
        /// Messages between two faults at most, at first; later faults come less and less often.
        package var spacing: UInt64 = 24
        package var limits = Self.shortLimits
        /// Whether lines are kept beside the digest.
        package var isTraced = false

        package init(seed: UInt64, faults: [Fault]) {
            self.seed = seed
            self.faults = faults
        }

        /// A tenth of the real times: a test has no time for more.
        package static var shortLimits: BrokerLimits {
            var limits = BrokerLimits()
            limits.heartbeat = .milliseconds(100)
            limits.silence = .milliseconds(300)
            limits.resumeWindow = .milliseconds(250)
            limits.recoveryWindow = .milliseconds(600)
            limits.handshake = .milliseconds(300)
            return limits
        }
    }

    /// One thing that goes wrong.
    package enum Fault: Hashable, Sendable {
        /// A link breaks: of what is under way a prefix arrives, or nothing.
        case linkLoss
        /// One message vanishes; the next one on that link tells.
        case gap
        /// A link stands still for a while.
        case stall
        /// The broker dies and comes back with nothing but its key.
        case brokerRestart
    }

    enum Event: Sendable {
        case attachArrived(link: Int)
        case upArrived(link: Int)
        case downArrived(link: Int)
        case brokerNotices(link: Int)
        case nodeNotices(link: Int, reason: String)
        case brokerStarts
    }

    package let plan: Plan
    package internal(set) var statistics = SimulationStatistics()
    /// Of every message that arrived, and when.
    package internal(set) var digest = TraceDigest()
    /// What was written down, if the plan wants a trace.
    private var lines: [String] = []
    let authority: SimulatedAuthority
    var random: RandomSource
    var broker: BrokerStateMachine?
    var brokerRuns = 0
    /// What the broker's roster says, which outlives its runs as the key does.
    var remembered: Set<IncarnationID> = []
    /// What the broker's run has reserved for the numbers of heads.
    var fence: UInt64 = 0
    var links: [SimulatedLink] = []
    /// Nodes that have begun and not ended.
    var members: Set<Int> = []
    /// The present link of each node that has one.
    var present: [Int: Int] = [:]
    var events = TimerQueue<Event>()
    /// After how many messages the next fault comes.
    var nextFault: UInt64 = 0
    /// Nodes that a restarted broker waits for before it hears what the others want: else they
    /// would ask for names that nobody has restated yet.
    var returning: Set<Int> = []
    /// Links whose messages wait for that, once per message.
    var postponed: [Int] = []
    var now = Tick.zero

    /// A broker that runs, and no node.
    package init(_ plan: Plan, at now: Tick) {
        self.plan = plan
        self.random = RandomSource(seed: plan.seed)
        self.authority = SimulatedAuthority(key: self.random.next())
        self.now = now
        self.startBroker()
        self.scheduleFault()
    }

    /// When the next message, or the news of an end, arrives somewhere; nil if none is under way.
    package var nextArrival: Tick? { self.events.nextDue }

    /// When the broker wants `timePassed`.
    package var nextTimer: Tick { self.broker?.nextDeadline ?? .distantFuture }

    /// The lines since the last time, if the plan wants them.
    package mutating func takeLines() -> [String] {
        defer { self.lines = [] }
        return self.lines
    }

    // MARK: What nodes do

    /// A node opens a link.
    package mutating func opened(
        _ epoch: Epoch, attach: Message, hello: Outgoing, by node: Int, at now: Tick
    ) {
        self.now = now
        self.members.insert(node)
        self.closeLink(of: node)
        var link = SimulatedLink(id: self.links.count, node: node, run: 1, epoch: epoch)
        link.token = (attach.header.object, attach.header.call)
        link.isGoneAtBroker = self.broker == nil
        self.links.append(link)
        self.present[node] = link.id
        self.trace("n\(node): opens link \(link.id), epoch \(epoch.rawValue)")
        guard !link.isGoneAtBroker else {
            let event = Event.nodeNotices(link: link.id, reason: "nobody listens")
            self.events.add(event, due: self.later(.milliseconds(1)))
            return
        }
        self.events.add(.attachArrived(link: link.id), due: self.arrival())
        self.sent(hello, by: node, at: now)
    }

    /// A node closes the link of this epoch; what it has sent still arrives.
    package mutating func closed(_ epoch: Epoch, by node: Int, at now: Tick) {
        self.now = now
        guard let id = self.present[node], self.links[id].epoch == epoch else { return }
        self.closeLink(of: node)
    }

    /// A node has ended.
    package mutating func ended(_ node: Int, at now: Tick) {
        self.now = now
        self.members.remove(node)
        self.closeLink(of: node)
        self.hasReturned(node)
    }

    /// A node sends: the message is numbered here, as a link does it.
    package mutating func sent(_ outgoing: Outgoing, by node: Int, at now: Tick) {
        self.now = now
        guard let id = self.present[node], self.links[id].epoch == outgoing.epoch else { return }
        self.links[id].sent += 1
        guard !self.links[id].isBroken, !self.links[id].isGoneAtBroker else { return }
        var frame = outgoing.message.frame
        var span = frame.mutableSpan
        var bytes = span.mutableBytes
        outgoing.patch(&bytes, sequence: self.links[id].sent)
        guard let packet = Packet(frame: frame, buffers: outgoing.message.buffers) else { return }
        self.links[id].up.append(packet)
        self.links[id].upDue = max(self.links[id].upDue, self.arrival())
        self.events.add(.upArrived(link: id), due: self.links[id].upDue)
    }

    // MARK: Time

    /// The broker's timers are due.
    package mutating func timePassed(at now: Tick) {
        self.now = now
        var effects: [BrokerEffect] = []
        self.broker?.timePassed(at: now, into: &effects)
        self.run(effects, inHand: nil)
    }

    /// Lets the soonest arrival happen, at its time or later.
    ///
    /// - Returns: What a node gets of it; nil if it concerns the broker.
    package mutating func takeArrival(at now: Tick) -> Arrival? {
        self.now = now
        guard let event = self.events.popDue(at: now) else { return nil }
        switch event {
        case .attachArrived(let id): self.attachArrived(id)
        case .upArrived(let id): self.upArrived(id)
        case .downArrived(let id): return self.downArrived(id)
        case .brokerNotices(let id): self.brokerNotices(id)
        case .nodeNotices(let id, let reason): return self.nodeNotices(id, reason)
        case .brokerStarts: self.startBroker()
        }
        return nil
    }

    private mutating func attachArrived(_ id: Int) {
        let link = self.links[id]
        guard !link.isGoneAtBroker else { return }
        var header = FrameHeader(kind: .attach, object: link.token.object, call: link.token.call)
        header.epoch = link.epoch
        header.sequence = 1
        self.brokerReceives(Message(header).frame, [], on: link.rx)
    }

    private mutating func upArrived(_ id: Int) {
        guard let first = self.links[id].up.first else { return }
        if !self.returning.isEmpty, first.header.kind != .hello {
            self.postponed.append(id)
            return
        }
        guard let packet = self.links[id].takeFirst(\.up), !self.links[id].isGoneAtBroker else {
            return
        }
        self.record(packet, "n\(self.links[id].node)>b", self.links[id].epoch)
        self.brokerReceives(packet.frame, packet.buffers, on: self.links[id].tx)
        self.maybeFault()
    }

    private mutating func downArrived(_ id: Int) -> Arrival? {
        guard let packet = self.links[id].takeFirst(\.down) else { return nil }
        let (node, epoch) = (self.links[id].node, self.links[id].epoch)
        guard self.present[node] == id else { return nil }
        self.record(packet, "b>n\(node)", epoch)
        self.maybeFault()
        guard let message = try? Message(frame: packet.frame, buffers: packet.buffers) else {
            return .end(node: node, epoch, reason: "the broker sent garbage")
        }
        return .message(message, node: node, epoch)
    }

    private func nodeNotices(_ id: Int, _ reason: String) -> Arrival? {
        let node = self.links[id].node
        guard self.present[node] == id else { return nil }
        return .end(node: node, self.links[id].epoch, reason: reason)
    }

    // MARK: Dice and notes

    /// When a message sent now would arrive at the earliest.
    mutating func arrival() -> Tick {
        self.later(self.random.below(50) == 0 ? .milliseconds(2) : Span(nanoseconds: 200_000))
    }

    /// Some time from now: between nothing and `most`.
    mutating func later(_ most: Span) -> Tick {
        self.now.advanced(by: Span(nanoseconds: self.random.below(most.nanoseconds) + 1))
    }

    /// Puts one arrived message into digest and trace.
    private mutating func record(_ packet: Packet, _ direction: String, _ epoch: Epoch) {
        self.statistics.messages += 1
        self.digest.add(self.now.nanoseconds)
        self.digest.add(UInt64(packet.header.kind.rawValue))
        self.digest.add(packet.header.sequence)
        self.digest.add(packet.header.call.rawValue)
        self.trace(
            "\(direction) e\(epoch.rawValue) s\(packet.header.sequence) "
                + "\(packet.header.kind.name) \(packet.header.peer)/\(packet.header.object)"
                + " #\(packet.header.call.rawValue)"
                + (packet.header.flags.contains(.resent) ? " resent" : "")
                + packet.references.map { " &\($0)" }.joined())
    }

    mutating func trace(_ line: @autoclosure () -> String) {
        guard self.plan.isTraced else { return }
        let micro = self.now.nanoseconds / 1_000
        self.lines.append(
            "\(micro / 1_000).\(String(micro % 1_000 + 1_000).dropFirst()) \(line())")
    }
}
