// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/. Pure: no I/O, no clock, no randomness.

package import BusKernel
package import BusWire

/// One node as a function of what happens to it: its link, its calls, what it holds and exports.
///
///     idle --start--> opening --WELCOME--> linked --gap, silence, failure--> pausing --> opening
///       any --close--> closed                                                  (rules R1, R6)
///
/// The four tables: questions (calls made), answers (calls delivered, by caller), exports (own
/// objects given out), imports (references held). Inputs are methods, because several give back
/// an id; each appends effects, which the shell runs in order. The shell serialises all inputs.
package struct NodeStateMachine: Sendable {
    enum Phase: Sendable {
        case idle
        case pausing
        case opening(Epoch)
        case linked(Link)
        case closed
    }

    struct Link: Sendable {
        let epoch: Epoch
        var received: UInt64
        var lastHeard: Tick
        /// Bytes taken in on this link, of calls and of all else, as HEARTBEAT tells them.
        var calls: UInt64 = 0
        var others: UInt64
        /// Of both together: what the broker was told, and what makes it worth telling again.
        var told: UInt64 = 0
        let tellAfter: UInt64
        /// Bytes of one-way calls sent on this link, and how many of them the broker has taken in.
        var oneWaySent: UInt64 = 0
        var oneWayTaken: UInt64 = 0

        mutating func takeIn(_ message: Message) {
            if message.header.kind == .call {
                self.calls &+= UInt64(message.byteCount)
            } else {
                self.others &+= UInt64(message.byteCount)
            }
        }

        var isTellingDue: Bool { self.calls &+ self.others &- self.told >= self.tellAfter }

        mutating func tell() -> Message {
            self.told = self.calls &+ self.others
            return Message(
                FrameHeader(
                    kind: .heartbeat, object: ObjectNumber(rawValue: self.others),
                    call: CallNumber(rawValue: self.calls)))
        }
    }

    enum Timer: Sendable {
        case reconnect
        case handshake(Epoch)
        case acknowledge(IncarnationID)
    }

    package let limits: NodeLimits
    let name: String
    let program: String
    let processID: Int64
    var random: RandomSource
    var phase = Phase.idle
    /// Of the present link, or of the last one; a HELLO was made when it began.
    package internal(set) var epoch = Epoch.none
    var reconnect: ReconnectStateMachine
    var timers = TimerQueue<Timer>()
    /// When this node sends HEARTBEAT unasked. Each answer to the broker's puts it off, which of a
    /// timer would wake the node all the same.
    var nextBeat = Tick.distantFuture
    var grant: WelcomeBody? {
        didSet { self.incarnation = self.grant?.incarnation }
    }
    /// The present incarnation; nil before the first WELCOME.
    package private(set) var incarnation: IncarnationID?

    var numbersIssued: UInt64 = 0
    var questions = SlidingWindow<Question>()
    var peers = PeerTable()
    /// Not later than any question's deadline; found anew when it passes.
    var earliestDeadline = Tick.distantFuture

    package internal(set) var exports = ExportTable()
    package internal(set) var imports = ImportTable()
    /// Names published, restated in every HELLO.
    var publications: [String: HelloBody.Name] = [:]
    /// Whether that has ended, because the node is about to.
    var hasWithdrawnAll = false
    /// Releases that became due between HELLO and WELCOME, which the HELLO does not know of.
    var lateReleases: [(Reference, UInt64)] = []
    /// Objects revoked between HELLO and WELCOME, whose new generation the HELLO does not tell.
    var lateRevocations: Set<ObjectNumber> = []
    /// Revoked objects, and the call to the broker whose answer says that all calls of earlier
    /// rights have arrived.
    var fences: [ObjectNumber: UInt64] = [:]
    /// References whose death the shell wants to hear of.
    var watched: Set<Reference> = []
    /// Own objects of which the shell wants to hear when nobody else holds them any more.
    var watchedExports: Set<ObjectNumber> = []
    var endedPeers = EndedPeers()
    /// While the node drains, the chains of the calls made from here; nil before.
    var awaitedChains: Set<ChainID>?
    /// What was refused, dropped or lost here since the start.
    package private(set) var drops = Tally<NodeDrop>()

    /// - Parameters:
    ///   - name: what listings call this node.
    ///   - seed: for tokens and jitter; must differ between runs.
    package init(
        name: String, program: String, processID: Int64, limits: NodeLimits = NodeLimits(),
        seed: UInt64
    ) {
        self.name = name
        self.program = program
        self.processID = processID
        self.limits = limits
        self.random = RandomSource(seed: seed)
        self.reconnect = ReconnectStateMachine(
            delayMin: limits.reconnectDelayMin, delayMax: limits.reconnectDelayMax)
    }

    /// Counts something that was refused, dropped or lost.
    package mutating func count(_ drop: NodeDrop) { self.drops.add(drop) }

    package var isLinked: Bool {
        if case .linked = self.phase { true } else { false }
    }

    /// Bytes taken in on the present link, of calls and of all else.
    package var takenIn: (calls: UInt64, others: UInt64)? {
        if case .linked(let link) = self.phase { (link.calls, link.others) } else { nil }
    }

    /// Calls issued and not settled.
    package var questionCount: Int { self.questions.count }

    /// Those of them that the node makes itself behind revocations: at most one for each object.
    package var fenceCount: Int {
        // Order-free: counted.
        Set(self.fences.values).count
    }

    /// Calls delivered and not acknowledged.
    package var answerCount: Int {
        self.peers.answerCount
    }

    /// When `timePassed` is next wanted. Inline, or `outlook` would copy the machine for it.
    @inline(__always) package var nextDeadline: Tick {
        min(min(self.timers.nextDue ?? .distantFuture, self.earliestDeadline), self.nextBeat)
    }

    /// What is asked for after each step. Mutating, or it would be given a copy of the machine.
    package mutating func outlook() -> (incarnation: IncarnationID?, nextDeadline: Tick) {
        (self.incarnation, self.nextDeadline)
    }

    /// The shell is ready to open sockets.
    package mutating func started(at now: Tick, into effects: inout [NodeEffect]) {
        guard case .idle = self.phase else { return }
        self.openLink(at: now, &effects)
    }

    /// The user is done: says goodbye, and fails what is still unsettled.
    package mutating func closed(at now: Tick, into effects: inout [NodeEffect]) {
        if case .closed = self.phase { return }
        // Then nobody need wonder whether a call still runs that was not answered.
        let end = self.peers.runsAnswers ? IncarnationEnd.left : .leftIdle
        let header = FrameHeader(kind: .goodbye, call: CallNumber(rawValue: end.rawValue))
        self.transmit(Message(header), &effects)
        self.end(BusError(.disconnected, "the bus was closed"), &effects)
        effects.append(.closeLink(self.epoch))
    }

    /// The sockets of `epoch` can't be used any more, or could not be made.
    package mutating func linkFailed(
        _ epoch: Epoch, _ reason: String, at now: Tick, into effects: inout [NodeEffect]
    ) {
        guard epoch == self.epoch else { return }
        self.loseLink(reason, .linkFailed, at: now, &effects)
    }

    /// A message arrived on the sockets of `epoch`.
    package mutating func received(
        _ message: consuming Message, on epoch: Epoch, at now: Tick,
        into effects: inout [NodeEffect]
    ) {
        guard epoch == self.epoch else { return }
        let header = message.header
        switch self.phase {
        case .opening:
            self.receivedWhileOpening(message, at: now, &effects)
        case .linked(var link):
            guard header.epoch == link.epoch, header.sequence == link.received &+ 1 else {
                let text = "expected message \(link.received &+ 1), got \(header.sequence)"
                self.loseLink(text, .linkGap, at: now, &effects)
                return
            }
            link.received = header.sequence
            link.lastHeard = now
            link.takeIn(message)
            let telling = link.isTellingDue ? link.tell() : nil
            self.phase = .linked(link)
            if let telling { self.transmit(telling, &effects) }
            self.receivedOnLink(message, at: now, &effects)
        case .idle, .pausing, .closed:
            break
        }
    }

    private mutating func receivedOnLink(
        _ message: consuming Message, at now: Tick, _ effects: inout [NodeEffect]
    ) {
        let header = message.header
        switch header.kind {
        case .call:
            self.callReceived(consume message, at: now, &effects)
        case .reply, .failure:
            self.answerReceived(consume message, at: now, &effects)
        case .cancel:
            self.cancelReceived(header, &effects)
        case .acknowledge:
            self.acknowledgeReceived(message, &effects)
        case .unref:
            self.unrefReceived(header, at: now, &effects)
        case .peerRelinked:
            self.peerRelinked(header, at: now, &effects)
        case .peerEnded:
            self.peerEnded(header.peer, reason: header.call.rawValue, &effects)
        case .revoked:
            self.revokedReceived(header, &effects)
        case .stopping:
            self.loseLink("the broker stops", .brokerStopped, at: now, &effects)
        case .heartbeat:
            self.oneWayTaken(header.call.rawValue)
            self.answerBeat(at: now, &effects)
        case .unimplemented:
            break
        default:
            // Echoed, so that the sender can undo; what it carried was never counted here.
            self.count(.kindUnknown)
            var echo = FrameHeader(
                kind: .unimplemented, peer: header.peer, object: header.object, call: header.call)
            echo.remaining = UInt64(header.kind.rawValue)
            self.transmit(Message(echo), &effects)
        }
    }

    /// Time went on; call when `nextDeadline` is reached.
    package mutating func timePassed(at now: Tick, into effects: inout [NodeEffect]) {
        while let timer = self.timers.popDue(at: now) {
            switch timer {
            case .reconnect:
                if case .pausing = self.phase { self.openLink(at: now, &effects) }
            case .handshake(let epoch):
                guard case .opening(epoch) = self.phase else { continue }
                self.loseLink("the broker does not answer", .linkSilence, at: now, &effects)
            case .acknowledge(let peer):
                self.acknowledgeDue(peer, &effects)
            }
        }
        if self.nextBeat <= now { self.beat(at: now, &effects) }
        if self.earliestDeadline <= now { self.expireQuestions(at: now, &effects) }
    }

    /// Sends HEARTBEAT while the node is awake for the broker's, unless one went out lately: the
    /// broker sends more than one each `heartbeat` while it tells what it has taken in.
    private mutating func answerBeat(at now: Tick, _ effects: inout [NodeEffect]) {
        guard let grant, self.nextBeat.since(now).nanoseconds <= grant.heartbeat / 4 * 3 else {
            return
        }
        self.beat(at: now, &effects)
    }

    private mutating func beat(at now: Tick, _ effects: inout [NodeEffect]) {
        guard case .linked(var link) = self.phase, let grant else { return }
        if now.since(link.lastHeard).nanoseconds >= grant.silence {
            self.loseLink("the broker is silent", .linkSilence, at: now, &effects)
            return
        }
        let telling = link.tell()
        self.phase = .linked(link)
        self.transmit(telling, &effects)
        self.scheduleBeat(at: now)
    }

    /// A quarter later than the broker's next one is due, but not after its silence is noticed.
    mutating func scheduleBeat(at now: Tick) {
        guard case .linked(let link) = self.phase, let grant else { return }
        // Not in one sum: a broker may grant as much as it likes.
        let due = now.advanced(by: Span(nanoseconds: grant.heartbeat))
        let late = due.advanced(by: Span(nanoseconds: grant.heartbeat / 4))
        let silence = Span(nanoseconds: grant.silence)
        self.nextBeat = min(late, link.lastHeard.advanced(by: silence))
    }

    /// Sends `message` on the present link; nothing without one.
    mutating func transmit(_ message: Message, _ effects: inout [NodeEffect]) {
        guard self.isLinked else { return }
        self.transmit(Outgoing(message, epoch: self.epoch), &effects)
    }

    mutating func transmit(_ outgoing: consuming Outgoing, _ effects: inout [NodeEffect]) {
        self.countExports(of: outgoing.message, &effects)
        let revoked = self.revokedObjects(in: outgoing.message)
        effects.append(.transmit(consume outgoing))
        self.repeatRevocations(of: revoked, &effects)
    }
}
