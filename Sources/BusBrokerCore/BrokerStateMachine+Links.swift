// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/handshake.md. Pure: no I/O, no clock, no randomness.

import BusKernel
package import BusWire

/// Handshakes, links and incarnations (rules R1-R8).
extension BrokerStateMachine {
    /// A readable message on a connection that belongs to no link: part of a handshake, or noise.
    mutating func receivedOutsideLink(
        _ header: FrameHeader, _ frame: RawSpan, _ connection: ConnectionID, _ now: Tick,
        _ effects: inout [BrokerEffect]
    ) {
        guard header.kind == .hello || header.kind == .attach else {
            if let rx = self.untold[connection] {
                self.tellEnd(tx: connection, rx: rx, "the link has ended", &effects)
                return
            }
            self.refuse(connection, .disconnected, .noLink, "this connection has no link", &effects)
            return
        }
        // Told once; whoever goes on all the same costs nothing more.
        guard !self.offenders.contains(connection) else { return self.count(.ignored) }
        let token = Token(high: header.object.rawValue, low: header.call.rawValue)
        guard
            self.handshakes[token] != nil || self.handshakes.count < self.limits.handshakes
        else {
            self.refuse(
                connection, .overloaded, .handshakeCrowd, "too many handshakes at once", &effects)
            return
        }
        effects.append(.watch(connection))
        var handshake = self.handshakes[token] ?? Handshake(since: now)
        if header.kind == .attach {
            handshake.rx = connection
        } else {
            handshake.tx = connection
            handshake.header = header
            do throws(BodyError) {
                handshake.hello = .success(try HelloBody(payloadOf: frame, header))
            } catch {
                handshake.hello = .failure(error)
            }
        }
        guard let tx = handshake.tx, let rx = handshake.rx, tx != rx,
            let hello = handshake.hello, let helloHeader = handshake.header
        else {
            self.handshakes[token] = handshake
            self.awaitHandshakes(at: now)
            return
        }
        self.handshakes[token] = nil
        switch hello {
        case .success(let hello):
            self.attach(hello, helloHeader, tx: tx, rx: rx, now, &effects)
        case .failure(let error):
            self.refuse(rx, .invalid, .handshakeUnreadable, "HELLO: \(error.message)", &effects)
        }
    }

    /// One timer for all handshakes, so that peers can't heap up timers.
    private mutating func awaitHandshakes(at now: Tick) {
        guard !self.isAwaitingHandshakes else { return }
        self.isAwaitingHandshakes = true
        self.timers.add(.handshakes, due: now.advanced(by: self.limits.handshake))
    }

    /// Forgets those whose second connection has not appeared in time.
    mutating func endHandshakes(at now: Tick) {
        self.isAwaitingHandshakes = false
        // Order-free: each is looked at alone, and counted.
        for (token, handshake) in self.handshakes
        where now.since(handshake.since) >= self.limits.handshake {
            self.handshakes[token] = nil
            self.count(.handshakeUnfinished)
        }
        if !self.handshakes.isEmpty { self.awaitHandshakes(at: now) }
    }

    private mutating func attach(
        _ hello: HelloBody, _ header: FrameHeader, tx: ConnectionID, rx: ConnectionID, _ now: Tick,
        _ effects: inout [BrokerEffect]
    ) {
        guard hello.versions.contains(FrameHeader.version) else {
            self.refuse(
                rx, .unimplemented, .handshakeVersion,
                "protocol version \(FrameHeader.version) is spoken here", &effects)
            return
        }
        guard let (slot, isResumed) = self.admit(hello, header, rx: rx, now, &effects) else {
            return
        }
        self.linksMade += 1
        self.nodes.link(
            slot,
            BrokerLink(
                tx: tx, rx: rx, epoch: header.epoch, order: self.linksMade,
                received: header.sequence, lastHeard: now))
        guard let node = self.nodes[slot] else { return }
        self.nodes.setDeliverable(slot, since: isResumed ? self.linksMade : 0)
        self.nodes.setResumeDeadline(slot, .distantFuture)
        let welcome = WelcomeBody(
            incarnation: node.incarnation, secret: self.authority.secret(of: node.incarnation),
            run: self.run, heartbeat: self.limits.heartbeat.nanoseconds,
            silence: self.limits.silence.nanoseconds,
            resumeWindow: self.limits.resumeWindow.nanoseconds,
            credit: UInt64(self.nodes.quota(of: slot).waitingBytes))
        self.send(
            Message(
                FrameHeader(kind: .welcome, peer: node.incarnation), payload: welcome.encoded()),
            to: slot, &effects)
        let name = self.nodes.facts(of: slot).name
        effects.append(.log(.nodeAttached(node.incarnation, name: name, epoch: header.epoch)))
        self.restate(hello, of: node.incarnation, slot, now, &effects)
        guard isResumed else { return }
        self.announceLink(of: slot, &effects)
        if self.missing.remove(node.incarnation) != nil, self.missing.isEmpty {
            self.endRecovery(at: now, &effects)
        }
    }

    /// Decides whether the node may attach, and finds or makes its record.
    private mutating func admit(
        _ hello: HelloBody, _ header: FrameHeader, rx: ConnectionID, _ now: Tick,
        _ effects: inout [BrokerEffect]
    ) -> (NodeSlot, isResumed: Bool)? {
        guard let claimed = hello.incarnation else {
            guard self.nodes.count < self.limits.nodes else {
                self.refuse(
                    rx, .overloaded, .handshakeNodes,
                    "\(self.limits.nodes) nodes are attached already", &effects)
                return nil
            }
            let record = NodeRecord(incarnation: self.drawIncarnation())
            effects.append(.remember(record.incarnation))
            let quota = self.quotas.quota(of: hello.node, self.limits)
            return (self.nodes.add(record, NodeFacts(hello, now), quota), false)
        }
        guard self.authority.secret(of: claimed).matches(hello.secret) else {
            self.refuse(
                rx, .denied, .handshakeSecret, "the secret does not belong to \(claimed)", &effects)
            return nil
        }
        if let slot = self.nodes.slot(of: claimed), let node = self.nodes[slot] {
            guard header.epoch > node.epoch else {
                self.refuse(
                    rx, .denied, .handshakeEpoch, "epoch \(header.epoch.rawValue) is not new",
                    &effects)
                return nil
            }
            if node.link != nil { self.endLink(slot, .replaced, now, &effects) }
            return (slot, true)
        }
        guard self.missing.contains(claimed), self.nodes.count < self.limits.nodes else {
            self.refuse(
                rx, .notFound, .handshakeEnded, "incarnation \(claimed) has ended", &effects)
            return nil
        }
        let quota = self.quotas.quota(of: hello.node, self.limits)
        return (
            self.nodes.add(NodeRecord(incarnation: claimed), NodeFacts(hello, now), quota), true
        )
    }

    private mutating func drawIncarnation() -> IncarnationID {
        while true {
            let id = IncarnationID(rawValue: self.random.next())
            if id != .broker, !self.mayExist(id) { return id }
        }
    }

    /// Sets `H` and `E` to what the node says it has (rules R7, R25).
    private mutating func restate(
        _ hello: HelloBody, of incarnation: IncarnationID, _ slot: NodeSlot, _ now: Tick,
        _ effects: inout [BrokerEffect]
    ) {
        for export in hello.exports {
            self.holders.restateExport(
                Reference(owner: incarnation, object: export.object), count: export.count,
                generation: export.generation)
        }
        let most = self.nodes.quota(of: slot)
        if hello.holdings.count > most.references { self.count(.holdingsOverLimit) }
        var held: Set<Reference> = []
        var ended: Set<IncarnationID> = []
        for holding in hello.holdings.prefix(most.references) {
            let entry = holding.entry
            let owner = entry.reference.owner
            guard owner != incarnation, owner != .broker, holding.count > 0 else { continue }
            guard self.mayExist(owner) else {
                self.count(.holdingOwnerEnded)
                ended.insert(owner)
                continue
            }
            // What this broker run has seen the node hold needs no proof. What it has not seen
            // can only be of an earlier run: outside the window a seal may be of what was let go.
            let known = self.holders.holding(entry.reference, by: slot)
            guard known != nil || self.recoveryDeadline != nil,
                known?.generation == entry.generation || self.isGenuine(entry)
            else {
                self.count(.holdingUnproven)
                continue
            }
            held.insert(entry.reference)
            self.holders.restate(
                entry.reference, count: holding.count,
                generation: self.isListed(entry.reference) ? entry.generation : .none, by: slot,
                at: now)
        }
        let dropped = self.holders.dropColumn(of: slot, keeping: held)
        self.holders.voidUnexported(of: incarnation)
        // It was not there when they ended.
        for owner in ended.sorted() { self.tellEnded(owner, .lost, to: [slot], &effects) }
        self.restateClaims(hello.names, of: incarnation, atMost: most.names, &effects)
        for reference in held.sorted() { self.tellRevoked(reference, to: slot, &effects) }
        for export in hello.exports where export.generation > .first {
            self.tellRevoked(Reference(owner: incarnation, object: export.object), &effects)
        }
        for reference in dropped { self.zeroCheck(reference, &effects) }
        for export in hello.exports {
            self.zeroCheck(Reference(owner: incarnation, object: export.object), &effects)
        }
        self.answerWatches(&effects)
    }

    /// What is held is exported, so its owner, once it is back, has listed it (docs/protocol/
    /// references.md §8): what it has not is known by a seal of what was let go before a restart.
    func isListed(_ reference: Reference) -> Bool {
        self.nodes.slot(of: reference.owner) == nil || self.holders.isExported(reference)
    }

    private func isGenuine(_ entry: ReferenceEntry) -> Bool {
        self.authority.seal(entry.reference, entry.generation).matches(entry.seal)
    }

    /// Whether `owner` is known or, after a restart, may still come back.
    package func mayExist(_ owner: IncarnationID) -> Bool {
        self.nodes.slot(of: owner) != nil || self.missing.contains(owner)
    }

    /// Tells those who may have sent calls to an earlier link to send them again.
    private mutating func announceLink(of slot: NodeSlot, _ effects: inout [BrokerEffect]) {
        guard let node = self.nodes[slot] else { return }
        var header = FrameHeader(kind: .peerRelinked, peer: node.incarnation)
        header.peerEpoch = node.epoch
        let told = self.concerned(by: node.incarnation)
        self.nodes.setTold(told, of: slot)
        for other in told where other != slot {
            self.nodes.forgetCalls(of: other)
            self.send(Message(header), to: other, &effects)
        }
        self.waiters[node.incarnation] = nil
    }

    /// Who holds something of `incarnation`, waits for it, or corresponds with it.
    private func concerned(by incarnation: IncarnationID) -> [NodeSlot] {
        let correspondents =
            self.nodes.slot(of: incarnation)
            .map { self.nodes.facts(of: $0).correspondents.all } ?? []
        let waiting = (self.waiters[incarnation] ?? []).compactMap { self.nodes.slot(of: $0) }
        let holding = self.holders.holders(ofObjectsOf: incarnation, among: self.nodes.all)
        return Set(waiting).union(holding).union(correspondents).sorted()
    }

    /// The link is lost; its incarnation waits for a new one, nothing else changes (rules R1).
    mutating func endLink(
        _ slot: NodeSlot, _ reason: LinkEnd, _ now: Tick, _ effects: inout [BrokerEffect]
    ) {
        guard let node = self.nodes[slot], node.link != nil else { return }
        self.nodes.unlink(slot)
        self.nameWatches[slot] = nil
        self.shares[slot] = nil
        self.dropWatchers(of: slot)
        self.waits.forget(slot)
        self.counters.linksLost += 1
        if let drop = BrokerDrop(reason) { self.count(drop) }
        if let link = node.link, reason.needsTelling {
            self.tellEnd(tx: link.tx, rx: link.rx, "the link was ended: \(reason)", &effects)
        } else if let link = node.link, reason == .pipeFull {
            self.untold[link.tx] = link.rx
        }
        let deadline = now.advanced(by: self.limits.resumeWindow)
        self.nodes.setResumeDeadline(slot, deadline)
        self.timers.add(.resumeWindow(node.incarnation), due: deadline)
        effects.append(.log(.linkLost(node.incarnation, reason)))
    }

    /// Tells a node that its link has ended.
    private mutating func tellEnd(
        tx: ConnectionID, rx: ConnectionID, _ text: String, _ effects: inout [BrokerEffect]
    ) {
        self.untold[tx] = nil
        self.told[rx] = tx
        self.tellRefused(rx, .disconnected, text, &effects)
    }

    /// The incarnation ends: what it held is released, what it owned is gone, its names are
    /// withdrawn, and all whom it concerns are told now.
    mutating func endIncarnation(
        _ slot: NodeSlot, _ reason: IncarnationEnd, _ now: Tick, _ effects: inout [BrokerEffect]
    ) {
        guard let node = self.nodes[slot] else { return }
        let reason = reason == .lost && self.isReplaced(slot, node) ? .replaced : reason
        let owners = self.holders.owners(ofReferencesHeldBy: slot)
            .compactMap { self.nodes.slot(of: $0) }
        let concerned = Set(owners).union(self.concerned(by: node.incarnation)).sorted()
        self.waiters[node.incarnation] = nil
        for name in self.names.names(ownedBy: node.incarnation) {
            if let claim = self.names.withdraw(name, by: node.incarnation) {
                effects.append(.log(.withdrawn(name, claim.reference)))
                self.claimsChanged(to: name, &effects)
            }
        }
        self.objectQuotas.ended(node.incarnation, slot)
        _ = self.holders.dropRows(of: node.incarnation)
        let dropped = self.holders.dropColumn(of: slot)
        self.nodes.remove(slot)
        self.nameWatches[slot] = nil
        self.shares[slot] = nil
        self.dropWatchers(of: slot)
        if self.isObserved { self.observeEnd(of: node.incarnation, now) }
        self.waits.forget(slot)
        effects.append(.forget(node.incarnation))
        self.tellEnded(node.incarnation, reason, to: concerned, &effects)
        for reference in dropped { self.zeroCheck(reference, &effects) }
        effects.append(.log(.incarnationEnded(node.incarnation, reason)))
        self.answerWatches(&effects)
    }

    /// Whether a node of the same name and program has come since this one's link was lost.
    private func isReplaced(_ slot: NodeSlot, _ node: NodeRecord) -> Bool {
        let facts = self.nodes.facts(of: slot)
        return self.nodes.all.contains { other in
            let new = self.nodes.facts(of: other)
            return other != slot && new.name == facts.name && new.program == facts.program
                && new.attachedAt.advanced(by: self.limits.resumeWindow) > node.resumeDeadline
        }
    }

    mutating func tellEnded(
        _ incarnation: IncarnationID, _ reason: IncarnationEnd, to slots: [NodeSlot],
        _ effects: inout [BrokerEffect]
    ) {
        let header = FrameHeader(
            kind: .peerEnded, peer: incarnation, call: CallNumber(rawValue: reason.rawValue))
        for slot in slots {
            self.nodes.forgetCalls(of: slot)
            self.send(Message(header), to: slot, &effects)
        }
    }

    /// The recovery window closes: everybody has come back, or who has not has ended (rules R8).
    mutating func endRecovery(at now: Tick, _ effects: inout [BrokerEffect]) {
        guard self.recoveryDeadline != nil else { return }
        let awaited = Set(self.waiters.keys).union(self.holders.owners())
        for incarnation in self.missing.sorted() {
            effects.append(.forget(incarnation))
            if awaited.contains(incarnation) {
                let concerned = self.concerned(by: incarnation)
                self.waiters[incarnation] = nil
                _ = self.holders.dropRows(of: incarnation)
                self.tellEnded(incarnation, .notRestored, to: concerned, &effects)
            }
            effects.append(.log(.incarnationEnded(incarnation, .notRestored)))
        }
        self.recoveryDeadline = nil
        self.missing = []
        for reference in self.holders.unreferenced() { self.zeroCheck(reference, &effects) }
        effects.append(.log(.recovered))
    }
}

extension NodeFacts {
    fileprivate init(_ hello: HelloBody, _ now: Tick) {
        self.init(
            name: hello.node, program: hello.program, processID: hello.processID,
            attachedAt: now)
    }
}
