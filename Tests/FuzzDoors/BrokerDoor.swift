// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore
import BusKernel
import BusSimulation
import BusValue
import BusWire

/// A broker's core, and a script of what happens to it: peers link, tell the truth or lie, call,
/// hand on, release, vanish; pipes are full, time passes, the broker is restarted.
///
/// The door is the shell and all the peers. It keeps its own books of who was handed what, and
/// compares them with the broker's after each step.
struct BrokerDoor: ScriptedDoor {
    /// One connection pair that the broker has welcomed.
    struct Link {
        let peer: Int
        let tx: ConnectionID
        let rx: ConnectionID
        let incarnation: IncarnationID
        let epoch: Epoch
        /// Sequences of what went up and came down.
        var sent: UInt64
        var received: UInt64
    }

    /// A handshake that has not been answered yet.
    struct Opening {
        let peer: Int
        let tx: ConnectionID
        let epoch: Epoch
        let sequence: UInt64
        let hello: HelloBody
        let isLie: Bool
    }

    /// The message that the broker may forward.
    struct InHand {
        let original: FrameHeader?
        var frame: [UInt8]
        let buffers: [Bytes]
        let connection: ConnectionID
        let sender: IncarnationID?
    }

    /// A party at the other end: who it has been told that it is.
    struct Peer {
        var incarnation: IncarnationID?
        var secret = Seal.none
        var epoch: UInt32 = 0
        var rx: ConnectionID?
        var tx: ConnectionID?
    }

    static let limits: BrokerLimits = {
        var limits = BrokerLimits()
        limits.nodes = 5
        limits.handshakes = 4
        limits.referencesPerNode = 3
        limits.namesPerNode = 3
        limits.offenders = 6
        return limits
    }()
    static let messageBytesMax = 1 << 16

    let authority = SimulatedAuthority(key: 7)
    let isCanary: Bool
    var script: ScriptReader
    var broker: BrokerStateMachine
    var now = Tick.zero.advanced(by: .seconds(1))
    var peers = [Peer](repeating: Peer(), count: 4)
    var links: [ConnectionID: Link] = [:]
    var openings: [ConnectionID: Opening] = [:]
    var roster: Set<IncarnationID> = []
    var fence: UInt64 = 0
    var books = BrokerBooks()
    var connections: UInt32 = 0
    var runs: UInt64 = 1
    /// How the connection that is sent to next fails, after so many that do not.
    var failure: (after: Int, how: SendFailure)?
    /// Reference table rows that peers have seen, with their seals; all peers know all of them.
    var loot: [ReferenceEntry] = []
    var incarnations: [IncarnationID] = []
    /// What the broker has answered last.
    var lastReply: Message?
    var digest = TraceDigest()
    var violation: String?

    let trace: ((String) -> Void)?

    init(_ script: ScriptReader, isCanary: Bool, trace: ((String) -> Void)?) {
        self.script = script
        self.trace = trace
        self.isCanary = isCanary
        self.broker = BrokerStateMachine(
            limits: Self.limits, authority: self.authority, seed: 1, at: self.now)
    }

    // MARK: What the broker is told

    mutating func receive(_ frame: [UInt8], _ buffers: [Bytes] = [], on connection: ConnectionID) {
        let header = try? Message(frame: frame, buffers: buffers).header
        let link = self.links.values.first { $0.tx == connection }
        let isAccepted =
            link.map { $0.epoch == header?.epoch && $0.sent &+ 1 == header?.sequence } ?? false
        if isAccepted, let link { self.links[link.rx]?.sent &+= 1 }
        var inHand = InHand(
            original: header, frame: frame, buffers: buffers, connection: connection,
            sender: isAccepted ? link?.incarnation : nil)
        self.digest.add(bytes: frame)
        self.trace?("\(connection.rawValue) > \(MessageDump.line(frame: frame.span.bytes))")
        var effects: [BrokerEffect] = []
        var span = inHand.frame.mutableSpan
        var bytes = span.mutableBytes
        self.broker.received(
            &bytes, bufferCount: buffers.count, bufferBytes: Message.byteCount(of: buffers),
            from: connection, at: self.now, into: &effects)
        if let sender = inHand.sender, let header {
            self.books.accepted(header, frame, from: sender, self.broker)
        }
        for case .send(let message, _, let rx) in effects where message.header.kind == .welcome {
            if let opening = self.openings[rx] { self.attached(opening, message) }
        }
        self.perform(effects, inHand)
    }

    mutating func closed(_ connection: ConnectionID) {
        self.trace?("\(connection.rawValue) is closed")
        var effects: [BrokerEffect] = []
        self.broker.connectionClosed(connection, at: self.now, into: &effects)
        self.perform(effects)
    }

    mutating func pass(_ span: Span) {
        let end = self.now.advanced(by: span)
        self.trace?("\(span.nanoseconds / 1_000_000) ms pass")
        while self.broker.nextDeadline <= end, self.violation == nil {
            self.now = max(self.now, self.broker.nextDeadline)
            var effects: [BrokerEffect] = []
            self.broker.timePassed(at: self.now, into: &effects)
            if self.broker.nextDeadline <= self.now { self.fail("time passed, and is due again") }
            self.perform(effects)
        }
        self.now = end
    }

    /// The process ends; the next one has the key and the roster, and nothing else.
    mutating func restart() {
        self.runs += 1
        self.trace?("the broker is restarted")
        self.links = [:]
        self.openings = [:]
        self.books.restart()
        self.broker = BrokerStateMachine(
            limits: Self.limits, authority: self.authority, seed: self.runs, returning: self.roster,
            fence: self.fence,
            at: self.now)
        self.books.recoveryEnd =
            self.roster.isEmpty ? nil : self.now.advanced(by: Self.limits.recoveryWindow)
    }

    /// All connections close, nobody comes back.
    mutating func leave() {
        for link in self.links.values.sorted(by: { $0.rx < $1.rx }) { self.closed(link.rx) }
        self.pass(Self.limits.resumeWindow)
        self.pass(Self.limits.recoveryWindow)
        guard self.violation == nil else { return }
        let left =
            "\(self.broker.nodeCount) nodes, \(self.broker.referenceCount) references, "
            + "\(self.broker.nameCount) names and \(self.broker.waitCount) calls that wait "
            + "are left over"
        guard self.broker.nodeCount == 0, self.broker.nameCount == 0,
            self.broker.referenceCount == 0, self.broker.waitCount == 0
        else { return self.fail(left) }
    }

    // MARK: What the broker wants

    mutating func perform(_ effects: [BrokerEffect], _ inHand: InHand? = nil) {
        for effect in effects where self.violation == nil {
            var more: [BrokerEffect] = []
            switch effect {
            case .forward(let rx):
                guard let inHand else { return self.fail("nothing is at hand to forward") }
                self.forward(inHand, to: rx, &more)
            case .send(let message, let transmission, let connection):
                self.send(message, transmission, to: connection, inHand, &more)
            case .watch(let connection):
                self.digest.add(UInt64(connection.rawValue))
            case .remember(let incarnation):
                self.roster.insert(incarnation)
                self.incarnations.append(incarnation)
            case .forget(let incarnation):
                if self.roster.remove(incarnation) == nil {
                    self.fail("\(incarnation) is forgotten, and was not remembered")
                }
                self.links = self.links.filter { $0.value.incarnation != incarnation }
                self.books.ended(incarnation)
            case .reserveFences(let fence):
                if fence <= self.fence { self.fail("numbers of heads are reserved twice") }
                self.fence = fence
            case .log(let notice):
                self.trace?("broker: \(notice)")
                self.noticed(notice)
            }
            if !more.isEmpty { self.perform(more) }
        }
    }

    private mutating func noticed(_ notice: BrokerNotice) {
        switch notice {
        case .linkLost(let incarnation, let end):
            self.digest.add(incarnation.rawValue)
            // A link that replaces the lost one is there already.
            guard end != .replaced else { return }
            self.links = self.links.filter { $0.value.incarnation != incarnation }
        case .published(let name, let reference):
            self.digest.add(text: name)
            self.books.published[name, default: []].append(reference)
        case .withdrawn(let name, let reference):
            self.digest.add(text: name)
            self.books.published[name]?.removeAll { $0 == reference }
        case .recovered:
            self.digest.add(1)
            self.books.recoveryEnd = nil
        case .nodeAttached(let incarnation, _, _), .incarnationEnded(let incarnation, _):
            self.digest.add(incarnation.rawValue)
        case .refused(let connection, let reason):
            self.digest.add(UInt64(connection.rawValue))
            self.digest.add(text: reason)
        }
    }

    private mutating func takeFailure() -> SendFailure? {
        guard let (after, how) = self.failure else { return nil }
        if after == 0 { self.trace?("that is not sent: \(how)") }
        self.failure = after > 0 ? (after - 1, how) : nil
        return after > 0 ? nil : how
    }

    private mutating func forward(
        _ inHand: InHand, to rx: ConnectionID, _ more: inout [BrokerEffect]
    ) {
        guard let header = inHand.original, let sender = inHand.sender else {
            return self.fail("a message without a link is forwarded")
        }
        guard let link = self.links[rx] else {
            return self.fail("a message is forwarded to who has no link")
        }
        if let problem = self.books.problem(header, inHand.frame, from: sender, to: link) {
            return self.fail(problem)
        }
        if let how = self.takeFailure() {
            self.broker.forwardFailed(
                how, inHand.frame.span.bytes, bufferBytes: Message.byteCount(of: inHand.buffers),
                from: inHand.connection, to: rx, at: self.now, into: &more)
            return
        }
        guard !self.isCanary else { return }
        self.arrived(inHand.frame, inHand.buffers, at: link)
    }

    private mutating func send(
        _ message: Message, _ transmission: Transmission, to connection: ConnectionID,
        _ inHand: InHand?, _ more: inout [BrokerEffect]
    ) {
        var frame = message.frame
        var span = frame.mutableSpan
        var bytes = span.mutableBytes
        transmission.patch(&bytes)
        if let problem = self.books.problem(message, inHand, self.links[connection]) {
            return self.fail(problem)
        }
        if message.header.kind == .unref { self.books.gaveBack(message.header) }
        if let how = self.takeFailure() {
            if let link = self.links[connection] { self.books.granted(message, to: link) }
            self.broker.sendFailed(how, to: connection, at: self.now, into: &more)
            return
        }
        // What is said outside a link has no number.
        if let link = self.links[connection], transmission.sequence > 0 {
            self.arrived(frame, message.buffers, at: link)
        }
    }

    /// A message has reached a peer.
    private mutating func arrived(_ frame: [UInt8], _ buffers: [Bytes], at link: Link) {
        self.digest.add(bytes: frame)
        self.trace?("\(link.rx.rawValue) < \(MessageDump.line(frame: frame.span.bytes))")
        guard let message = try? Message(frame: frame, buffers: buffers) else {
            return self.fail("the broker sends what can't be read")
        }
        guard message.header.epoch == link.epoch,
            message.header.sequence == link.received &+ 1
        else {
            return self.fail(
                "\(message.header.sequence) of epoch \(message.header.epoch.rawValue) comes after "
                    + "\(link.received) of \(link.epoch.rawValue)")
        }
        self.links[link.rx]?.received &+= 1
        if message.header.kind == .reply, message.header.peer == .broker {
            self.lastReply = message
        }
        for entry in message.references where self.loot.count < 64 { self.loot.append(entry) }
        self.books.arrived(message, at: link.incarnation)
    }

    private mutating func attached(_ opening: Opening, _ message: Message) {
        guard let welcome = try? WelcomeBody(payloadOf: message), let rx = self.rx(of: opening)
        else { return self.fail("a WELCOME can't be read") }
        self.openings[rx] = nil
        // An earlier link of the same incarnation has ended by this one.
        self.links = self.links.filter { $0.value.incarnation != welcome.incarnation }
        self.links[rx] = Link(
            peer: opening.peer, tx: opening.tx, rx: rx, incarnation: welcome.incarnation,
            epoch: opening.epoch, sent: opening.sequence, received: 0)
        self.peers[opening.peer].incarnation = welcome.incarnation
        self.peers[opening.peer].secret = welcome.secret
        if opening.isLie { self.books.liars.insert(welcome.incarnation) }
        let problem = self.books.restated(
            opening.hello, by: welcome.incarnation, self.broker, self.authority, at: self.now)
        if let problem { self.fail(problem) }
    }

    private func rx(of opening: Opening) -> ConnectionID? {
        self.openings.first { $0.value.tx == opening.tx }?.key
    }
}
