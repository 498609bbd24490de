// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore
import BusKernel
import BusSimulation
import BusValue
import BusWire

/// What a script can let happen; each operation reads its choices from the script.
extension BrokerDoor {
    mutating func step() {
        self.operate()
        self.checkTables()
    }

    private mutating func operate() {
        let operation = self.script.below(32)
        self.digest.add(UInt64(operation))
        switch operation {
        case 0: self.connect(self.script.below(self.peers.count))
        case 1...5: self.sendCall()
        case 6, 7: self.serve()
        case 8, 9: self.sendAnswer()
        case 10, 11: self.sendRelease()
        case 12: self.sendNotice()
        case 13: self.sendRevoke()
        case 14: self.sendAnything()
        case 15: self.sendBytes()
        case 16: self.sendOutOfOrder()
        case 17: self.close()
        case 18: self.letTimePass()
        case 19:
            let how = self.script.flag() ? SendFailure.unreachable : .pipeFull
            self.failure = (self.script.below(4), how)
        case 20: self.restart()
        case 21: self.send(FrameHeader(kind: .goodbye), from: self.script.below(self.peers.count))
        case 22:
            for peer in self.peers.indices { self.send(FrameHeader(kind: .heartbeat), from: peer) }
        case 23:
            for peer in self.peers.indices where self.peers[peer].rx == nil { self.connect(peer) }
        case 24: self.publishEverywhere()
        case 25: self.findEverything()
        case 26: self.reportWaits()
        // Others than these may come, and old scripts shall mean what they meant.
        default: self.sendCall()
        }
    }

    // MARK: Links

    /// Opens two connections and says HELLO and ATTACH on them, well or badly.
    private mutating func connect(_ peer: Int) {
        let choice = self.script.byte()
        func chosen(_ bit: UInt8) -> Bool { choice >> bit & 1 == 1 }
        let (tx, rx) = (self.connection(), self.connection())
        (self.peers[peer].tx, self.peers[peer].rx) = (tx, rx)
        if !chosen(0) { self.peers[peer].epoch += 1 }
        let epoch = Epoch(rawValue: self.peers[peer].epoch)
        var hello = HelloBody(node: "node \(peer)", program: "fuzz", processID: Int64(peer))
        if !chosen(1), let incarnation = self.peers[peer].incarnation {
            self.claim(incarnation, &hello)
        }
        if chosen(2) { self.lie(&hello) }
        if choice == 0xAA { hello.versions = [2] }
        let token = UInt64(self.connections)
        var header = FrameHeader(
            kind: .attach, object: ObjectNumber(rawValue: token),
            call: CallNumber(rawValue: chosen(3) ? 0 : token))
        header.epoch = epoch
        header.sequence = chosen(4) ? self.script.number() : 1
        self.openings[rx] = Opening(
            peer: peer, tx: tx, epoch: epoch, sequence: header.sequence, hello: hello,
            isLie: chosen(2))
        var second = header
        second.kind = .hello
        let attach = Message(header).frame
        let greeting = Message(second, payload: hello.encoded()).frame
        if chosen(5) {
            self.receive(greeting, on: tx)
            if !chosen(6) { self.receive(attach, on: rx) }
        } else {
            self.receive(attach, on: chosen(7) ? tx : rx)
            if !chosen(6) { self.receive(greeting, on: tx) }
        }
    }

    private mutating func connection() -> ConnectionID {
        self.connections += 1
        return ConnectionID(rawValue: self.connections)
    }

    /// All that an honest node says of itself.
    private func claim(_ incarnation: IncarnationID, _ hello: inout HelloBody) {
        hello.incarnation = incarnation
        hello.secret = self.authority.secret(of: incarnation)
        for (reference, right) in (self.books.held[incarnation] ?? [:])
            .sorted(by: { $0.key < $1.key })
        {
            hello.holdings.append(
                HelloBody.Holding(
                    entry: ReferenceEntry(
                        reference: reference, generation: right.generation, seal: right.seal),
                    count: right.count))
        }
        for (object, count) in (self.books.exported[incarnation] ?? [:])
            .sorted(by: { $0.key < $1.key }) where count > 0
        {
            let reference = Reference(owner: incarnation, object: object)
            hello.exports.append(
                HelloBody.Export(
                    object: object, generation: self.books.revoked[reference] ?? .first,
                    count: count))
        }
        var names: [String: Reference] = [:]
        for queues in [self.books.remembered, self.books.published] {
            for (name, queue) in queues {
                if let own = queue.first(where: { $0.owner == incarnation }) { names[name] = own }
            }
        }
        hello.names = names.sorted { $0.key < $1.key }.map {
            HelloBody.Name(
                name: $0.key, object: $0.value.object, interface: "I",
                replicas: $0.key == BrokerBooks.group ? .roundRobin : nil)
        }
    }

    private mutating func lie(_ hello: inout HelloBody) {
        if self.script.flag() {
            hello.incarnation = self.anyone()
            hello.secret =
                self.script.flag()
                ? Seal(high: 1, low: 2) : self.authority.secret(of: self.anyone())
        }
        for _ in 0..<self.script.below(4) {
            let row = self.script.below(3)
            switch row {
            case 0:
                hello.holdings.append(
                    HelloBody.Holding(entry: self.anyEntry(), count: self.script.number()))
            case 1:
                hello.exports.append(
                    HelloBody.Export(
                        object: self.anyObject(), generation: self.anyGeneration(),
                        count: self.script.number()))
            default:
                hello.names.append(
                    HelloBody.Name(
                        name: self.anyName(), object: self.anyObject(), interface: "I"))
            }
        }
    }

    private mutating func close() {
        let peer = self.script.below(self.peers.count)
        let connection = self.script.flag() ? self.peers[peer].tx : self.peers[peer].rx
        (self.peers[peer].tx, self.peers[peer].rx) = (nil, nil)
        if let connection { self.closed(connection) }
    }

    private mutating func letTimePass() {
        let spans: [Span] = [
            .milliseconds(1), .milliseconds(500), .seconds(1), .milliseconds(1_900), .seconds(3),
            .seconds(6), .seconds(12),
        ]
        self.pass(self.script.pick(spans) ?? .zero)
    }

    // MARK: Messages

    private mutating func sendCall() {
        let peer = self.script.below(self.peers.count)
        // Mostly something that was handed out: most other calls are refused alike.
        let target: Reference =
            self.script.flag()
            ? self.script.pick(self.loot)?.reference ?? self.anyReference() : self.anyReference()
        var header = FrameHeader(
            kind: .call, flags: self.flags(), peer: target.owner, object: target.object,
            call: CallNumber(rawValue: self.script.number()))
        self.addDetails(&header)
        var extensions = Extensions()
        if self.script.below(4) == 1 { extensions.name = self.anyName() }
        self.send(header, from: peer, extensions: extensions, entries: self.entries(peer))
    }

    private mutating func sendAnswer() {
        let peer = self.script.below(self.peers.count)
        var header = FrameHeader(
            kind: self.script.below(3) == 1 ? .failure : .reply, flags: self.flags(),
            peer: self.anyone(), object: self.anyObject(),
            call: CallNumber(rawValue: self.script.number()))
        self.addDetails(&header)
        self.send(header, from: peer, entries: self.entries(peer))
    }

    /// A call to the broker's own object.
    private mutating func serve() {
        let peer = self.script.below(self.peers.count)
        let method = self.script.below(9)
        let names = [
            "publish(_:as:interface:)", "find(_:)", "withdraw(_:)", "claim(_:)", "names(prefix:)",
            "nodes()", "traffic()", "ping()", "watchCalls(_:filter:)",
        ]
        var extensions = Extensions()
        extensions.method = names[method]
        var entries: [ReferenceEntry] = []
        var arguments: [Value] = []
        switch method {
        case 0:
            entries = [self.script.below(4) == 1 ? self.anyEntry() : self.ownEntry(peer)]
            arguments = [.reference(ReferenceSlot(0)), .string(self.anyName()), .string("I")]
        case 1, 2: arguments = [.string(self.anyName())]
        case 3:
            entries = [self.anyEntry()]
            arguments = [.reference(ReferenceSlot(0))]
        case 8: arguments = [.integer(Int64(peer)), .null]
        default: arguments = [.string(String(self.anyName().prefix(1)))]
        }
        switch self.script.below(8) {
        case 1: arguments = [.null]
        case 2: entries = []
        default: break
        }
        let header = FrameHeader(
            kind: .call, flags: self.flags(), call: CallNumber(rawValue: self.script.number()))
        let payload = (try? Value.array(arguments).encoded()) ?? []
        self.send(header, from: peer, payload: payload, extensions: extensions, entries: entries)
    }

    /// Each node publishes an object of its own, and as one of the replicas of a name.
    private mutating func publishEverywhere() {
        let object = ObjectNumber(rawValue: UInt64(self.script.below(5)) + 1)
        for peer in self.peers.indices {
            let own = Reference(owner: self.peers[peer].incarnation ?? .broker, object: object)
            self.ask(
                peer, "publish(_:as:interface:)",
                [.reference(ReferenceSlot(0)), .string("\(object)-of-\(peer)"), .string("I")],
                [ReferenceEntry(reference: own)])
            self.ask(
                peer, "publish(_:as:interface:replicas:)",
                [
                    .reference(ReferenceSlot(0)), .string(BrokerBooks.group), .string("I"),
                    .string(ReplicaPolicy.roundRobin.rawValue),
                ],
                [ReferenceEntry(reference: own)])
        }
    }

    /// One node finds all that is published.
    private mutating func findEverything() {
        let peer = self.script.below(self.peers.count)
        for name in self.broker.names.names(withPrefix: "") {
            self.ask(peer, "find(_:)", [.string(name)])
        }
    }

    mutating func ask(
        _ peer: Int, _ method: String, _ arguments: [Value], _ entries: [ReferenceEntry] = []
    ) {
        var extensions = Extensions()
        extensions.method = method
        let payload = (try? Value.array(arguments).encoded()) ?? []
        let header = FrameHeader(kind: .call, call: CallNumber(rawValue: 1))
        self.send(header, from: peer, payload: payload, extensions: extensions, entries: entries)
    }

    private mutating func sendRelease() {
        let peer = self.script.below(self.peers.count)
        let held = self.peers[peer].incarnation.flatMap { self.books.held[$0] } ?? [:]
        let reference = self.script.pick(held.keys.sorted()) ?? self.anyReference()
        // Nodes give back all they have; less is allowed, more ends the link.
        let count = self.script.flag() ? held[reference]?.count ?? 1 : self.script.number()
        self.send(
            FrameHeader(
                kind: .release, peer: reference.owner, object: reference.object,
                call: CallNumber(rawValue: count)),
            from: peer)
    }

    private mutating func sendNotice() {
        let peer = self.script.below(self.peers.count)
        let header = FrameHeader(
            kind: self.script.flag() ? .cancel : .acknowledge, flags: self.flags(),
            peer: self.anyone(), call: CallNumber(rawValue: self.script.number()))
        self.send(header, from: peer)
    }

    private mutating func sendRevoke() {
        let peer = self.script.below(self.peers.count)
        let header = FrameHeader(
            kind: .revoke, object: self.anyObject(),
            call: CallNumber(rawValue: self.script.number()))
        self.send(header, from: peer)
    }

    /// A message of any kind, also of those that only the broker sends, or that nobody knows.
    private mutating func sendAnything() {
        let peer = self.script.below(self.peers.count)
        let kinds = MessageKind.registry.map(\.kind) + [MessageKind(rawValue: 200)]
        var header = FrameHeader(
            kind: self.script.pick(kinds) ?? .call, flags: self.flags(), peer: self.anyone(),
            object: self.anyObject(), call: CallNumber(rawValue: self.script.number()))
        self.addDetails(&header)
        self.send(header, from: peer, payload: self.script.run(), entries: self.entries(peer))
    }

    /// Bytes as they are, on a connection that has a link or none.
    private mutating func sendBytes() {
        let peer = self.script.below(self.peers.count)
        let isCounted = self.script.flag()
        var frame = self.script.run()
        let buffers = [Bytes](repeating: Bytes([1]), count: self.script.below(3))
        let connection = self.peers[peer].tx ?? ConnectionID(rawValue: 1 << 20)
        if isCounted, frame.count >= FrameHeader.size { self.stamp(&frame, of: peer) }
        self.receive(frame, buffers, on: connection)
    }

    private mutating func sendOutOfOrder() {
        let peer = self.script.below(self.peers.count)
        guard let tx = self.peers[peer].tx else { return }
        var header = FrameHeader(kind: .heartbeat)
        header.epoch = Epoch(rawValue: UInt32(truncatingIfNeeded: self.script.number()))
        header.sequence = self.script.number()
        self.receive(Message(header).frame, on: tx)
    }

    private mutating func send(
        _ header: FrameHeader, from peer: Int, payload: [UInt8] = [],
        extensions: Extensions = Extensions(), entries: [ReferenceEntry] = []
    ) {
        guard let tx = self.peers[peer].tx else { return }
        var frame = Message(
            header, payload: payload, extensions: extensions, references: entries
        ).frame
        self.stamp(&frame, of: peer)
        self.receive(frame, on: tx)
    }

    /// Makes `frame` the next message of the peer's link.
    private func stamp(_ frame: inout [UInt8], of peer: Int) {
        guard let rx = self.peers[peer].rx, let link = self.links[rx] else { return }
        var span = frame.mutableSpan
        var bytes = span.mutableBytes
        Transmission(epoch: link.epoch, sequence: link.sent &+ 1).patch(&bytes)
    }

    // MARK: Choices

    private mutating func flags() -> MessageFlags {
        let all: [MessageFlags] = [
            [], .oneWay, .resent, .byBroker, .idempotent, [.resent, .oneWay],
        ]
        return self.script.pick(all) ?? []
    }

    private mutating func addDetails(_ header: inout FrameHeader) {
        let choice = self.script.below(8)
        if choice & 1 == 1 { header.behind = UInt32(truncatingIfNeeded: self.script.number()) }
        if choice & 2 == 2 { header.remaining = self.script.number() }
        if choice & 4 == 4 {
            header.peerEpoch = Epoch(rawValue: UInt32(truncatingIfNeeded: self.script.number()))
        }
    }

    mutating func anyone() -> IncarnationID {
        let choice = self.script.below(16)
        if choice == 15 { return .broker }
        if choice < self.peers.count, let incarnation = self.peers[choice].incarnation {
            return incarnation
        }
        return self.incarnations.isEmpty
            ? IncarnationID(rawValue: 1)
            : self.incarnations[choice % self.incarnations.count]
    }

    mutating func anyObject() -> ObjectNumber {
        ObjectNumber(rawValue: UInt64(self.script.below(6)))
    }

    private mutating func anyReference() -> Reference {
        Reference(owner: self.anyone(), object: self.anyObject())
    }

    private mutating func anyGeneration() -> Generation {
        Generation(rawValue: UInt32(self.script.below(4)))
    }

    mutating func anyName() -> String {
        let names = [
            "a", "b", "longer-name", "", " ", "b\u{301}", String(repeating: "n", count: 300),
        ]
        return self.script.pick(names) ?? ""
    }

    private mutating func anyEntry() -> ReferenceEntry {
        if self.script.flag(), let entry = self.script.pick(self.loot) { return entry }
        return ReferenceEntry(
            reference: self.anyReference(), generation: self.anyGeneration(),
            seal: self.script.flag() ? Seal(high: 3, low: 4) : .none)
    }

    private mutating func ownEntry(_ peer: Int) -> ReferenceEntry {
        ReferenceEntry(
            reference: Reference(
                owner: self.peers[peer].incarnation ?? .broker,
                object: ObjectNumber(rawValue: UInt64(self.script.below(5)) + 1)))
    }

    /// What a message carries: mostly objects of the sender and what it holds.
    private mutating func entries(_ peer: Int) -> [ReferenceEntry] {
        let held = self.peers[peer].incarnation.flatMap { self.books.held[$0] } ?? [:]
        return (0..<self.script.below(4)).map { _ in
            switch self.script.below(4) {
            case 0: return self.anyEntry()
            case 1:
                guard let reference = self.script.pick(held.keys.sorted()) else { fallthrough }
                return ReferenceEntry(
                    reference: reference, generation: held[reference]?.generation ?? .first,
                    seal: held[reference]?.seal ?? .none)
            default: return self.ownEntry(peer)
            }
        }
    }
}
