// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/. Pure: no I/O, no clock, no randomness.

package import BusKernel
package import BusWire

/// The broker as a function of what happens to it: links, incarnations, names, holders, routing.
///
///     connection --HELLO + ATTACH--> linked --gap, silence, close--> waiting --HELLO--> linked
///                                       |                               |
///                                       +--GOODBYE--> ended <--window---+
///
/// Its inputs are `received`, `forwardFailed`, `sendFailed`, `connectionClosed` and `timePassed`;
/// each appends effects, which the shell runs in order. Everything here is soft state that nodes
/// restate when they come back (rules: three lifetimes).
package struct BrokerStateMachine: Sendable {
    /// A handshake of which one of two connections has appeared.
    struct Handshake: Sendable {
        let since: Tick
        var tx: ConnectionID?
        var rx: ConnectionID?
        var header: FrameHeader?
        var hello: Result<HelloBody, BodyError>?

        init(since: Tick) {
            self.since = since
        }
    }

    /// Two connections with the same token make one link.
    struct Token: Hashable, Sendable {
        let high: UInt64
        let low: UInt64
    }

    enum Timer: Sendable {
        case heartbeatRound
        case resumeWindow(IncarnationID)
        case handshakes
        case recoveryEnd
        case observations
    }

    package let limits: BrokerLimits
    let quotas: [QuotaRule]
    package internal(set) var objectQuotas: ObjectQuotas
    /// Tells this run of the broker from all others.
    package let run: UInt64
    let authority: Seals
    var random: RandomSource
    package internal(set) var nodes: NodeTable
    package internal(set) var holders: HolderTable
    package internal(set) var names: NameTable
    var handshakes: [Token: Handshake] = [:]
    var isAwaitingHandshakes = false
    var timers = TimerQueue<Timer>()
    var offenders: Set<ConnectionID> = []
    /// Nodes that could not be told that their link has ended, because their pipe was full: by the
    /// connection they send on, the one they receive on. They are told once they say something and
    /// there is room. Like the next one bounded by the connections that are open.
    var untold: [ConnectionID: ConnectionID] = [:]
    /// Nodes that were told so, the other way round.
    var told: [ConnectionID: ConnectionID] = [:]
    var linksMade: UInt64 = 0
    /// Until then Unrefs are held back and unknown incarnations may still return (rules R8).
    var recoveryDeadline: Tick?
    /// Incarnations of the run before that have not come back yet; empty but in the window.
    var missing: Set<IncarnationID> = []
    /// Calls wait for these incarnations; told when one links again or ends.
    var waiters: [IncarnationID: Set<IncarnationID>] = [:]
    /// Of nodes that have taken in less than half of their credit.
    var shares: [NodeSlot: CreditShares] = [:]
    package internal(set) var counters = BrokerCounters()
    let startedAt: Tick
    /// Of the head that was made last (docs/protocol/names.md §5).
    var lastFence: UInt64
    /// The shell has been told that numbers up to here may be in use.
    package private(set) var reservedFence: UInt64
    var nameLog = NameLog()
    /// Up to which change those who watch were answered.
    var answeredChange: UInt64 = 0
    var nameWatches: [NodeSlot: [NameWatch]] = [:]
    /// Whether somebody watches what passes: all that a message costs when nobody does.
    package internal(set) var isObserved = false
    /// One while somebody watches, else none: on the heap, so that the machine stays small.
    var observing: [Observing] = []
    var isObservationPlanned = false
    var waits = WaitTable()
    /// Numbers reserved at a time: as many changes of heads cost one line of a file.
    static let fencesReserved: UInt64 = 4_096

    /// - Parameters:
    ///   - seed: unlike that of any earlier run; incarnation ids are drawn from it.
    ///   - returning: the incarnations that lived when the run before ended, as `remember` and
    ///     `forget` told: these may come back, and nobody else.
    ///   - quotas: for nodes of certain names; the first one that fits counts.
    ///   - objectQuotas: for objects of certain published names; the first one that fits counts.
    ///   - fence: what earlier runs have reserved last, as `reserveFences` told.
    package init(
        limits: BrokerLimits = BrokerLimits(), authority: any SealAuthority, seed: UInt64,
        returning: Set<IncarnationID> = [], fence: UInt64 = 0, quotas: [QuotaRule] = [],
        objectQuotas: [ObjectQuotaRule] = [], at now: Tick
    ) {
        self.limits = limits
        self.quotas = quotas
        self.objectQuotas = ObjectQuotas(objectQuotas)
        self.authority = Seals(authority)
        self.random = RandomSource(seed: seed)
        self.run = self.random.next()
        self.nodes = NodeTable(seed: self.random.next())
        self.holders = HolderTable(seed: self.random.next())
        self.names = NameTable(seed: self.random.next())
        self.startedAt = now
        (self.lastFence, self.reservedFence) = (fence, fence)
        self.timers.add(.heartbeatRound, due: now.advanced(by: limits.heartbeat))
        if !returning.isEmpty {
            let deadline = now.advanced(by: limits.recoveryWindow)
            self.recoveryDeadline = deadline
            self.missing = returning
            self.timers.add(.recoveryEnd, due: deadline)
        }
    }

    /// When `timePassed` is next wanted.
    package var nextDeadline: Tick { self.timers.nextDue ?? .distantFuture }

    /// Incarnations known, with or without a link.
    package var nodeCount: Int { self.nodes.count }

    /// References that are held, exported or published.
    package var referenceCount: Int { self.holders.rowCount }

    /// Published names.
    package var nameCount: Int { self.names.count }

    /// Calls of which nodes have told why they wait.
    package var waitCount: Int { self.waits.rowCount }

    /// A message came in; `frame` is its first frame, which may be patched for forwarding.
    ///
    /// - Parameters:
    ///   - bufferCount: how many frames follow it.
    ///   - bufferBytes: the bytes of these.
    package mutating func received(
        _ frame: inout MutableRawSpan, bufferCount: Int, bufferBytes: Int,
        from connection: ConnectionID, at now: Tick, into effects: inout [BrokerEffect]
    ) {
        let header: FrameHeader
        do throws(FrameError) {
            header = try FrameHeader(reading: frame.bytes)
            guard bufferCount == Int(header.bufferCount) else {
                throw FrameError.inconsistentLengths
            }
        } catch {
            self.garbage(error, from: connection, at: now, into: &effects)
            return
        }
        guard let slot = self.nodes.slot(sendingOn: connection) else {
            self.receivedOutsideLink(header, frame.bytes, connection, now, &effects)
            return
        }
        guard
            self.nodes.advance(slot, epoch: header.epoch, sequence: header.sequence, at: now)
        else {
            let expected = (self.nodes[slot]?.link?.received ?? 0) &+ 1
            self.endLink(
                slot, .sequenceGap(expected: expected, received: header.sequence), now, &effects)
            return
        }
        self.counters.received += 1
        let byteCount = frame.byteCount + bufferBytes
        switch header.kind {
        case .call:
            if header.flags.contains(.oneWay) { self.takeInOneWay(byteCount, slot, &effects) }
            if self.isBehind(header, from: slot) {
                self.refuseBehind(header, frame.bytes, from: slot, now, &effects)
            } else if header.peer == .broker {
                self.serve(header, frame.bytes, from: slot, now, &effects)
            } else {
                self.routeCall(header, &frame, byteCount, from: slot, now, &effects)
            }
        case .reply, .failure:
            self.routeReply(header, &frame, byteCount, from: slot, now, &effects)
        case .cancel, .acknowledge:
            self.routeNotice(header, &frame, byteCount, from: slot, now, &effects)
        case .release:
            self.release(header, from: slot, now, &effects)
        case .revoke:
            self.revoke(header, from: slot, &effects)
        case .heartbeat:
            self.takenIn(header, by: slot, now, &effects)
        case .unimplemented:
            break
        case .goodbye:
            let isIdle = header.call.rawValue == IncarnationEnd.leftIdle.rawValue
            self.endIncarnation(slot, isIdle ? .leftIdle : .left, now, &effects)
        default:
            self.refuseUnknown(header, from: slot, &effects)
        }
    }

    /// The connection is gone (rules R4).
    package mutating func connectionClosed(
        _ connection: ConnectionID, at now: Tick, into effects: inout [BrokerEffect]
    ) {
        self.offenders.remove(connection)
        self.untold[connection] = nil
        self.told[connection] = nil
        guard let slot = self.nodes.slot(on: connection) else { return }
        self.endLink(slot, .connectionClosed, now, &effects)
    }

    /// A message of the broker's own could not be sent: a control frame that meets a full pipe
    /// ends the link.
    package mutating func sendFailed(
        _ failure: SendFailure, to connection: ConnectionID, at now: Tick,
        into effects: inout [BrokerEffect]
    ) {
        guard let slot = self.nodes.slot(on: connection) else {
            if failure == .pipeFull, let tx = self.told.removeValue(forKey: connection) {
                self.untold[tx] = connection
            }
            return
        }
        let reason = failure == .pipeFull ? LinkEnd.pipeFull : .connectionClosed
        self.endLink(slot, reason, now, &effects)
    }

    /// The broker is told to end: it tells every node, and is not asked anything after that.
    package mutating func stopBegan(into effects: inout [BrokerEffect]) {
        for slot in self.nodes.all {
            self.send(Message(FrameHeader(kind: .stopping)), to: slot, &effects)
        }
    }

    /// Time went on; call when `nextDeadline` is reached.
    package mutating func timePassed(at now: Tick, into effects: inout [BrokerEffect]) {
        while let timer = self.timers.popDue(at: now) {
            switch timer {
            case .heartbeatRound:
                self.beat(at: now, &effects)
                self.endWatches(at: now, &effects)
                self.endObservations(at: now, &effects)
                self.timers.add(.heartbeatRound, due: now.advanced(by: self.limits.heartbeat))
            case .resumeWindow(let incarnation):
                guard let slot = self.nodes.slot(of: incarnation), let node = self.nodes[slot],
                    node.link == nil, node.resumeDeadline <= now
                else { continue }
                self.endIncarnation(slot, .lost, now, &effects)
            case .handshakes:
                self.endHandshakes(at: now)
            case .recoveryEnd:
                self.endRecovery(at: now, &effects)
            case .observations:
                self.tellObservations(at: now, &effects)
            }
        }
    }

    private mutating func beat(at now: Tick, _ effects: inout [BrokerEffect]) {
        for slot in self.nodes.all {
            guard let link = self.nodes[slot]?.link else { continue }
            if now.since(link.lastHeard) >= self.limits.silence {
                self.endLink(slot, .silence, now, &effects)
            } else if link.wasBusy {
                self.nodes.setIdle(slot)
            } else {
                self.send(self.nodes.heartbeat(of: slot), to: slot, &effects)
                self.nodes.setIdle(slot)
            }
        }
    }

    private mutating func garbage(
        _ error: FrameError, from connection: ConnectionID, at now: Tick,
        into effects: inout [BrokerEffect]
    ) {
        self.counters.garbage += 1
        if let slot = self.nodes.slot(on: connection) {
            self.endLink(slot, .violation(error.message), now, &effects)
        } else {
            self.refuse(connection, .unimplemented, .unreadable, error.message, &effects)
        }
    }

    /// Tells a connection without a link, once, why it is not listened to.
    mutating func refuse(
        _ connection: ConnectionID, _ kind: BusError.Kind, _ drop: BrokerDrop, _ reason: String,
        _ effects: inout [BrokerEffect]
    ) {
        guard self.offenders.count < self.limits.offenders,
            self.offenders.insert(connection).inserted
        else { return self.count(.ignored) }
        self.counters.refused += 1
        self.count(drop)
        effects.append(.watch(connection))
        self.tellRefused(connection, kind, reason, &effects)
        effects.append(.log(.refused(connection, reason: reason)))
    }

    /// Says on a connection that it has no link, outside any sequence.
    func tellRefused(
        _ connection: ConnectionID, _ kind: BusError.Kind, _ reason: String,
        _ effects: inout [BrokerEffect]
    ) {
        let body = FailureBody(BusError(kind, reason))
        let message = Message(FrameHeader(kind: .refused), payload: body.encoded())
        effects.append(.send(message, Transmission(epoch: .none, sequence: 0), to: connection))
    }

    /// An unknown kind is echoed, so that its sender can undo.
    private mutating func refuseUnknown(
        _ header: FrameHeader, from slot: NodeSlot, _ effects: inout [BrokerEffect]
    ) {
        self.count(.kindUnknown)
        var echo = FrameHeader(
            kind: .unimplemented, peer: header.peer, object: header.object, call: header.call)
        echo.remaining = UInt64(header.kind.rawValue)
        self.send(Message(echo), to: slot, &effects)
    }

    /// The claims to `name` have changed: numbers its head or members, and tells those who watch.
    mutating func claimsChanged(to name: String, _ effects: inout [BrokerEffect]) {
        self.numberClaims(to: name, &effects)
        self.noteClaims(to: name)
    }

    /// Gives a new head, or the members of a group, a number larger than any before.
    mutating func numberClaims(to name: String, _ effects: inout [BrokerEffect]) {
        guard self.names.number(name, self.lastFence + 1) else { return }
        self.lastFence += 1
        guard self.lastFence > self.reservedFence else { return }
        self.reservedFence = self.lastFence + Self.fencesReserved - 1
        effects.append(.reserveFences(self.reservedFence))
    }

    /// Sends a message of the broker's own to a linked node; nothing if it has no link.
    mutating func send(_ message: Message, to slot: NodeSlot, _ effects: inout [BrokerEffect]) {
        guard
            let (transmission, rx) = self.nodes.nextTransmission(
                to: slot, isCall: false, byteCount: message.byteCount)
        else { return }
        effects.append(.send(message, transmission, to: rx))
    }
}

/// The authority in a box of known size: a machine with a bare existential in it would be copied
/// whole at every query.
final class Seals: SealAuthority {
    private let authority: any SealAuthority

    init(_ authority: any SealAuthority) {
        self.authority = authority
    }

    func seal(_ message: [UInt8]) -> Seal { self.authority.seal(message) }
}
