// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusNodeCore
import BusValue
import BusWire
import Testing

/// A call's outcome is told apart by the name of whoever waits for it.
final class Waiter: OutcomeReceiver {
    let name: String

    init(_ name: String) {
        self.name = name
    }

    func resume(_ outcome: CallOutcome) {}

    static func name(of waiter: CallWaiter) -> String {
        guard case .receiver(let waiter as Waiter) = waiter else { return "?" }
        return waiter.name
    }
}

/// A node's core, with the test as its shell and as its broker; effects become lines.
struct NodeScript {
    static let me = IncarnationID(rawValue: 0xA1)
    static let peer = IncarnationID(rawValue: 0xB2)
    static let other = IncarnationID(rawValue: 0xC3)
    static let seal = Seal(high: 1, low: 2)

    var core: NodeStateMachine
    var now = Tick.zero.advanced(by: .seconds(100))
    private var effects: [NodeEffect] = []
    private var epoch = Epoch.none
    private var sequence: UInt64 = 0

    init(_ limits: NodeLimits = NodeLimits()) {
        self.core = NodeStateMachine(
            name: "n", program: "test", processID: 1, limits: limits, seed: 1)
    }

    /// One that is linked already.
    static func linked(_ limits: NodeLimits = NodeLimits()) -> NodeScript {
        var node = NodeScript(limits)
        node.start()
        node.welcome()
        _ = node.take()
        return node
    }

    // MARK: What happens to it

    mutating func step(_ body: (inout NodeStateMachine, inout [NodeEffect], Tick) -> Void) {
        body(&self.core, &self.effects, self.now)
        for case .openLink(let epoch, _, _) in self.effects { self.epoch = epoch }
    }

    mutating func start() {
        self.step { core, effects, now in core.started(at: now, into: &effects) }
    }

    mutating func close() {
        self.step { core, effects, now in core.closed(at: now, into: &effects) }
    }

    /// Lets time pass, stopping wherever the core wants to be told.
    mutating func pass(_ span: Span) {
        let end = self.now.advanced(by: span)
        while self.core.nextDeadline <= end {
            self.now = max(self.now, self.core.nextDeadline)
            self.step { core, effects, now in core.timePassed(at: now, into: &effects) }
        }
        self.now = end
    }

    /// Ends the link, and lets the node open the next one.
    mutating func relink() {
        self.lose()
        self.pass(.milliseconds(500))
        self.welcome()
    }

    mutating func lose() {
        let epoch = self.epoch
        self.step { core, effects, now in
            core.linkFailed(epoch, "cut", at: now, into: &effects)
        }
    }

    mutating func welcome(_ incarnation: IncarnationID = me, credit: UInt64 = 1 << 26) {
        let body = WelcomeBody(
            incarnation: incarnation, secret: NodeScript.seal, run: 1,
            heartbeat: Span.seconds(1).nanoseconds, silence: Span.seconds(3).nanoseconds,
            resumeWindow: Span.seconds(2).nanoseconds, credit: credit)
        self.sequence = 0
        self.receive(FrameHeader(kind: .welcome), payload: body.encoded())
    }

    mutating func refuse(_ kind: BusError.Kind) {
        self.receive(
            FrameHeader(kind: .refused), payload: FailureBody(BusError(kind, "so")).encoded())
    }

    /// The next message of the broker on the present link.
    mutating func receive(
        _ header: FrameHeader, payload: [UInt8] = [], ranges: [ClosedRange<UInt64>] = [],
        chain: ChainID? = nil, references: [ReferenceEntry] = [], skipping: UInt64 = 0,
        epoch: Epoch? = nil
    ) {
        self.sequence &+= 1 &+ skipping
        var extensions = Extensions()
        extensions.ranges = ranges
        extensions.chain = chain
        var frame = Message(
            header, payload: payload, extensions: extensions, references: references
        ).frame
        var span = frame.mutableSpan
        var bytes = span.mutableBytes
        let epoch = epoch ?? self.epoch
        Transmission(epoch: epoch, sequence: self.sequence).patch(&bytes)
        guard let message = try? Message(frame: frame) else { return }
        self.step { core, effects, now in
            core.received(message, on: epoch, at: now, into: &effects)
        }
    }

    /// A call by `peer`; `behind` says how far its watermark lies below the number.
    mutating func receiveCall(
        _ number: UInt64, to object: UInt64 = 7, behind: UInt32 = 1, flags: MessageFlags = [],
        chain: ChainID? = nil, references: [ReferenceEntry] = []
    ) {
        var header = FrameHeader(
            kind: .call, flags: flags, peer: NodeScript.peer,
            object: ObjectNumber(rawValue: object), call: CallNumber(rawValue: number))
        header.behind = behind
        self.receive(header, chain: chain, references: references)
    }

    mutating func receiveReply(
        _ number: UInt64, from callee: IncarnationID = peer, references: [ReferenceEntry] = []
    ) {
        self.receive(
            FrameHeader(kind: .reply, peer: callee, call: CallNumber(rawValue: number)),
            references: references)
    }

    mutating func receive(_ kind: MessageKind, _ number: UInt64, from peer: IncarnationID = peer) {
        self.receive(FrameHeader(kind: kind, peer: peer, call: CallNumber(rawValue: number)))
    }

    mutating func peerRelinked(_ epoch: UInt32) {
        var header = FrameHeader(kind: .peerRelinked, peer: NodeScript.peer)
        header.peerEpoch = Epoch(rawValue: epoch)
        self.receive(header)
    }

    /// Calls object 7 of `peer`.
    @discardableResult
    mutating func call(
        _ name: String, of callee: IncarnationID = peer, bytes: Int = 0,
        passing references: [Reference] = [], within span: Span? = nil, isOneWay: Bool = false,
        chain: ChainID? = nil, by published: String? = nil
    ) -> String? {
        var builder = MessageBuilder()
        builder.frame.append(contentsOf: repeatElement(0, count: bytes))
        var request = CallRequest(
            target: Reference(owner: callee, object: ObjectNumber(rawValue: 7)), builder: builder)
        request.references = references
        request.extensions.chain = chain
        request.extensions.name = published
        request.waiter = isOneWay ? nil : .receiver(Waiter(name))
        if isOneWay { request.flags = .oneWay }
        if let span { request.deadline = self.now.advanced(by: span) }
        do {
            _ = try self.core.callIssued(&request, at: self.now, into: &self.effects)
            return nil
        } catch {
            return "\(error.kind) \(error.executed)"
        }
    }

    mutating func cancel(_ number: UInt64) {
        self.step { core, effects, now in
            core.callCancelled(CallNumber(rawValue: number), at: now, into: &effects)
        }
    }

    /// The handler of `peer`'s call is done.
    mutating func reply(_ number: UInt64, passing references: [Reference] = []) {
        var request = ReplyRequest(builder: MessageBuilder())
        request.references = references
        let identity = CallIdentity(
            caller: NodeScript.peer, callee: NodeScript.me, number: CallNumber(rawValue: number))
        self.step { core, effects, _ in core.replied(to: identity, request, into: &effects) }
    }

    /// The application revokes one of its objects.
    mutating func revoke(_ object: UInt64) {
        self.step { core, effects, now in
            core.revoked(ObjectNumber(rawValue: object), at: now, into: &effects)
        }
    }

    mutating func unpin(_ references: [Reference]) {
        self.step { core, effects, _ in core.unpin(references, into: &effects) }
    }

    /// Makes the token of a reference that must be held.
    mutating func token(_ reference: Reference) throws -> TokenGeneration {
        let token = self.core.makeToken(reference)
        return try #require(token)
    }

    // MARK: What it does about that

    /// The effects since the last look, one line each.
    mutating func take() -> [String] {
        defer { self.effects = [] }
        return self.effects.map(Self.line)
    }

    /// The HELLO of the last link opened, if it was opened since the last look.
    mutating func takeHello() throws -> HelloBody? {
        defer { self.effects = [] }
        for case .openLink(_, _, let hello) in self.effects.reversed() {
            let message = hello.message
            return try HelloBody(payloadOf: message.frame.span.bytes, message.header)
        }
        return nil
    }

    mutating func watch(_ reference: Reference) -> DeathReason? { self.core.watch(reference) }

    /// The last call delivered since the last look.
    mutating func takeDelivered() -> DeliveredCall? {
        defer { self.effects = [] }
        for case .deliver(let call) in self.effects.reversed() { return call }
        return nil
    }

    /// What was sent since the last look.
    mutating func takeMessages() -> [Message] {
        defer { self.effects = [] }
        return self.effects.compactMap { effect in
            if case .transmit(let outgoing) = effect { outgoing.message } else { nil }
        }
    }

    /// What the FAILUREs sent since the last look say.
    mutating func takeFailures() -> [BusError] {
        self.takeMessages().filter { $0.header.kind == .failure }
            .map { FailureBody(payloadOf: $0).error }
    }

    private static func line(_ effect: NodeEffect) -> String {
        switch effect {
        case .openLink(let epoch, _, _): "open \(epoch.rawValue)"
        case .closeLink(let epoch): "close \(epoch.rawValue)"
        case .transmit(let outgoing): line(outgoing)
        case .deliver(let call):
            "deliver \(call.identity.map { "#\($0.number.rawValue)" } ?? "one-way") "
                + "to \(call.object)"
        case .cancelHandler(let identity): "cancel handler #\(identity.number.rawValue)"
        case .resume(let waiter, let outcome):
            "resume \(Waiter.name(of: waiter)) \(line(outcome))"
        case .retain(let object): "retain \(object)"
        case .release(let object): "release \(object)"
        case .died(let reference, let reason):
            "died \(short(reference.owner))/\(reference.object) \(reason)"
        case .unheld(let object): "unheld \(object)"
        case .report(let notice): "report \(line(notice))"
        case .done: "done"
        }
    }

    private static func line(_ outgoing: Outgoing) -> String {
        let message = outgoing.message
        let header = message.header
        var words = [header.kind.name]
        if header.peer != .broker { words.append(short(header.peer)) }
        if header.kind == .call || header.kind == .release || header.kind == .cancel {
            words.append("/\(header.object)")
        }
        if header.call.rawValue > 0 { words.append("#\(header.call.rawValue)") }
        if outgoing.flags.contains(.resent) { words.append("resent") }
        if outgoing.flags.contains(.oneWay) { words.append("one-way") }
        if outgoing.remaining > 0 { words.append("\(outgoing.remaining / 1_000_000)ms") }
        if outgoing.behind > 1 { words.append("behind \(outgoing.behind)") }
        if outgoing.peerEpoch != .none { words.append("peer epoch \(outgoing.peerEpoch.rawValue)") }
        for range in (try? message.extensions().ranges) ?? [] { words.append("\(range)") }
        for entry in message.references {
            words.append("&\(short(entry.reference.owner))/\(entry.reference.object)")
        }
        return words.joined(separator: " ")
    }

    private static func line(_ outcome: CallOutcome) -> String {
        switch outcome {
        case .answered(let message): message.header.kind.name
        case .failed(let error): "\(error.kind) \(error.executed)"
        }
    }

    private static func line(_ notice: NodeNotice) -> String {
        switch notice {
        case .linked(let incarnation, let epoch, _):
            "linked \(short(incarnation)) \(epoch.rawValue)"
        case .linkLost: "link lost"
        case .brokerStops: "broker stops"
        case .refused(let error, let isFinal): "refused \(error.kind)\(isFinal ? " for good" : "")"
        case .incarnationEnded(let incarnation): "ended \(short(incarnation))"
        case .peerEnded(let peer, _): "peer ended \(short(peer))"
        }
    }

    private static func short(_ incarnation: IncarnationID) -> String {
        String(incarnation.rawValue, radix: 16)
    }
}

extension Reference {
    /// An object of the node under test.
    static func own(_ object: UInt64) -> Reference {
        Reference(owner: NodeScript.me, object: ObjectNumber(rawValue: object))
    }

    /// An object of `peer`.
    static func held(_ object: UInt64) -> Reference {
        Reference(owner: NodeScript.peer, object: ObjectNumber(rawValue: object))
    }
}

extension ReferenceEntry {
    static func own(_ object: UInt64) -> ReferenceEntry {
        ReferenceEntry(reference: .own(object))
    }

    static func held(_ object: UInt64, _ generation: UInt32 = 1) -> ReferenceEntry {
        ReferenceEntry(
            reference: .held(object), generation: Generation(rawValue: generation),
            seal: Seal(high: UInt64(generation), low: object))
    }
}
