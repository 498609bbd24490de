// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/broker.md §8. Pure: no I/O, no clock, no randomness.

package import BusKernel
import BusWire

/// What the broker remembers for those who watch: the calls under way, and what each of them has
/// not been told yet. All of it is bounded; a watcher that does not keep up loses records.
struct Observing: Sendable {
    /// Who a watcher is: the node, and a number that it chose.
    struct Key: Hashable, Sendable {
        let slot: NodeSlot
        let number: UInt64
    }

    struct Watcher: Sendable {
        let key: Key
        let filter: ObservationFilter
        /// Not told yet, at most `ObservingLimits.records`.
        var records: [Observation] = []
        /// What would not have fitted, since the last answer.
        var lost: UInt64 = 0
        /// The question that waits for an answer, and since when.
        var waiting: FrameHeader?
        /// When it asked, or was answered, last.
        var heardAt: Tick
        var answeredAt = Tick.zero
        /// Whether no answer has been given yet.
        var isNew = true
    }

    private struct Identity: Hashable {
        let caller: IncarnationID
        let callee: IncarnationID
        let number: UInt64
    }

    private struct Flight: Sendable {
        let id: UInt64
        let since: Tick
        let call: ObservedCall
        /// The watchers who are told of it, a bit for each place.
        var watchers: UInt64
        /// Where in `traffic` it is counted; nil if it began before somebody measured.
        var row: Int?
    }

    /// By place; a place that is nil is free.
    private(set) var watchers: [Watcher?] = []
    /// While somebody measures.
    var traffic: Traffic?
    private var flights: [Identity: Flight] = [:]
    private var lastID: UInt64 = 0

    var isEmpty: Bool { self.traffic == nil && self.watchers.allSatisfy { $0 == nil } }

    /// How many watch.
    var count: Int { self.watchers.count { $0 != nil } }

    // MARK: Watchers

    func place(of key: Key) -> Int? { self.watchers.firstIndex { $0?.key == key } }

    /// Returns the new watcher's place; nil if there are too many.
    mutating func add(_ key: Key, _ filter: ObservationFilter, at now: Tick) -> Int? {
        let watcher = Watcher(key: key, filter: filter, heardAt: now)
        if let free = self.watchers.firstIndex(where: { $0 == nil }) {
            self.watchers[free] = watcher
            return free
        }
        guard self.watchers.count < ObservingLimits.watchers else { return nil }
        self.watchers.append(watcher)
        return self.watchers.count - 1
    }

    /// Forgets those for whom `isOver`, and what was remembered for them.
    mutating func removeWatchers(where isOver: (Watcher) -> Bool) {
        for place in self.watchers.indices {
            guard let watcher = self.watchers[place], isOver(watcher) else { continue }
            self.watchers[place] = nil
            // Order-free: each is changed alone.
            for identity in Array(self.flights.keys) {
                self.flights[identity]?.watchers &= ~(1 << UInt64(place))
            }
        }
    }

    /// The watcher asks: what it has not been told waits for `answer`.
    ///
    /// - Returns: An earlier question of the same watcher that would never be answered.
    mutating func ask(_ place: Int, _ header: FrameHeader, at now: Tick) -> FrameHeader? {
        guard var watcher = self.watchers[place] else { return nil }
        let former = watcher.waiting
        watcher.waiting = header
        watcher.heardAt = now
        self.watchers[place] = watcher
        return former
    }

    /// What a watcher who waits is to be told now.
    mutating func answer(
        _ place: Int, at now: Tick
    ) -> (to: FrameHeader, records: [Observation], lost: UInt64, isNew: Bool)? {
        guard var watcher = self.watchers[place], let header = watcher.waiting else { return nil }
        let told = Array(watcher.records.prefix(ObservingLimits.recordsPerAnswer))
        let answer = (header, told, watcher.lost, watcher.isNew)
        self.watchers[place] = nil  // so that the records are not copied
        watcher.records.removeFirst(told.count)
        watcher.waiting = nil
        (watcher.lost, watcher.isNew) = (0, false)
        (watcher.heardAt, watcher.answeredAt) = (now, now)
        self.watchers[place] = watcher
        return answer
    }

    /// When the first answer is due to a watcher; nil if there is nothing to tell.
    var nextAnswer: Tick? { self.watchers.compactMap { $0?.due }.min() }

    /// Nobody measures any more.
    mutating func endMeasuring() {
        self.traffic = nil
        // Order-free: each is changed alone.
        for identity in Array(self.flights.keys) { self.flights[identity]?.row = nil }
    }

    // MARK: Messages

    /// A call was forwarded, for the first time or again.
    mutating func called(
        _ header: FrameHeader, by caller: IncarnationID, _ call: ObservedCall, _ byteCount: Int,
        parent: Extensions.ParentCall?, at now: Tick, means: (String) -> Bool
    ) {
        var call = call
        let isOneWay = header.flags.contains(.oneWay)
        let identity = Identity(
            caller: caller, callee: header.peer, number: header.call.rawValue)
        let above = self.parent(parent, of: caller)
        call.parent = above?.id ?? 0
        let repeated = isOneWay ? nil : self.flights[identity]
        if repeated == nil { self.lastID += 1 }
        var flight = Flight(
            id: repeated?.id ?? self.lastID, since: repeated?.since ?? now, call: call,
            watchers: self.watchers(of: call, above, means), row: repeated?.row)
        let isFollowed =
            !isOneWay && (repeated != nil || self.flights.count < ObservingLimits.calls)
        if repeated == nil {
            flight.row = self.traffic?.called(call, isOneWay: isOneWay, isFollowed: isFollowed)
        }
        if isFollowed { self.flights[identity] = flight }
        self.tell(
            Observation(
                kind: isOneWay ? .oneWay : .call, at: now, id: flight.id, call: call,
                byteCount: byteCount), flight.watchers)
    }

    /// A call was answered by its callee: `call` tells what is known without having seen it.
    mutating func answered(
        _ header: FrameHeader, by callee: IncarnationID, _ call: ObservedCall, _ byteCount: Int,
        _ reason: String?, at now: Tick
    ) {
        let identity = Identity(caller: header.peer, callee: callee, number: header.call.rawValue)
        let isReply = header.kind == .reply && reason == nil
        self.end(identity, isReply ? .reply : .failure, reason, call, byteCount, at: now)
    }

    /// The broker answered a call itself, or a message went nowhere.
    mutating func refused(
        _ header: FrameHeader, by caller: IncarnationID, _ kind: Observation.Kind,
        _ reason: String, _ call: ObservedCall, _ byteCount: Int,
        parent: Extensions.ParentCall?, at now: Tick, means: (String) -> Bool
    ) {
        let identity = Identity(
            caller: caller, callee: header.peer, number: header.call.rawValue)
        if kind == .failure, self.flights[identity] != nil {
            self.end(identity, kind, reason, call, byteCount, at: now)
            return
        }
        var call = call
        let above = self.parent(parent, of: caller)
        call.parent = above?.id ?? 0
        self.lastID += 1
        if kind == .failure { self.traffic?.refused(call) }
        self.tell(
            Observation(
                kind: kind, at: now, id: self.lastID, call: call,
                nanoseconds: kind == .failure ? 0 : nil, reason: reason, byteCount: byteCount),
            self.watchers(of: call, above, means))
    }

    /// CANCEL or ACKNOWLEDGE was forwarded.
    mutating func noticed(
        _ header: FrameHeader, by caller: IncarnationID, _ call: ObservedCall, _ byteCount: Int,
        at now: Tick
    ) {
        let kind: Observation.Kind = header.kind == .cancel ? .cancel : .acknowledge
        let identity = Identity(
            caller: caller, callee: header.peer, number: header.call.rawValue)
        let flight = kind == .cancel ? self.flights[identity] : nil
        self.tell(
            Observation(
                kind: kind, at: now, id: flight?.id ?? 0, call: flight?.call ?? call,
                byteCount: byteCount),
            flight?.watchers ?? self.watchers(of: call, nil) { _ in false })
    }

    /// An incarnation has ended: what it was asked is not answered, what it asked is not awaited.
    mutating func ended(_ incarnation: IncarnationID, at now: Tick) {
        let over = self.flights
            .filter { $0.key.caller == incarnation || $0.key.callee == incarnation }
            .sorted { $0.value.id < $1.value.id }
        for (identity, flight) in over {
            self.end(identity, .failure, "disconnected", flight.call, 0, at: now)
        }
    }

    private mutating func end(
        _ identity: Identity, _ kind: Observation.Kind, _ reason: String?, _ call: ObservedCall,
        _ byteCount: Int, at now: Tick
    ) {
        let flight = self.flights.removeValue(forKey: identity)
        let nanoseconds = flight.map { now.since($0.since).nanoseconds }
        if let row = flight?.row {
            self.traffic?.ended(row, isReply: kind == .reply, nanoseconds: nanoseconds ?? 0)
        }
        self.tell(
            Observation(
                kind: kind, at: now, id: flight?.id ?? 0, call: flight?.call ?? call,
                nanoseconds: nanoseconds, reason: reason,
                byteCount: byteCount),
            flight?.watchers ?? self.watchers(of: call, nil) { _ in false })
    }

    /// The call in whose handler `caller` calls.
    private func parent(
        _ parent: Extensions.ParentCall?, of caller: IncarnationID
    ) -> Flight? {
        parent.flatMap {
            self.flights[
                Identity(caller: $0.caller, callee: caller, number: $0.number.rawValue)]
        }
    }

    private func watchers(
        of call: ObservedCall, _ above: Flight?, _ means: (String) -> Bool
    ) -> UInt64 {
        var bits: UInt64 = 0
        for (place, watcher) in self.watchers.enumerated() {
            guard let filter = watcher?.filter else { continue }
            let isNested =
                filter.nested && above.map { $0.watchers >> UInt64(place) & 1 == 1 } ?? false
            if isNested || filter.matches(call, means: means) { bits |= 1 << UInt64(place) }
        }
        return bits
    }

    private mutating func tell(_ observation: Observation, _ watchers: UInt64) {
        for place in self.watchers.indices where watchers >> UInt64(place) & 1 == 1 {
            self.watchers[place]?.take(observation)
        }
    }
}

extension Observing.Watcher {
    /// When it is to be answered; nil while it does not wait, or there is nothing to tell.
    var due: Tick? {
        guard self.waiting != nil, !self.records.isEmpty || self.isNew else { return nil }
        return self.isNew ? .zero : self.answeredAt.advanced(by: ObservingLimits.gatherTime)
    }

    fileprivate mutating func take(_ observation: Observation) {
        guard self.filter.takes(observation.kind) else { return }
        if self.records.count < ObservingLimits.records {
            self.records.append(observation)
        } else {
            self.lost += 1
        }
    }
}

/// Bounds of what is kept for those who watch.
package enum ObservingLimits {
    /// Watchers at once; one more is refused `overloaded`.
    package static let watchers = 8
    /// Calls under way that are remembered for their answers; the answers of further ones are told
    /// without a method or a time.
    package static let calls = 16_384
    /// Records that wait for one watcher; it is told how many more there were.
    package static let records = 2_048
    /// Records in one answer.
    package static let recordsPerAnswer = 500
    /// Objects' methods that are measured each by itself; the others are measured together.
    package static let rows = 512
    /// Between two answers to one watcher, at least.
    package static let gatherTime = Span.milliseconds(50)
    /// A watcher that has not asked for so long is forgotten; one that waits so long is answered
    /// that there was nothing.
    package static let patience = Span.seconds(10)
}
