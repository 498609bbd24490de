// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock; all randomness comes from the seed.

import BusBrokerCore
import BusKernel
import BusValue
import BusWire

/// The broker's shell, and what goes wrong.
extension SimulatedNetwork {
    /// The message that the broker is about to forward.
    struct InHand {
        var frame: [UInt8]
        let buffers: [Bytes]
        let connection: ConnectionID
    }

    mutating func startBroker() {
        guard self.broker == nil else { return }
        let seed = self.random.next()
        self.broker = BrokerStateMachine(
            limits: self.plan.limits, authority: self.authority, seed: seed,
            returning: self.remembered, fence: self.fence, at: self.now)
        self.brokerRuns += 1
        let run = self.brokerRuns
        self.trace("b: starts, run \(run)")
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
                self.trace("b: \(notice)")
            }
            if !more.isEmpty { self.run(more, inHand: nil) }
        }
    }

    private mutating func sendDown(
        _ frame: [UInt8], _ buffers: [Bytes], to connection: ConnectionID
    ) -> SendFailure? {
        let (id, isReceiving) = SimulatedLink.place(of: connection)
        guard self.links.indices.contains(id), !self.links[id].isGoneAtBroker else {
            return .unreachable
        }
        guard isReceiving, !self.links[id].isBroken, !self.links[id].isClosedByNode,
            let packet = Packet(frame: frame, buffers: buffers)
        else { return nil }
        self.links[id].down.append(packet)
        self.links[id].downDue = max(self.links[id].downDue, self.arrival())
        self.events.add(.downArrived(link: id), due: self.links[id].downDue)
        if packet.header.kind == .welcome { self.hasReturned(self.links[id].node) }
        return nil
    }

    mutating func brokerNotices(_ id: Int) {
        guard !self.links[id].isGoneAtBroker else { return }
        self.links[id].isGoneAtBroker = true
        var effects: [BrokerEffect] = []
        for connection in [self.links[id].rx, self.links[id].tx] {
            self.broker?.connectionClosed(connection, at: self.now, into: &effects)
        }
        self.run(effects, inHand: nil)
    }

    /// A node that the restarted broker may have waited for is back, or is gone for good.
    mutating func hasReturned(_ node: Int) {
        guard self.returning.remove(node) != nil, self.returning.isEmpty else { return }
        let waiting = self.postponed
        self.postponed = []
        for id in waiting { self.events.add(.upArrived(link: id), due: self.arrival()) }
    }

    // MARK: Links

    mutating func closeLink(of node: Int) {
        guard let id = self.present.removeValue(forKey: node) else { return }
        self.links[id].isClosedByNode = true
        self.links[id].down.removeAll()
        guard !self.links[id].isBroken else { return }
        self.links[id].isBroken = true
        self.tellBroker(ofEndOf: id)
    }

    /// Breaks a link: of what is under way in either direction a prefix arrives, or nothing.
    private mutating func breakLink(_ id: Int) {
        self.links[id].isBroken = true
        let up = self.links[id].up.count
        let down = self.links[id].down.count
        let (keptUp, keptDown) = (
            self.random.below(UInt64(up + 1)), self.random.below(UInt64(down + 1))
        )
        self.links[id].up.removeLast(up - Int(keptUp))
        self.links[id].down.removeLast(down - Int(keptDown))
    }

    /// Sometimes the broker hears of the end before the last messages come.
    private mutating func tellBroker(ofEndOf id: Int) {
        guard !self.links[id].isGoneAtBroker else { return }
        let isEarly = !self.links[id].isClosedByNode && self.random.below(8) == 0
        let last = isEarly ? self.now : max(self.now, self.links[id].upDue)
        let delay = Span(nanoseconds: self.random.below(500_000) + 1)
        self.events.add(.brokerNotices(link: id), due: last.advanced(by: delay))
    }

    // MARK: Faults

    mutating func scheduleFault() {
        let carried = UInt64(self.statistics.messages)
        self.nextFault = carried + 1 + self.random.below(self.plan.spacing + carried / 4)
    }

    /// Lets something go wrong if it is time.
    mutating func maybeFault() {
        guard UInt64(self.statistics.messages) >= self.nextFault, !self.plan.faults.isEmpty else {
            return
        }
        self.scheduleFault()
        // Order-free: sorted before the choice.
        let whole = self.present.values.filter { self.links[$0].isWhole }.sorted()
        let fault = self.plan.faults[Int(self.random.below(UInt64(self.plan.faults.count)))]
        guard !whole.isEmpty else { return }
        self.cause(fault, on: whole[Int(self.random.below(UInt64(whole.count)))])
    }

    private mutating func cause(_ fault: Fault, on id: Int) {
        switch fault {
        case .linkLoss:
            self.trace("fault: link \(id) breaks")
            self.statistics.linksBroken += 1
            self.breakLink(id)
            self.tellBroker(ofEndOf: id)
            let event = Event.nodeNotices(link: id, reason: "the connection was closed")
            self.events.add(event, due: self.later(.milliseconds(3)))
        case .gap:
            self.loseMessage(on: id)
        case .stall:
            self.trace("fault: link \(id) stands still")
            let end = self.later(.milliseconds(20))
            self.links[id].upDue = max(self.links[id].upDue, end)
            self.links[id].downDue = max(self.links[id].downDue, end)
        case .brokerRestart:
            self.killBroker()
        }
    }

    /// Takes one message out of the middle: whoever gets the next one ends the link.
    private mutating func loseMessage(on id: Int) {
        let (up, down) = (self.links[id].up.count, self.links[id].down.count)
        if up > 1 {
            self.links[id].up.remove(at: Int(self.random.below(UInt64(up - 1))))
        } else if down > 1 {
            self.links[id].down.remove(at: Int(self.random.below(UInt64(down - 1))))
        } else {
            return
        }
        self.trace("fault: link \(id) loses a message")
        self.statistics.linksBroken += 1
        self.links[id].isTampered = true
    }

    private mutating func killBroker() {
        // One at a time: the nodes are to come back in between.
        guard self.broker != nil, self.returning.isEmpty else { return }
        self.trace("fault: the broker dies")
        self.statistics.brokerRestarts += 1
        self.broker = nil
        self.returning = self.members
        for id in self.links.indices where !self.links[id].isGoneAtBroker {
            self.links[id].isGoneAtBroker = true
            self.links[id].up = []
            guard !self.links[id].isBroken else { continue }
            self.breakLink(id)
            let event = Event.nodeNotices(link: id, reason: "the broker went away")
            self.events.add(event, due: self.later(.milliseconds(2)))
        }
        self.events.add(.brokerStarts, due: self.later(.milliseconds(20)))
    }
}
