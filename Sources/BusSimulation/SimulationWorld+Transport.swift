// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock; all randomness comes from the seed.

import BusBrokerCore
import BusKernel
import BusNodeCore
import BusValue
import BusWire

/// What the shells do: run effects, number and patch messages, carry them in order.
extension SimulationWorld {
    /// The message that the broker's shell is about to forward.
    struct InHand {
        var frame: [UInt8]
        let buffers: [Bytes]
        let connection: ConnectionID
    }

    // MARK: At the broker

    mutating func attachArrived(_ id: Int) {
        let link = self.links[id]
        guard !link.isGoneAtBroker, self.broker != nil else { return }
        var header = FrameHeader(
            kind: .attach, object: link.token.object, call: link.token.call)
        header.epoch = link.epoch
        header.sequence = 1
        self.brokerReceives(Message(header).frame, [], on: link.rx)
    }

    mutating func upArrived(_ id: Int) {
        self.expect(self.links[id].up.first)
        guard let packet = self.links[id].takeFirst(\.up) else { return }
        guard !self.links[id].isGoneAtBroker, self.broker != nil else { return }
        self.record(packet, "n\(self.links[id].node)>b", self.links[id].epoch)
        self.brokerReceives(packet.frame, packet.buffers, on: self.links[id].tx)
        self.hasArrived(packet)
    }

    mutating func brokerReceives(
        _ frame: [UInt8], _ buffers: [Bytes], on connection: ConnectionID
    ) {
        var inHand = InHand(frame: frame, buffers: buffers, connection: connection)
        var effects: [BrokerEffect] = []
        var span = inHand.frame.mutableSpan
        var bytes = span.mutableBytes
        self.broker?.received(
            &bytes, bufferCount: buffers.count, bufferBytes: Message.byteCount(of: buffers),
            from: connection, at: self.now, into: &effects)
        self.run(effects, inHand: inHand)
    }

    /// Runs the broker's effects in order; what a failure to send causes comes in between.
    mutating func run(_ effects: [BrokerEffect], inHand: InHand?) {
        for effect in effects {
            var more: [BrokerEffect] = []
            switch effect {
            case .forward(let rx):
                guard let inHand else { continue }
                if let failure = self.sendDown(inHand.frame, inHand.buffers, to: rx) {
                    self.broker?.forwardFailed(
                        failure, inHand.frame.span.bytes,
                        bufferBytes: Message.byteCount(of: inHand.buffers), from: inHand.connection,
                        to: rx, at: self.now, into: &more)
                }
            case .send(let message, let transmission, let connection):
                var frame = message.frame
                var span = frame.mutableSpan
                var bytes = span.mutableBytes
                transmission.patch(&bytes)
                if let failure = self.sendDown(frame, message.buffers, to: connection) {
                    self.broker?.sendFailed(failure, to: connection, at: self.now, into: &more)
                }
            case .watch:
                break
            case .remember(let incarnation):
                self.remembered.insert(incarnation)
            case .forget(let incarnation):
                self.remembered.remove(incarnation)
            case .reserveFences(let fence):
                self.fence = fence
            case .log(let notice):
                self.noted(notice)
            }
            if !more.isEmpty { self.run(more, inHand: nil) }
        }
    }

    private mutating func noted(_ notice: BrokerNotice) {
        self.trace("b: \(notice)")
        switch notice {
        case .nodeAttached(let incarnation, _, _):
            self.attached.insert(incarnation)
            if let link = self.broker?.nodes.slot(of: incarnation)
                .flatMap({ self.broker?.nodes[$0]?.link })
            {
                self.checkIdentity(of: incarnation, on: SimulatedLink.place(of: link.tx).link)
            }
            if self.buried.contains(incarnation) {
                self.fail("\(incarnation) is attached although it has ended")
            }
        case .incarnationEnded(let incarnation, _):
            self.ended.insert(incarnation)
            self.buried.insert(incarnation)
        case .recovered:
            // Who has not come back by now never will.
            for incarnation in self.attached.sorted()
            where !(self.broker?.mayExist(incarnation) ?? false) {
                self.ended.insert(incarnation)
                self.buried.insert(incarnation)
            }
        default:
            break
        }
    }

    private mutating func sendDown(
        _ frame: [UInt8], _ buffers: [Bytes], to connection: ConnectionID
    ) -> SendFailure? {
        let (id, isReceiving) = SimulatedLink.place(of: connection)
        guard self.links.indices.contains(id), !self.links[id].isGoneAtBroker else {
            return .unreachable
        }
        // Nobody reads on the sending socket of a node.
        guard isReceiving else { return nil }
        if self.links[id].isHostile {
            self.hostileReceived(frame)
            return nil
        }
        if self.phase == .busy, self.chance(self.plan.faults.fullPipe, of: 10_000) {
            self.trace("b: the pipe to link \(id) is full")
            return .pipeFull
        }
        guard !self.links[id].isBroken, !self.links[id].isClosedByNode else { return nil }
        guard let packet = Packet(frame: frame, buffers: buffers) else {
            self.fail("the broker sent a frame that can't be read")
            return nil
        }
        self.checkAim(of: packet, on: id)
        for packet in self.sabotaged(packet) {
            self.links[id].down.append(packet)
            self.links[id].downDue = max(self.links[id].downDue, self.arrival())
            self.events.add(.downArrived(link: id), due: self.links[id].downDue)
        }
        return nil
    }

    /// When a message sent now would arrive at the earliest.
    mutating func arrival() -> Tick {
        self.later(self.chance(1, of: 50) ? .milliseconds(2) : Span(nanoseconds: 200_000))
    }

    // MARK: At a node

    mutating func downArrived(_ id: Int) {
        self.expect(self.links[id].down.first)
        guard let packet = self.links[id].takeFirst(\.down) else { return }
        let (node, epoch) = (self.links[id].node, self.links[id].epoch)
        guard !self.links[id].isClosedByNode, self.nodes[node].link == id else { return }
        self.record(packet, "b>n\(node)", epoch)
        guard let message = try? Message(frame: packet.frame, buffers: packet.buffers) else {
            self.withCore(node) { core, effects, now in
                core.linkFailed(epoch, "the broker sent garbage", at: now, into: &effects)
            }
            return
        }
        if packet.header.kind == .stopping { self.checkLast(on: id) }
        self.withCore(node) { core, effects, now in
            core.received(message, on: epoch, at: now, into: &effects)
        }
        self.hasArrived(packet)
    }

    /// A script's faults come before and after its messages, of which heartbeats are none.
    private mutating func expect(_ packet: Packet?) {
        if let packet, packet.header.kind != .heartbeat { self.goWrong(isLate: true) }
    }

    private mutating func hasArrived(_ packet: Packet) {
        guard self.script.hasBegun, packet.header.kind != .heartbeat else { return }
        self.script.delivered += 1
        self.goWrong(isLate: false)
    }

    /// What goes to the outbox or changes what lives is done first, in the core's order: what the
    /// application does next may add to both.
    mutating func run(_ effects: [NodeEffect], at index: Int) {
        for effect in effects {
            switch effect {
            case .openLink(let epoch, let attach, let hello):
                self.openLink(index, epoch, attach, hello)
            case .closeLink(let epoch):
                self.closeLink(index, epoch)
            case .transmit(let outgoing):
                self.transmit(outgoing, from: index)
            case .retain(let object):
                self.retained(object, at: index)
            case .release(let object):
                self.released(object, at: index)
            case .report(let notice):
                self.trace("n\(index): \(notice)")
                self.noted(notice, by: index)
            case .deliver, .cancelHandler, .resume, .died, .unheld, .done:
                break
            }
        }
        for effect in effects {
            switch effect {
            case .deliver(let call):
                self.delivered(call, at: index)
            case .cancelHandler(let identity):
                self.handlerCancelled(identity, at: index)
            case .resume(let waiter, let outcome):
                if case .receiver(let waiter as SimulatedWaiter) = waiter {
                    self.callEnded(waiter.call, outcome, at: index)
                }
            default:
                break
            }
        }
    }

    private mutating func noted(_ notice: NodeNotice, by index: Int) {
        switch notice {
        case .incarnationEnded:
            // What was held is worth nothing in the next incarnation.
            self.nodes[index].tokens = []
            self.statistics.incarnationsLost += 1
        case .brokerStops:
            self.statistics.farewells += 1
        default:
            break
        }
    }

    private mutating func openLink(
        _ index: Int, _ epoch: Epoch, _ attach: Message, _ hello: Outgoing
    ) {
        var link = SimulatedLink(
            id: self.links.count, node: index, run: self.nodes[index].run, epoch: epoch)
        link.token = (attach.header.object, attach.header.call)
        self.nodes[index].link = link.id
        link.isGoneAtBroker = self.broker == nil
        self.links.append(link)
        self.trace("n\(index): opens link \(link.id), epoch \(epoch.rawValue)")
        guard !link.isGoneAtBroker else {
            // The shell may be told that nobody listens, or has to wait.
            if self.chance(1, of: 2) {
                let due = self.later(.milliseconds(1))
                self.events.add(.nodeNotices(link: link.id), due: due)
            }
            return
        }
        let due = self.arrival()
        self.events.add(.attachArrived(link: link.id), due: due)
        self.transmit(hello, from: index)
    }

    private mutating func closeLink(_ index: Int, _ epoch: Epoch) {
        guard let id = self.nodes[index].link, self.links[id].epoch == epoch else { return }
        self.nodes[index].link = nil
        self.links[id].isClosedByNode = true
        self.links[id].down.removeAll()
        guard !self.links[id].isBroken else { return }
        guard self.nodes[index].drain?.step != .leaving else {
            return self.cutBehindAll(id)
        }
        self.cut(id, keepsUp: true)
    }

    /// Numbers, patches and queues a message, as whoever holds the sending lock does.
    private mutating func transmit(_ outgoing: Outgoing, from index: Int) {
        guard let id = self.nodes[index].link, self.links[id].epoch == outgoing.epoch else {
            return
        }
        for outgoing in self.sabotaged(outgoing, on: id) {
            self.links[id].sent += 1
            guard !self.links[id].isBroken, !self.links[id].isGoneAtBroker else { continue }
            var frame = outgoing.message.frame
            var span = frame.mutableSpan
            var bytes = span.mutableBytes
            outgoing.patch(&bytes, sequence: self.links[id].sent)
            guard let packet = Packet(frame: frame, buffers: outgoing.message.buffers) else {
                self.fail("node \(index) sent a frame that can't be read")
                return
            }
            self.links[id].up.append(packet)
            self.sabotageOrder(on: id)
            self.links[id].upDue = max(self.links[id].upDue, self.arrival())
            self.events.add(.upArrived(link: id), due: self.links[id].upDue)
        }
    }

    /// Puts one delivered message into digest and trace.
    private mutating func record(_ packet: Packet, _ direction: String, _ epoch: Epoch) {
        self.statistics.messages += 1
        self.digest.add(self.now.nanoseconds)
        self.digest.add(bytes: packet.frame)
        self.trace(
            "\(direction) e\(epoch.rawValue) s\(packet.header.sequence) "
                + "\(packet.header.kind.name) \(packet.header.peer)/\(packet.header.object)"
                + " #\(packet.header.call.rawValue)"
                + (packet.header.flags.contains(.resent) ? " resent" : "")
                + packet.references.map { " &\($0)" }.joined())
    }
}
