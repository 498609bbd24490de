// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/calls.md §8, §9. Pure: no I/O, no clock, no randomness.

package import BusKernel
package import BusWire
import DequeModule

/// Lets delivered calls go to their objects, so that callers get equal shares of an object.
///
/// An object takes calls in the order in which they come to it, so whoever calls most would have
/// most of it. Therefore only a few calls are on their way to one object at a time; the others wait
/// here by caller, and callers take turns. Calls of one caller keep their order (rules R17).
///
/// Where an object has a limit, so many calls of it run at a time, and one that went has its place
/// until it ends, whether it waits for something or not.
///
/// It also bounds what one-way calls take up, which no window of the caller does.
package struct StartQueue: Sendable {
    /// Calls on their way to one object that have not started. Who has one call under way at a time
    /// waits for these each time, beside others that always have calls waiting.
    package static let aheadMax = 4
    /// One-way calls of one caller that wait or run, and their bytes; one alone may have more.
    package static let oneWayMax = WireLimits.callsPerPair
    package static let oneWayBytesMax = WireLimits.callBytesPerPair

    package enum Admission: Hashable, Sendable {
        /// Deliver the call now.
        case goes
        /// `next` will give it.
        case waits
        /// One-way, and too many of its caller wait or run: drop it.
        case refused
    }

    private struct Load {
        var calls = 0
        var bytes = 0
    }

    /// Of objects to which a call is on its way.
    var lines = SmallTable<ObjectNumber, Line>()
    /// Objects to which a waiting call may go now, once for each place that came free.
    private var ready: Deque<ObjectNumber> = []
    /// One-way calls that wait or run.
    private var oneWay: [IncarnationID: Load] = [:]

    /// When `look` is next wanted: as long as a call waits, or has just done so.
    package internal(set) var lookDue = Tick.distantFuture

    package init() {}

    /// Whether `next` has a call.
    package var isReady: Bool { !self.ready.isEmpty }

    /// A call was delivered.
    ///
    /// - Parameter now: Asked for only if the call waits or its object has a limit.
    package mutating func arrived(
        _ call: DeliveredCall, at now: @autoclosure () -> Tick
    ) -> Admission {
        if call.identity == nil {
            var load = self.oneWay[call.caller] ?? Load()
            guard
                load.calls == 0
                    || load.calls < Self.oneWayMax
                        && load.bytes + call.message.byteCount <= Self.oneWayBytesMax
            else { return .refused }
            load.calls += 1
            load.bytes += call.message.byteCount
            self.oneWay[call.caller] = load
        }
        guard let since = self.queued(call, at: now()) else { return .goes }
        self.lookDue = min(self.lookDue, since.advanced(by: Self.longWait))
        return .waits
    }

    private mutating func queued(_ call: DeliveredCall, at now: @autoclosure () -> Tick) -> Tick? {
        let index = self.indexOfLine(of: call.object)
        return self.lines.values[index].queued(call, at: now())
    }

    private mutating func indexOfLine(of object: ObjectNumber) -> Int {
        self.lines.index(of: object) ?? self.lines.append(Line(), for: object)
    }

    /// A call that went to `object` has started there, or will not.
    package mutating func started(_ object: ObjectNumber) {
        guard let index = self.lines.index(of: object), self.lines.values[index].limit == nil
        else { return }
        if !self.lines.values[index].turns.isEmpty {
            // Its place is taken at once, so that nobody who comes now goes before those who wait.
            self.ready.append(object)
        } else if self.lines.values[index].ahead <= 1 {
            self.lines.remove(at: index)
        } else {
            self.lines.values[index].ahead -= 1
        }
    }

    /// The same, for whoever runs the calls of `object` one after another: gives the one that may
    /// go in its place, if any; to be run behind all those that went before.
    package mutating func startedNext(
        _ object: ObjectNumber, at now: @autoclosure () -> Tick
    ) -> DeliveredCall? {
        if let index = self.lines.index(of: object), self.lines.values[index].limit == nil,
            let call = self.lines.values[index].takeNext(at: now())
        {
            return call
        }
        self.started(object)
        return nil
    }

    /// A call that is one-way, or of an object with a limit, has ended.
    package mutating func ended(_ call: DeliveredCall) {
        if let index = self.lines.index(of: call.object), self.lines.values[index].ended(call) {
            self.ready.append(call.object)
        }
        guard call.identity == nil, var load = self.oneWay[call.caller] else { return }
        load.calls -= 1
        load.bytes -= call.message.byteCount
        self.oneWay[call.caller] = load.calls == 0 ? nil : load
    }

    /// From now on at most `count` calls of `object` run at a time. Those that went before its
    /// first limit are not counted.
    package mutating func limit(_ object: ObjectNumber, to count: Int) {
        let index = self.indexOfLine(of: object)
        let places = self.lines.values[index].limit(to: count)
        for _ in 0..<places { self.ready.append(object) }
    }

    /// The object is gone, and so is its limit: who waits for it may go, and be told.
    package mutating func forget(_ object: ObjectNumber) {
        guard let index = self.lines.index(of: object),
            let places = self.lines.values[index].unlimit()
        else { return }
        if places == 0 { self.lines.remove(at: index) }
        for _ in 0..<places { self.ready.append(object) }
    }

    /// The next call to deliver; nil if none may go now. `now` is asked for as in `arrived`.
    package mutating func next(at now: @autoclosure () -> Tick) -> DeliveredCall? {
        while let object = self.ready.popFirst() {
            if let index = self.lines.index(of: object),
                let call = self.lines.values[index].takeNext(at: now())
            {
                return call
            }
            // More places came free than calls wait.
            self.started(object)
        }
        return nil
    }
}

extension StartQueue {
    /// What is on its way to one object, and what waits for it.
    struct Line: Sendable {
        /// How many calls may run at a time; nil for as many as come.
        private(set) var limit: Int?
        /// Without a limit: calls that went and have not started.
        var ahead = 0
        /// With a limit: calls that went and have not ended, in this order.
        private(set) var running: [Holdup.Entry] = []
        var waiting = SmallTable<IncarnationID, Deque<Holdup.Entry>>()
        /// Callers of which a call waits, in the order of their turns.
        var turns: Deque<IncarnationID> = []

        /// Since when the call waits; nil if it may go.
        mutating func queued(_ call: DeliveredCall, at now: @autoclosure () -> Tick) -> Tick? {
            if let limit {
                if self.turns.isEmpty, self.running.count < limit {
                    self.running.append(Holdup.Entry(call: call, since: now()))
                    return nil
                }
            } else if self.ahead < StartQueue.aheadMax {
                self.ahead += 1
                return nil
            }
            let entry = Holdup.Entry(call: call, since: now())
            if let index = self.waiting.index(of: call.caller) {
                self.waiting.values[index].append(entry)
            } else {
                self.turns.append(call.caller)
                self.waiting.append([entry], for: call.caller)
            }
            return entry.since
        }

        mutating func takeNext(at now: @autoclosure () -> Tick) -> DeliveredCall? {
            if let limit, self.running.count >= limit { return nil }
            guard let caller = self.turns.popFirst(),
                let index = self.waiting.index(of: caller),
                let call = self.waiting.values[index].popFirst()?.call
            else { return nil }
            if self.waiting.values[index].isEmpty {
                self.waiting.remove(at: index)
            } else {
                self.turns.append(caller)
            }
            if self.limit != nil {
                self.running.append(Holdup.Entry(call: call, since: now()))
            }
            return call
        }

        /// Whether the place of `call` is free for one that waits.
        mutating func ended(_ call: DeliveredCall) -> Bool {
            guard let limit,
                let index = self.running.firstIndex(where: { $0.call.isSame(as: call) })
            else { return false }
            self.running.remove(at: index)
            return self.running.count < limit && !self.turns.isEmpty
        }

        /// Returns how many of those that wait may go now.
        mutating func limit(to count: Int) -> Int {
            self.limit = count
            self.ahead = 0
            return min(max(0, count - self.running.count), self.waitingCount)
        }

        /// Returns how many of those that wait may go now; nil if there was no limit.
        mutating func unlimit() -> Int? {
            guard self.limit != nil else { return nil }
            self.limit = nil
            self.running = []
            self.ahead = min(StartQueue.aheadMax, self.waitingCount)
            return self.ahead
        }

        private var waitingCount: Int { self.waiting.values.reduce(0) { $0 + $1.count } }
    }
}

extension DeliveredCall {
    /// One-way calls of one caller to one object may stand for each other.
    fileprivate func isSame(as other: DeliveredCall) -> Bool {
        self.identity == other.identity && self.caller == other.caller
    }
}
