// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/broker.md. Pure: no I/O, no clock, no randomness.

import BusKernel
import BusValue
import BusWire

/// The broker's own object: incarnation 0, object 0, called like any other.
extension BrokerStateMachine {
    /// A result with the references in it, not yet counted.
    private struct Answer {
        var value: Value = .null
        var references: [ReferenceEntry] = []
    }

    /// For those who ask for another one.
    private static let methodNames =
        "publish(_:as:interface:), withdraw(_:), withdrawAll(), find(_:), claim(_:), "
        + "references(), references(of:), names(prefix:), watchNames(prefix:run:after:), "
        + "watchCalls(_:filter:), traffic(), waits(_:), waits(), nodes(), status(), ping()"

    /// Runs a call to the broker. Every service may be repeated without harm, so no identity is
    /// kept: a caller that lost its link asks again.
    mutating func serve(
        _ header: FrameHeader, _ frame: RawSpan, from slot: NodeSlot, _ now: Tick,
        _ effects: inout [BrokerEffect]
    ) {
        guard let caller = self.nodes[slot]?.incarnation else { return }
        let own = header.references(in: frame).filter { $0.reference.owner == caller }
        for entry in own {
            self.holders.countExport(entry.reference, generation: entry.generation)
        }
        // Nobody would get the answer to a one-way call.
        if !header.flags.contains(.oneWay) {
            do {
                let answer = try self.service(header, frame, slot, caller, now, &effects)
                if let answer {
                    let reply = FrameHeader(kind: .reply, peer: .broker, call: header.call)
                    let payload = (try? answer.value.encoded()) ?? []
                    self.send(
                        Message(reply, payload: payload, references: answer.references), to: slot,
                        &effects)
                }
            } catch {
                self.count(BrokerDrop(service: error.kind))
                self.answer(header, error, to: slot, &effects)
            }
        }
        for entry in own { self.zeroCheck(entry.reference, &effects) }
        self.answerWatches(&effects)
    }

    private mutating func service(
        _ header: FrameHeader, _ frame: RawSpan, _ slot: NodeSlot, _ caller: IncarnationID,
        _ now: Tick, _ effects: inout [BrokerEffect]
    ) throws(BusError) -> Answer? {
        let extensions: Extensions
        let arguments: [Value]
        do {
            extensions = try Extensions(reading: frame, header: header)
            let payload = copied(frame, header.payloadRange(byteCount: frame.byteCount))
            arguments = try Value(cbor: payload).arrayValue ?? []
        } catch {
            throw BusError(.invalid, "a call to the broker that can't be read: \(error)")
        }
        let references = header.references(in: frame)
        switch extensions.method ?? "" {
        case "publish(_:as:interface:)":
            return try self.publish(arguments, references, caller, &effects)
        case "withdraw(_:)":
            return try self.withdraw(
                text(arguments, 0), caller, isResent: header.flags.contains(.resent), &effects)
        case "withdrawAll()":
            return self.withdrawAll(caller, &effects)
        case "find(_:)":
            return try self.find(text(arguments, 0), slot, caller, now)
        case "claim(_:)":
            return try self.claim(references, slot, caller, now)
        case "references()":
            return Answer(value: self.listReferences())
        case "references(of:)":
            return Answer(value: try self.describeReference(text(arguments, 0), at: now))
        case "names(prefix:)":
            return Answer(value: self.listNames(prefix: try text(arguments, 0)))
        case "watchNames(prefix:run:after:)":
            return try self.watchNames(header, text(arguments, 0), arguments, slot, now)
                .map { Answer(value: $0) }
        case "watchCalls(_:filter:)":
            try self.watchCalls(header, arguments, slot, now, &effects)
            return nil
        case "traffic()":
            return Answer(value: self.measureTraffic(at: now))
        case "waits(_:)":
            return Answer(value: try self.noteWaits(arguments, slot, caller, at: now))
        case "waits()":
            return Answer(value: self.listWaits(at: now))
        case "nodes()":
            return Answer(value: self.listNodes(at: now))
        case "status()":
            return Answer(value: self.status(at: now))
        case "ping()":
            return Answer()
        case let method:
            throw BusError(
                .unimplemented,
                "the broker has no method \(method); it has \(Self.methodNames)")
        }
    }

    private mutating func publish(
        _ arguments: [Value], _ references: [ReferenceEntry], _ caller: IncarnationID,
        _ effects: inout [BrokerEffect]
    ) throws(BusError) -> Answer {
        let name = try text(arguments, 1)
        let interface = try text(arguments, 2)
        guard let slot = arguments.first?.referenceValue, Int(slot.index) < references.count else {
            throw BusError(.invalid, "publish needs a reference as its first argument")
        }
        let reference = references[Int(slot.index)].reference
        guard reference.owner == caller else {
            throw BusError(.denied, "only its owner may publish \(reference)")
        }
        guard isPublishable(name) else {
            throw BusError(
                .invalid, "a name has 1 to \(WireLimits.nameBytes) bytes without white space")
        }
        let most = self.nodes.slot(of: caller).map { self.nodes.quota(of: $0).names } ?? 0
        guard self.names.count(ownedBy: caller) < most else {
            throw BusError(.overloaded, "this node may publish \(most) names")
        }
        if let other = self.claim(name, reference, interface: interface, into: &effects) {
            throw BusError(.invalid, "this node has published \(other) as \(name) already")
        }
        return Answer()
    }

    /// Puts `reference` into the queue of `name`; returns what stands in its way.
    @discardableResult
    mutating func claim(
        _ name: String, _ reference: Reference, interface: String,
        into effects: inout [BrokerEffect]
    ) -> Reference? {
        let claim = NameTable.Claim(reference: reference, interface: interface)
        switch self.names.publish(name, claim) {
        case .head, .queued:
            self.holders.holdByName(reference)
            effects.append(.log(.published(name, reference)))
            self.claimsChanged(to: name, &effects)
            return nil
        case .unchanged:
            return nil
        case .conflict(let other):
            return other
        }
    }

    private mutating func withdraw(
        _ name: String, _ caller: IncarnationID, isResent: Bool,
        _ effects: inout [BrokerEffect]
    ) throws(BusError) -> Answer {
        // The first copy of the call may have done it, or a new run of the broker.
        guard self.withdraw(name, of: caller, &effects) || isResent else {
            throw BusError(.notFound, "this node has not published \(name)")
        }
        return Answer()
    }

    private mutating func withdrawAll(
        _ caller: IncarnationID, _ effects: inout [BrokerEffect]
    ) -> Answer {
        for name in self.names.names(ownedBy: caller) {
            self.withdraw(name, of: caller, &effects)
        }
        return Answer()
    }

    /// Takes the claim of `caller` out of the queue of `name`. False if it has none.
    @discardableResult
    private mutating func withdraw(
        _ name: String, of caller: IncarnationID, _ effects: inout [BrokerEffect]
    ) -> Bool {
        guard let claim = self.names.withdraw(name, by: caller) else { return false }
        self.holders.dropName(claim.reference)
        effects.append(.log(.withdrawn(name, claim.reference)))
        self.claimsChanged(to: name, &effects)
        self.zeroCheck(claim.reference, &effects)
        return true
    }

    /// Hands a copy of the name's head to the caller (rules R12).
    private mutating func find(
        _ name: String, _ slot: NodeSlot, _ caller: IncarnationID, _ now: Tick
    ) throws(BusError) -> Answer {
        guard let claim = self.names.head(of: name) else {
            guard self.missing.isEmpty else {
                throw BusError(.recovering, "who has published '\(name)' may still come back")
            }
            throw self.noName(name)
        }
        let generation = self.holders[claim.reference]?.generation ?? .first
        let entry = try self.grant(
            claim.reference, generation, to: slot, caller,
            HolderTable.Receipt(at: now, way: .find))
        return Answer(
            value: .array([
                .reference(ReferenceSlot(0)), .string(claim.interface), Value(claim.fence),
            ]),
            references: [entry])
    }

    func noName(_ name: String) -> BusError {
        let similar = self.names.similar(to: name)
        let others = self.names.count - similar.count
        let hint =
            similar.isEmpty
            ? "\(others) names are published"
            : "published is: \(similar.joined(separator: ", "))"
                + (others > 0 ? " and \(others) more" : "")
        return BusError(.notFound, "no object is published as '\(name)'; \(hint)")
    }

    /// Turns a reference with its seal, carried outside the bus, into one held.
    private mutating func claim(
        _ references: [ReferenceEntry], _ slot: NodeSlot, _ caller: IncarnationID, _ now: Tick
    ) throws(BusError) -> Answer {
        guard let entry = references.first else {
            throw BusError(.invalid, "claim needs a reference")
        }
        guard self.authority.seal(entry.reference, entry.generation).matches(entry.seal),
            entry.generation >= self.holders[entry.reference]?.generation ?? .first
        else { throw BusError(.denied, "the tag does not belong to \(entry.reference)") }
        guard self.holders[entry.reference]?.isHeld ?? false, self.isListed(entry.reference)
        else {
            guard self.missing.isEmpty else {
                throw BusError(.recovering, "who holds \(entry.reference) may still come back")
            }
            throw BusError(.notFound, "nobody keeps \(entry.reference) alive any more")
        }
        let granted = try self.grant(
            entry.reference, entry.generation, to: slot, caller,
            HolderTable.Receipt(at: now, way: .claim))
        return Answer(value: .reference(ReferenceSlot(0)), references: [granted])
    }

    private mutating func grant(
        _ reference: Reference, _ generation: Generation, to slot: NodeSlot,
        _ caller: IncarnationID, _ receipt: HolderTable.Receipt
    ) throws(BusError) -> ReferenceEntry {
        var entry = ReferenceEntry(reference: reference, generation: generation)
        guard reference.owner != caller else { return entry }
        guard
            self.holders.holding(reference, by: slot) != nil
                || self.holders.holdingCount(of: slot) < self.nodes.quota(of: slot).references
        else {
            throw BusError(
                .overloaded,
                "this node may hold \(self.nodes.quota(of: slot).references) references")
        }
        _ = self.holders.countCopy(reference, to: slot, generation: generation, receipt)
        entry.seal = self.holders.seal(reference, generation, by: self.authority)
        return entry
    }

    private func listNodes(at now: Tick) -> Value {
        .array(
            self.nodes.all.compactMap { slot in
                guard let node = self.nodes[slot] else { return nil }
                let facts = self.nodes.facts(of: slot)
                return .map([
                    "node": .string(facts.name),
                    "incarnation": .string(node.incarnation.description),
                    "program": .string(facts.program), "process": .integer(facts.processID),
                    "state": .string(node.link == nil ? "waiting" : "linked"),
                    "epoch": Value(node.epoch.rawValue),
                    "seconds": .double(seconds(now.since(facts.attachedAt))),
                    "names": Value(self.names.count(ownedBy: node.incarnation)),
                    "holds": Value(self.holders.holdingCount(of: slot)),
                ])
            })
    }

    private func status(at now: Tick) -> Value {
        .map([
            "run": .string(hexadecimal(self.run)), "version": Value(FrameHeader.version),
            "seconds": .double(seconds(now.since(self.startedAt))),
            "nodes": Value(self.nodes.count), "names": Value(self.names.count),
            "references": Value(self.holders.rowCount),
            "recovering": .bool(self.recoveryDeadline != nil),
            "messages": Value(self.counters.received),
            "calls": Value(self.counters.callsForwarded),
            "replies": Value(self.counters.repliesForwarded),
            "undelivered": Value(self.counters.undelivered),
            "refused": Value(self.counters.refused), "garbage": Value(self.counters.garbage),
            "linksLost": Value(self.counters.linksLost),
            "watchers": Value(self.observing.first?.count ?? 0),
            "drops": .map(
                ValueMap(
                    self.counters.drops.all.map { (.string($0.reason.name), Value($0.count)) })),
        ])
    }
}

/// Whether an object may be published as `name`.
func isPublishable(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= WireLimits.nameBytes
        && name.unicodeScalars.allSatisfy { !$0.properties.isWhitespace && $0.value >= 0x20 }
}

func text(_ arguments: [Value], _ index: Int) throws(BusError) -> String {
    guard index < arguments.count, let text = arguments[index].stringValue else {
        throw BusError(.invalid, "argument \(index + 1) must be a string")
    }
    return text
}

func seconds(_ span: Span) -> Double { Double(span.nanoseconds) / 1e9 }
