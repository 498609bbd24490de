// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/broker.md. Pure: no I/O, no clock, no randomness.

import BusKernel
import BusValue
import BusWire

/// The broker's own object: incarnation 0, object 0, called like any other.
extension BrokerStateMachine {
    /// A result with the references in it, not yet counted.
    struct Answer {
        var value: Value = .null
        var references: [ReferenceEntry] = []
    }

    /// For those who ask for another one.
    private static let methodNames =
        "publish(_:as:interface:), publish(_:as:interface:replicas:), withdraw(_:), "
        + "withdrawAll(), find(_:), claim(_:), references(), references(of:), names(prefix:), "
        + "watchNames(prefix:run:after:), watchCalls(_:filter:), traffic(), waits(_:), waits(), "
        + "nodes(), status(), ping()"

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
            return try self.publish(arguments, nil, references, caller, &effects)
        case "publish(_:as:interface:replicas:)":
            let policy = try replicaPolicy(arguments, 3)
            return try self.publish(arguments, policy, references, caller, &effects)
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

    /// Makes `caller` a holder of one more copy.
    mutating func grant(
        _ reference: Reference, _ generation: Generation, to slot: NodeSlot,
        _ caller: IncarnationID, _ receipt: HolderTable.Receipt
    ) throws(BusError) -> ReferenceEntry {
        try self.checkRoom(for: [reference], of: slot, caller)
        return self.grantChecked(reference, generation, to: slot, caller, receipt)
    }

    /// Whether the node may hold `references`, all different, besides what it holds.
    func checkRoom(
        for references: [Reference], of slot: NodeSlot, _ caller: IncarnationID
    ) throws(BusError) {
        let new = references.count { reference in
            reference.owner != caller && self.holders.holding(reference, by: slot) == nil
        }
        let most = self.nodes.quota(of: slot).references
        guard new == 0 || self.holders.holdingCount(of: slot) + new <= most else {
            throw BusError(.overloaded, "this node may hold \(most) references")
        }
    }

    /// The same as `grant` where there is room.
    mutating func grantChecked(
        _ reference: Reference, _ generation: Generation, to slot: NodeSlot,
        _ caller: IncarnationID, _ receipt: HolderTable.Receipt
    ) -> ReferenceEntry {
        var entry = ReferenceEntry(reference: reference, generation: generation)
        guard reference.owner != caller else { return entry }
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

func text(_ arguments: [Value], _ index: Int) throws(BusError) -> String {
    guard index < arguments.count, let text = arguments[index].stringValue else {
        throw BusError(.invalid, "argument \(index + 1) must be a string")
    }
    return text
}

func seconds(_ span: Span) -> Double { Double(span.nanoseconds) / 1e9 }
