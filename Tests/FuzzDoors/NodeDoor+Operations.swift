// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusNodeCore
import BusSimulation
import BusValue
import BusWire

/// What a script can let happen; each operation reads its choices from the script.
extension NodeDoor {
    mutating func step() {
        let operation = self.script.below(32)
        self.digest.add(UInt64(operation))
        self.trace?("operation \(operation)")
        switch operation {
        case 0: self.with { core, effects, now in core.started(at: now, into: &effects) }
        case 1: self.welcome()
        case 2...4: self.receiveCall()
        case 5...7: self.receiveAnswer()
        case 8: self.receiveNotice()
        case 9: self.receiveUnref()
        case 10: self.receiveNews()
        case 11: self.receiveAnything()
        case 12...14: self.issueCall()
        case 15: self.cancelCall()
        case 16, 17: self.reply()
        case 18: self.giveBack()
        case 19: self.makeToken()
        case 20: self.dropToken()
        case 21: self.publish()
        case 22: self.revoke()
        case 23: self.loseLink()
        case 24: self.letTimePass()
        case 25: self.close()
        case 26: self.refuse()
        // Others than these may come, and old scripts shall mean what they meant.
        default: self.receiveCall()
        }
    }

    /// The shell ends everything that it has begun.
    mutating func giveBackEverything() {
        for references in self.books.pinned {
            self.with { core, effects, _ in core.unpin(references, into: &effects) }
        }
        self.books.pinned = []
        for (reference, token) in self.books.tokens {
            self.with { core, effects, _ in
                core.tokenDied(reference, token, into: &effects)
            }
        }
        self.books.tokens = []
    }

    // MARK: What the broker sends

    private mutating func welcome() {
        let choice = self.script.byte()
        func chosen(_ bit: UInt8) -> Bool { choice >> bit & 1 == 1 }
        if self.core.incarnation == nil || chosen(0) { self.incarnations += 1 }
        let drawn = IncarnationID(rawValue: 0xA0 + self.incarnations)
        let isOdd = chosen(1)
        let body = WelcomeBody(
            incarnation: chosen(0) ? drawn : self.core.incarnation ?? drawn,
            secret: Seal(high: 1, low: 2), run: UInt64(choice),
            heartbeat: isOdd ? self.script.number() : Span.seconds(1).nanoseconds,
            silence: isOdd ? self.script.number() : Span.seconds(3).nanoseconds,
            resumeWindow: Span.seconds(2).nanoseconds)
        self.receive(FrameHeader(kind: .welcome), payload: body.encoded())
    }

    private mutating func refuse() {
        let kinds: [BusError.Kind] = [.notFound, .denied, .overloaded, .unimplemented, .invalid]
        let error = BusError(self.script.pick(kinds) ?? .denied, "so")
        let message = Message(
            FrameHeader(kind: .refused), payload: FailureBody(error).encoded())
        self.receive(message.frame)
    }

    private mutating func receiveCall() {
        let flags: [MessageFlags] = [[], .resent, .oneWay, [.oneWay, .resent]]
        var header = FrameHeader(
            kind: .call, flags: self.script.pick(flags) ?? [], peer: self.anyone(),
            object: self.anyObject(), call: CallNumber(rawValue: self.script.number()))
        header.behind = UInt32(truncatingIfNeeded: self.script.number())
        header.remaining = self.script.number()
        self.receive(header, entries: self.anyEntries())
    }

    /// Mostly an answer to what was asked.
    private mutating func receiveAnswer() {
        let flags: [MessageFlags] = [[], .byBroker, .resent, [.byBroker, .resent]]
        var header = FrameHeader(
            kind: self.script.flag() ? .reply : .failure, flags: self.script.pick(flags) ?? [])
        if let asked = self.script.pick(self.books.waiting.sorted { $0.key < $1.key }),
            self.script.below(8) != 1
        {
            (header.peer, header.call) = asked.value
        } else {
            header.peer = self.anyone()
            header.call = CallNumber(rawValue: self.script.number())
        }
        self.receive(header, entries: self.anyEntries())
    }

    private mutating func receiveNotice() {
        var extensions = Extensions()
        for _ in 0..<self.script.below(4) {
            let first = max(1, self.script.number())
            let (last, overflow) = first.addingReportingOverflow(self.script.number())
            extensions.ranges.append(first...(overflow ? .max : last))
        }
        var header = FrameHeader(
            kind: self.script.flag() ? .cancel : .acknowledge,
            flags: self.script.flag() ? .resent : [], peer: self.anyone(),
            call: CallNumber(rawValue: self.script.number()))
        header.behind = UInt32(truncatingIfNeeded: self.script.number())
        self.receive(header, extensions: extensions)
    }

    private mutating func receiveUnref() {
        let object = self.script.pick(self.books.exported.keys.sorted()) ?? self.anyObject()
        let count =
            self.script.below(8) == 1 ? self.script.number() : self.books.exported[object] ?? 0
        self.receive(
            FrameHeader(kind: .unref, object: object, call: CallNumber(rawValue: count)))
    }

    private mutating func receiveNews() {
        var header = FrameHeader(
            kind: self.script.flag() ? .peerEnded : .peerRelinked, peer: self.anyone(),
            call: CallNumber(rawValue: 2))
        header.peerEpoch = Epoch(rawValue: UInt32(truncatingIfNeeded: self.script.number()))
        self.receive(header)
    }

    /// A message of any kind, or bytes as they are, in its place or out of it.
    private mutating func receiveAnything() {
        if self.script.flag() {
            var frame = self.script.run()
            if self.script.flag(), frame.count >= FrameHeader.size { self.stamp(&frame) }
            self.receive(frame)
            return
        }
        let kinds = MessageKind.registry.map(\.kind) + [MessageKind(rawValue: 200)]
        let header = FrameHeader(
            kind: self.script.pick(kinds) ?? .call,
            flags: MessageFlags(rawValue: UInt16(self.script.byte()) << 8), peer: self.anyone(),
            object: self.anyObject(), call: CallNumber(rawValue: self.script.number()))
        self.receive(header, payload: self.script.run(), entries: self.anyEntries())
    }

    private mutating func receive(
        _ header: FrameHeader, payload: [UInt8] = [], extensions: Extensions = Extensions(),
        entries: [ReferenceEntry] = []
    ) {
        var frame = Message(
            header, payload: payload, extensions: extensions, references: entries
        ).frame
        self.stamp(&frame)
        self.receive(frame)
    }

    private func stamp(_ frame: inout [UInt8]) {
        var span = frame.mutableSpan
        var bytes = span.mutableBytes
        Transmission(epoch: self.epoch, sequence: self.sequence &+ 1).patch(&bytes)
    }

    // MARK: What the application does

    private mutating func issueCall() {
        let choice = self.script.byte()
        func chosen(_ bit: UInt8) -> Bool { choice >> bit & 1 == 1 }
        let held = self.script.pick(self.books.received.keys.sorted())
        let target = held ?? Reference(owner: self.anyone(), object: self.anyObject())
        var builder = MessageBuilder()
        if chosen(0) {
            let count = self.script.below(8) * 100
            builder.frame.append(contentsOf: repeatElement(0, count: count))
        }
        var request = CallRequest(target: target, builder: builder)
        if chosen(1) { request.references = self.ownReferences() }
        if chosen(2) { request.entries = [self.anyEntry()] }
        if chosen(3) { request.flags = .oneWay }
        if chosen(4) {
            request.deadline = self.now.advanced(by: Span(nanoseconds: self.script.number()))
        }
        if chosen(5) { request.extensions.method = "m()" }
        self.books.waiters += 1
        let waiter = self.books.waiters
        if !chosen(3) { request.waiter = .receiver(Waiter(waiter)) }
        var effects: [NodeEffect] = []
        // One that is refused may have sent others on their way.
        if let number = try? self.core.callIssued(&request, at: self.now, into: &effects) {
            self.books.waiting[waiter] = (target.owner, number)
        }
        self.perform(effects)
    }

    private mutating func cancelCall() {
        let asked = self.script.pick(self.books.waiting.sorted { $0.key < $1.key })
        let number = asked?.value.number ?? CallNumber(rawValue: self.script.number())
        self.with { core, effects, now in
            core.callCancelled(number, at: now, into: &effects)
        }
    }

    private mutating func reply() {
        guard !self.books.running.isEmpty else { return }
        let index = self.script.below(min(self.books.running.count, 256))
        let identity = self.books.running.remove(at: index)
        var request = ReplyRequest(builder: MessageBuilder())
        request.isFailure = self.script.flag()
        request.references = self.ownReferences()
        self.with { core, effects, _ in core.replied(to: identity, request, into: &effects) }
    }

    private mutating func giveBack() {
        guard !self.books.pinned.isEmpty else { return }
        let index = self.script.below(min(self.books.pinned.count, 256))
        let references = self.books.pinned.remove(at: index)
        self.with { core, effects, _ in core.unpin(references, into: &effects) }
    }

    private mutating func makeToken() {
        guard let message = self.script.pick(self.books.pinned),
            let reference = self.script.pick(message), reference.owner != self.core.incarnation,
            let token = self.core.makeToken(reference)
        else { return }
        self.books.tokens.append((reference, token))
    }

    private mutating func dropToken() {
        guard !self.books.tokens.isEmpty else { return }
        let index = self.script.below(min(self.books.tokens.count, 256))
        let (reference, token) = self.books.tokens.remove(at: index)
        self.with { core, effects, _ in core.tokenDied(reference, token, into: &effects) }
    }

    /// The broker has answered that an object is published, or withdrawn.
    private mutating func publish() {
        let name = ["a", "b", "c"][self.script.below(3)]
        let object = self.script.pick(self.books.exported.keys.sorted())
        guard self.script.flag(), let object, self.books.exported[object] ?? 0 > 0 else {
            self.core.withdrawn(name)
            return
        }
        self.core.published(name, object, interface: "I")
    }

    private mutating func revoke() {
        let object = self.anyObject()
        self.with { core, effects, now in core.revoked(object, at: now, into: &effects) }
    }

    private mutating func loseLink() {
        let epoch = self.script.below(4) == 1 ? Epoch(rawValue: 1) : self.epoch
        self.with { core, effects, now in
            core.linkFailed(epoch, "cut", at: now, into: &effects)
        }
    }

    private mutating func letTimePass() {
        let spans: [Span] = [
            .milliseconds(1), .milliseconds(200), .milliseconds(500), .seconds(1), .seconds(3),
            .seconds(12),
        ]
        self.pass(self.script.pick(spans) ?? .zero)
    }

    // MARK: Choices

    private mutating func anyone() -> IncarnationID {
        let all = [
            IncarnationID(rawValue: 0xB1), IncarnationID(rawValue: 0xB2), .broker,
            self.core.incarnation ?? IncarnationID(rawValue: 0xA1),
        ]
        return self.script.pick(all) ?? .broker
    }

    private mutating func anyObject() -> ObjectNumber {
        ObjectNumber(rawValue: UInt64(self.script.below(4)))
    }

    private mutating func anyEntry() -> ReferenceEntry {
        let generation = UInt32(self.script.below(3))
        return ReferenceEntry(
            reference: Reference(owner: self.anyone(), object: self.anyObject()),
            generation: Generation(rawValue: generation),
            seal: Seal(high: UInt64(generation), low: 1))
    }

    private mutating func anyEntries() -> [ReferenceEntry] {
        (0..<self.script.below(4)).map { _ in self.anyEntry() }
    }

    /// Objects of the node, and what it holds.
    private mutating func ownReferences() -> [Reference] {
        let held = self.books.received.keys.sorted()
        return (0..<self.script.below(3)).compactMap { _ in
            if self.script.flag(), let reference = self.script.pick(held) { return reference }
            return self.core.incarnation.map { Reference(owner: $0, object: self.anyObject()) }
        }
    }
}
