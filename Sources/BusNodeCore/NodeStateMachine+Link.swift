// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/handshake.md. Pure: no I/O, no clock, no randomness.

import BusKernel
import BusWire

/// Opening, losing and resuming links (rules R1, R5-R7, R15).
extension NodeStateMachine {
    mutating func openLink(at now: Tick, _ effects: inout [NodeEffect]) {
        self.epoch = self.epoch.next
        let object = ObjectNumber(rawValue: self.random.next())
        let call = CallNumber(rawValue: self.random.next())
        var hello = HelloBody(
            node: self.name, program: self.program, processID: self.processID)
        if let grant {
            hello.incarnation = grant.incarnation
            hello.secret = grant.secret
        }
        hello.holdings = self.imports.restatement
        hello.exports = self.exports.restatement
        self.forgetStalePublications()
        hello.names = self.published
        self.lateReleases = []
        self.lateRevocations = []
        self.phase = .opening(self.epoch)
        self.timers.add(.handshake(self.epoch), due: now.advanced(by: self.limits.handshake))
        var attach = FrameHeader(kind: .attach, object: object, call: call)
        attach.epoch = self.epoch
        attach.sequence = 1
        let message = Message(
            FrameHeader(kind: .hello, object: object, call: call), payload: hello.encoded())
        effects.append(
            .openLink(
                self.epoch, attach: Message(attach), hello: Outgoing(message, epoch: self.epoch)))
    }

    mutating func receivedWhileOpening(
        _ message: Message, at now: Tick, _ effects: inout [NodeEffect]
    ) {
        switch message.header.kind {
        case .welcome:
            do {
                let welcome = try WelcomeBody(payloadOf: message)
                guard message.header.epoch == self.epoch else { return }
                self.welcomed(welcome, message, at: now, &effects)
            } catch {
                self.loseLink(error.message, .linkFailed, at: now, &effects)
            }
        case .refused:
            self.refused(FailureBody(payloadOf: message).error, at: now, &effects)
        default:
            self.loseLink(
                "the broker sent \(message.header.kind.name) before WELCOME", .linkFailed, at: now,
                &effects)
        }
    }

    private mutating func welcomed(
        _ welcome: WelcomeBody, _ message: Message, at now: Tick,
        _ effects: inout [NodeEffect]
    ) {
        if let grant, grant.incarnation != welcome.incarnation {
            self.loseLink("the broker gave another incarnation", .linkFailed, at: now, &effects)
            return
        }
        self.grant = welcome
        self.phase = .linked(
            Link(
                epoch: self.epoch, received: message.header.sequence, lastHeard: now,
                others: UInt64(message.byteCount), tellAfter: max(1, welcome.credit / 4)))
        self.reconnect.succeeded()
        self.scheduleBeat(at: now)
        effects.append(
            .report(.linked(welcome.incarnation, self.epoch, brokerRun: welcome.run)))
        // HELLO has told of the others, and calls of earlier rights went with the link before.
        let former = self.fences.values.sorted()
        self.fences = self.fences.filter { self.lateRevocations.contains($0.key) }
        for number in former { self.forgetFence(number, &effects) }
        for object in self.lateRevocations.sorted() { self.sendRevoke(object, &effects) }
        self.lateRevocations = []
        for (reference, count) in self.lateReleases {
            self.sendRelease(reference, count, &effects)
        }
        self.lateReleases = []
        let peers = self.peers.keys.sorted()
        for peer in peers { self.peers.update(peer) { $0.epoch = .none } }
        self.resend(self.questions.keys, at: now, &effects)
        for peer in peers { self.askForAcknowledgement(peer, &effects) }
    }

    private mutating func refused(
        _ error: BusError, at now: Tick, _ effects: inout [NodeEffect]
    ) {
        let isFinal = error.kind == .unimplemented
        // The broker has ended it, or does not believe us: its key may be another one now.
        if error.kind == .notFound || error.kind == .denied, let ended = self.grant?.incarnation {
            self.beginNewIncarnation(after: ended, &effects)
        }
        effects.append(.report(.refused(error, isFinal: isFinal)))
        self.loseLink("refused: \(error.message)", .linkRefused, at: now, &effects)
        if isFinal { self.end(error, &effects) }
    }

    /// There will be no other link: nothing is called, held, given out or published any more.
    mutating func end(_ error: BusError, _ effects: inout [NodeEffect]) {
        self.phase = .closed
        self.nextBeat = .distantFuture
        self.endIncarnation(error, &effects)
        self.publications = [:]
        self.exportsDied(&effects)
        for object in self.exports.restart(published: []) { effects.append(.release(object)) }
    }

    /// What was held and given out is void; what is published goes on under new references.
    private mutating func beginNewIncarnation(
        after ended: IncarnationID, _ effects: inout [NodeEffect]
    ) {
        self.endIncarnation(
            BusError(.disconnected, "this node was cut off for too long"), &effects)
        self.grant = nil
        self.forgetStalePublications()
        let published = self.publications.values.map(\.object).sorted()
        self.exportsDied(but: published, &effects)
        for object in self.exports.restart(published: published) {
            effects.append(.release(object))
        }
        effects.append(.report(.incarnationEnded(ended)))
    }

    /// A name that the broker still has counts as an export. Without one it was withdrawn, and
    /// the shell heard of that before it heard of the publication.
    private mutating func forgetStalePublications() {
        self.publications = self.publications.filter {
            self.exports[$0.value.object]?.count ?? 0 > 0
        }
    }

    /// Settles every call and forgets every peer.
    mutating func endIncarnation(_ error: BusError, _ effects: inout [NodeEffect]) {
        for number in self.questions.keys {
            self.failQuestion(number, error, &effects)
        }
        for peer in self.peers.keys.sorted() { self.cancelAnswers(to: peer, &effects) }
        self.peers = PeerTable()
        self.imports.dropAll()
        self.fences = [:]
        self.heldDied(&effects)
    }

    /// The link is gone; calls and references wait for the next one.
    mutating func loseLink(
        _ reason: String, _ drop: NodeDrop, at now: Tick, _ effects: inout [NodeEffect]
    ) {
        switch self.phase {
        case .opening, .linked: break
        case .idle, .pausing, .closed: return
        }
        if self.isLinked {
            effects.append(.report(drop == .brokerStopped ? .brokerStops : .linkLost(reason)))
        }
        self.count(drop)
        effects.append(.closeLink(self.epoch))
        self.phase = .pausing
        self.nextBeat = .distantFuture
        let delay = self.reconnect.failed(&self.random)
        self.timers.add(.reconnect, due: now.advanced(by: delay))
    }

    /// Another node has a new link: what was on its way to the old one is lost.
    mutating func peerRelinked(
        _ header: FrameHeader, at now: Tick, _ effects: inout [NodeEffect]
    ) {
        let peer = header.peer
        self.peers.add(peer)
        self.peers.update(peer) { $0.epoch = header.peerEpoch }
        let numbers = self.questions.keys.filter { number in
            self.questions[number].map { $0.callee == peer && $0.state != .waiting } ?? false
        }
        self.resend(numbers, at: now, &effects)
        self.askForAcknowledgement(peer, &effects)
    }

    /// Another node's incarnation ended: what it was asked will not be answered, what it asked
    /// need not be, and its references are worth nothing.
    mutating func peerEnded(
        _ peer: IncarnationID, reason: UInt64, _ effects: inout [NodeEffect]
    ) {
        let error = BusError(.disconnected, "the object's node \(peer) has ended")
        for number in self.questions.keys {
            guard let question = self.questions[number], question.callee == peer else { continue }
            // It had answered whatever reached it. An answer that was lost with a link is told by
            // a second transmission.
            let isUnreached = reason == IncarnationEnd.leftIdle.rawValue && !question.isResent
            self.count(.calleeEnded)
            self.failQuestion(number, error, &effects, isUnreached: isUnreached)
        }
        self.cancelAnswers(to: peer, &effects)
        self.peers.remove(peer)
        self.imports.dropAll(of: peer)
        self.heldDied(of: peer, DeathReason(end: reason), &effects)
        effects.append(.report(.peerEnded(peer, reason: reason)))
    }
}
