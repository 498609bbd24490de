// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/broker.md §8. Pure: no I/O, no clock, no randomness.

import BusKernel
import BusValue
import BusWire

/// Telling those who watch what passes. The hooks are called only while `isObserved`.
extension BrokerStateMachine {
    // MARK: Hooks

    /// A call was forwarded.
    mutating func observeCall(
        _ header: FrameHeader, _ frame: RawSpan, from slot: NodeSlot, _ now: Tick
    ) {
        guard let caller = self.nodes[slot]?.incarnation else { return }
        let extensions = try? Extensions(reading: frame, header: header)
        let call = self.observed(header, extensions, from: slot)
        let means = self.meaning(of: call.target)
        self.observing[0].called(
            header, by: caller, call, frame.byteCount, parent: extensions?.parent, at: now,
            means: means)
        self.planObservations(at: now)
    }

    /// The broker answers a call by a FAILURE of its own.
    mutating func observe(
        _ error: BusError, _ header: FrameHeader, _ frame: RawSpan, from slot: NodeSlot,
        _ now: Tick
    ) {
        self.observe(.failure, error.kind.rawValue, header, frame, from: slot, now)
    }

    /// The same for `reason`, or a message went nowhere.
    mutating func observe(
        _ kind: Observation.Kind, _ reason: String, _ header: FrameHeader, _ frame: RawSpan,
        from slot: NodeSlot, _ now: Tick
    ) {
        guard let caller = self.nodes[slot]?.incarnation else { return }
        let extensions = try? Extensions(reading: frame, header: header)
        let call = self.observed(header, extensions, from: slot)
        let means = self.meaning(of: call.target)
        self.observing[0].refused(
            header, by: caller, kind, reason, call, frame.byteCount, parent: extensions?.parent,
            at: now, means: means)
        self.planObservations(at: now)
    }

    /// A callee's answer was forwarded, or for `reason` another one was sent in its place.
    mutating func observeAnswer(
        _ header: FrameHeader, _ frame: RawSpan, from slot: NodeSlot, _ now: Tick,
        reason: String? = nil
    ) {
        guard let callee = self.nodes[slot]?.incarnation else { return }
        var call = self.observed(header, nil, from: slot)
        swap(&call.caller, &call.callee)
        call.target = Reference(owner: callee, object: header.object)
        self.observing[0].answered(
            header, by: callee, call, frame.byteCount, reason, at: now)
        self.planObservations(at: now)
    }

    /// A CANCEL or ACKNOWLEDGE was forwarded.
    mutating func observeNotice(
        _ header: FrameHeader, _ frame: RawSpan, from slot: NodeSlot, _ now: Tick
    ) {
        guard let caller = self.nodes[slot]?.incarnation else { return }
        let call = self.observed(header, nil, from: slot)
        self.observing[0].noticed(header, by: caller, call, frame.byteCount, at: now)
        self.planObservations(at: now)
    }

    /// An incarnation ends.
    mutating func observeEnd(of incarnation: IncarnationID, _ now: Tick) {
        self.observing[0].ended(incarnation, at: now)
        self.planObservations(at: now)
    }

    private func observed(
        _ header: FrameHeader, _ extensions: Extensions?, from slot: NodeSlot
    ) -> ObservedCall {
        let peer = self.nodes.slot(of: header.peer).map { self.nodes.facts(of: $0).name }
        return ObservedCall(
            caller: self.nodes.facts(of: slot).name, callee: peer ?? header.peer.description,
            target: Reference(owner: header.peer, object: header.object), name: extensions?.name,
            method: extensions?.method, chain: extensions?.chain)
    }

    /// Whether a text means an object: as its published name, or as its reference.
    private func meaning(of target: Reference) -> (String) -> Bool {
        let names = self.names
        return { text in
            names.means(text, target) || target.description == text
        }
    }

    // MARK: Watching

    /// A question about what passes, answered when there is something to tell.
    mutating func watchCalls(
        _ header: FrameHeader, _ arguments: [Value], _ slot: NodeSlot, _ now: Tick,
        _ effects: inout [BrokerEffect]
    ) throws(BusError) {
        guard let number = arguments.first?.intValue, number >= 0 else {
            throw BusError(.invalid, "argument 1 must be a number that the watcher has chosen")
        }
        let filter = try ObservationFilter(arguments.count > 1 ? arguments[1] : .null)
        let key = Observing.Key(slot: slot, number: UInt64(number))
        if self.observing.isEmpty { self.observing = [Observing()] }
        let place = self.observing[0].place(of: key) ?? self.observing[0].add(key, filter, at: now)
        guard let place else {
            throw BusError(.overloaded, "\(ObservingLimits.watchers) watch calls already")
        }
        self.isObserved = true
        if let former = self.observing[0].ask(place, header, at: now) {
            self.tell(former, [], lost: 0, isNew: false, to: slot, now, &effects)
        }
        self.planObservations(at: now)
    }

    /// One timer for all answers, so that what passes can't heap up timers.
    private mutating func planObservations(at now: Tick) {
        guard !self.isObservationPlanned, let due = self.observing[0].nextAnswer else { return }
        self.isObservationPlanned = true
        self.timers.add(.observations, due: max(now, due))
    }

    /// Answers those who wait and have something to be told.
    mutating func tellObservations(at now: Tick, _ effects: inout [BrokerEffect]) {
        self.isObservationPlanned = false
        guard self.isObserved else { return }
        self.answerWatchers(at: now, &effects) { $0.due ?? .distantFuture <= now }
        self.planObservations(at: now)
    }

    /// Answers those who have waited long, and forgets those who do not ask any more.
    mutating func endObservations(at now: Tick, _ effects: inout [BrokerEffect]) {
        guard self.isObserved else { return }
        let patience = ObservingLimits.patience
        self.answerWatchers(at: now, &effects) { now.since($0.heardAt) >= patience }
        if let traffic = self.observing[0].traffic, now.since(traffic.heardAt) >= patience {
            self.observing[0].endMeasuring()
        }
        self.forgetWatchers { now.since($0.heardAt) >= patience }
    }

    /// The link of `slot` has ended: nobody there waits for an answer any more.
    mutating func dropWatchers(of slot: NodeSlot) {
        guard self.isObserved else { return }
        self.forgetWatchers { $0.key.slot == slot }
    }

    private mutating func forgetWatchers(where isOver: (Observing.Watcher) -> Bool) {
        self.observing[0].removeWatchers(where: isOver)
        guard self.observing[0].isEmpty else { return }
        self.isObserved = false
        self.observing = []
    }

    private mutating func answerWatchers(
        at now: Tick, _ effects: inout [BrokerEffect], where isDue: (Observing.Watcher) -> Bool
    ) {
        for place in self.observing[0].watchers.indices {
            guard let watcher = self.observing[0].watchers[place], isDue(watcher),
                let answer = self.observing[0].answer(place, at: now)
            else { continue }
            self.count(.recordLost, answer.lost)
            self.tell(
                answer.to, answer.records, lost: answer.lost, isNew: answer.isNew,
                to: watcher.key.slot, now, &effects)
        }
    }

    private mutating func tell(
        _ question: FrameHeader, _ records: [Observation], lost: UInt64, isNew: Bool,
        to slot: NodeSlot, _ now: Tick, _ effects: inout [BrokerEffect]
    ) {
        let answer: Value = .map([
            "seconds": .double(seconds(now.since(self.startedAt))), "isNew": .bool(isNew),
            "lost": Value(lost),
            "messages": .array(records.map { $0.value(since: self.startedAt) }),
        ])
        let reply = FrameHeader(kind: .reply, peer: .broker, call: question.call)
        self.send(Message(reply, payload: (try? answer.encoded()) ?? []), to: slot, &effects)
    }
}

extension ObservationFilter {
    /// Reads what a watcher asked for; unknown members are an error, not more than was wanted.
    init(_ value: Value) throws(BusError) {
        self.init()
        guard let map = value.mapValue else {
            guard value == .null else { throw BusError(.invalid, "a filter is a map") }
            return
        }
        for entry in map {
            let text = entry.value.stringValue
            switch (entry.key.stringValue, text) {
            case ("node", let text?): self.node = text
            case ("object", let text?): self.object = text
            case ("method", let text?): self.method = text
            case ("nested", nil) where entry.value.boolValue != nil:
                self.nested = entry.value.boolValue ?? false
            case ("kinds", nil):
                let words = entry.value.arrayValue?.map { $0.stringValue ?? "" } ?? [""]
                let kinds = words.compactMap(Observation.Kind.init(rawValue:))
                guard kinds.count == words.count else {
                    let known = Observation.Kind.allCases.map(\.rawValue)
                    throw BusError(.invalid, "kinds are \(known.joined(separator: ", "))")
                }
                self.kinds = Set(kinds)
            default:
                throw BusError(
                    .invalid, "a filter has node, object and method, which are text, kinds, nested")
            }
        }
    }
}

extension Observation {
    /// A row of the answer: see docs/protocol/broker.md §8.
    func value(since start: Tick) -> Value {
        .array([
            .string(self.kind.rawValue), .double(seconds(self.at.since(start))), Value(self.id),
            Value(self.call.parent), .string(self.call.caller), .string(self.call.callee),
            .string(self.call.target.description), self.call.name.map(Value.string) ?? .null,
            self.call.method.map(Value.string) ?? .null,
            self.call.chain.map { .string($0.description) } ?? .null, Value(self.byteCount),
            self.nanoseconds.map { Value($0) } ?? .null, self.reason.map(Value.string) ?? .null,
        ])
    }
}
