// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock; all randomness comes from the seed.

import BusBrokerCore
import BusKernel
import BusNodeCore
import BusValue
import BusWire

/// A peer that speaks the protocol well enough to be listened to, and then says anything.
struct HostilePeer: Sendable {
    /// Its present link; broken ones are replaced.
    var link: Int?
    var epoch: UInt32 = 0
    var sent: UInt64 = 0
    var welcome: WelcomeBody?
    /// Everybody that it has ever been.
    var incarnations: Set<IncarnationID> = []
    /// Rows of reference tables that it has seen, seals included.
    var loot: [ReferenceEntry] = []
}

/// What it does. Whatever that is, nobody traps, and the promises to the others are kept.
extension SimulationWorld {
    mutating func beHostile() {
        guard self.broker != nil else { return }
        guard let id = self.hostile.link, !self.links[id].isGoneAtBroker else {
            self.connectHostile()
            return
        }
        switch self.random.below(12) {
        case 0: self.connectHostile()
        case 1: self.sendGarbage()
        case 2: self.sendHostile(self.damaged(self.anyMessage().frame), on: id, isCounted: false)
        default: self.sendHostile(self.anyMessage().frame, on: id, isCounted: true)
        }
    }

    /// It goes away, as peers do; the broker finds out.
    mutating func endHostility() {
        guard let id = self.hostile.link else { return }
        self.hostile.link = nil
        self.events.add(.brokerNotices(link: id), due: self.later(.milliseconds(1)))
    }

    /// What the broker sends to it.
    mutating func hostileReceived(_ frame: [UInt8]) {
        guard let message = try? Message(frame: frame) else { return }
        for entry in message.references where self.hostile.loot.count < 200 {
            self.hostile.loot.append(entry)
        }
        if message.header.kind == .welcome, let body = try? WelcomeBody(payloadOf: message) {
            self.hostile.welcome = body
            self.hostile.incarnations.insert(body.incarnation)
        }
    }

    /// Whether the hostile peer owns `reference`, or had its seal: after a restart of the broker
    /// it may say that it holds it still, and pass it on.
    func mayBeStolen(_ reference: Reference) -> Bool {
        self.hostile.incarnations.contains(reference.owner)
            || self.hostile.loot.contains { $0.reference == reference }
    }

    /// A call of the hostile peer reached an honest application, which answers as always.
    mutating func deliveredFromHostile(_ delivered: DeliveredCall, at index: Int) {
        for reference in delivered.message.references.map(\.reference)
        where reference.owner != self.nodes[index].core?.incarnation && self.chance(1, of: 2) {
            self.use(index, reference)
        }
        guard let identity = delivered.identity, self.chance(3, of: 4) else { return }
        let references = self.someReferences(index)
        var request = ReplyRequest(builder: payload(0, references.count))
        request.references = references
        self.withCore(index) { core, effects, _ in
            core.replied(to: identity, request, into: &effects)
        }
    }

    private mutating func connectHostile() {
        if let old = self.hostile.link, self.chance(1, of: 2) { self.brokerNotices(old) }
        self.hostile.epoch += 1
        let epoch = Epoch(rawValue: self.hostile.epoch)
        var link = SimulatedLink(
            id: self.links.count, node: self.plan.nodes, run: 0, epoch: epoch)
        link.isHostile = true
        self.links.append(link)
        self.hostile.link = link.id
        self.hostile.sent = self.chance(1, of: 10) ? .max - 1 : 0
        var attach = FrameHeader(
            kind: .attach, object: ObjectNumber(rawValue: self.random.next()),
            call: CallNumber(rawValue: self.random.next()))
        attach.epoch = epoch
        attach.sequence = 1
        var hello = attach
        hello.kind = .hello
        self.trace("hostile: opens link \(link.id)")
        self.brokerReceives(Message(attach).frame, [], on: link.rx)
        let body = self.hostileHello()
        self.sendHostile(
            Message(hello, payload: body.encoded()).frame, on: link.id, isCounted: true)
    }

    private mutating func hostileHello() -> HelloBody {
        var hello = HelloBody(node: "hostile", program: "", processID: -1)
        if let welcome = self.hostile.welcome, self.chance(3, of: 4) {
            hello.incarnation = self.chance(1, of: 10) ? self.anyone() : welcome.incarnation
            hello.secret = welcome.secret
        }
        if let victim = self.stolenIdentity() {
            hello.incarnation = victim
            hello.secret = self.authority.secret(of: victim)
        }
        let counts: [UInt64] = [0, 1, 2, 1_000, WireLimits.copiesMax, .max]
        for _ in 0..<self.random.below(4) {
            hello.holdings.append(
                HelloBody.Holding(entry: self.anyEntry(), count: self.pick(counts) ?? 1))
            hello.exports.append(
                HelloBody.Export(
                    object: self.anyObject(),
                    generation: Generation(rawValue: UInt32(self.random.below(4))),
                    count: self.pick(counts) ?? 1))
        }
        if self.chance(1, of: 3) {
            hello.names = [
                HelloBody.Name(
                    name: self.pick(["a", "b", "c", "", " "]) ?? "a", object: self.anyObject(),
                    interface: "Thing")
            ]
        }
        return hello
    }

    private mutating func sendGarbage() {
        var frame: [UInt8] = []
        for _ in 0..<self.random.below(200) {
            frame.append(UInt8(truncatingIfNeeded: self.random.next()))
        }
        // On connections that nobody has used, far away from those of links.
        let connection = ConnectionID(rawValue: 1 << 30 + UInt32(self.random.below(4)))
        self.brokerReceives(frame, [], on: connection)
    }

    private mutating func sendHostile(_ frame: [UInt8], on id: Int, isCounted: Bool) {
        var frame = frame
        if frame.count >= FrameHeader.size {
            self.hostile.sent &+= isCounted || self.chance(3, of: 4) ? 1 : 0
            var span = frame.mutableSpan
            var bytes = span.mutableBytes
            Transmission(
                epoch: Epoch(rawValue: self.hostile.epoch), sequence: self.hostile.sent
            ).patch(&bytes)
        }
        self.digest.add(bytes: frame)
        self.brokerReceives(frame, [], on: self.links[id].tx)
    }

    /// Some bytes are not what they were, or are missing.
    private mutating func damaged(_ frame: [UInt8]) -> [UInt8] {
        var frame = frame
        for _ in 0...self.random.below(3) {
            frame[Int(self.random.below(UInt64(frame.count)))] ^= UInt8(
                truncatingIfNeeded: self.random.next())
        }
        if self.chance(1, of: 3) {
            frame.removeLast(Int(self.random.below(UInt64(frame.count))))
        }
        return frame
    }

    /// A well-formed message that says anything.
    private mutating func anyMessage() -> Message {
        let kinds: [MessageKind] = [
            .call, .call, .call, .reply, .reply, .failure, .cancel, .acknowledge, .release,
            .revoke, .unref, .heartbeat, .goodbye, .peerEnded, .peerRelinked, .hello, .welcome,
            MessageKind(rawValue: UInt8(truncatingIfNeeded: self.random.next())),
        ]
        let flags: [MessageFlags] = [
            [], [], .oneWay, .resent, .byBroker, [.resent, .byBroker], .idempotent,
        ]
        var header = FrameHeader(
            kind: self.pick(kinds) ?? .call, flags: self.pick(flags) ?? [], peer: self.anyone(),
            object: self.anyObject(), call: CallNumber(rawValue: self.anyNumber()))
        header.behind = UInt32(truncatingIfNeeded: self.anyNumber())
        header.peerEpoch = Epoch(rawValue: UInt32(self.random.below(5)))
        header.remaining = self.chance(1, of: 4) ? self.anyNumber() : 0
        var extensions = Extensions()
        let methods = ["find(_:)", "publish(_:as:interface:)", "claim(_:)", "status()", "x"]
        if self.chance(1, of: 2) { extensions.method = self.pick(methods) }
        if self.chance(1, of: 8) { extensions.name = "a" }
        if self.chance(1, of: 4) {
            let lower = max(1, self.anyNumber())
            let (upper, overflow) = lower.addingReportingOverflow(self.random.below(9))
            extensions.ranges = [lower...(overflow ? .max : upper)]
        }
        var entries: [ReferenceEntry] = []
        for _ in 0..<self.random.below(3) { entries.append(self.anyEntry()) }
        let arguments = Value.array([.reference(ReferenceSlot(0)), .string("a"), .string("b")])
        let text = Value.array([.string(self.pick(["a", "b", "c"]) ?? "a")])
        let payload = try? (self.chance(1, of: 2) ? arguments : text).encoded()
        return Message(
            header, payload: payload ?? [], extensions: extensions, references: entries)
    }

    private mutating func anyNumber() -> UInt64 {
        let numbers: [UInt64] = [0, 1, 2, WireLimits.callNumberMax, .max - 1, .max]
        return self.chance(2, of: 3) ? self.random.below(60) : self.pick(numbers) ?? 0
    }

    private mutating func anyObject() -> ObjectNumber {
        ObjectNumber(rawValue: self.random.below(8))
    }

    private mutating func anyone() -> IncarnationID {
        let known = self.nodes.compactMap { $0.core?.incarnation } + [.broker]
        if self.chance(1, of: 12) { return IncarnationID(rawValue: self.random.next()) }
        return self.chance(1, of: 8)
            ? self.hostile.welcome?.incarnation ?? .broker : self.pick(known) ?? .broker
    }

    private mutating func anyEntry() -> ReferenceEntry {
        if self.chance(1, of: 2), let entry = self.pick(self.hostile.loot) { return entry }
        let own = self.hostile.welcome?.incarnation ?? .broker
        return ReferenceEntry(
            reference: Reference(
                owner: self.chance(1, of: 2) ? own : self.anyone(), object: self.anyObject()),
            generation: Generation(rawValue: UInt32(self.random.below(3))))
    }
}
