// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/calls.md §8, §9. Pure: no I/O, no clock, no randomness.

package import BusWire
import DequeModule

/// Lets delivered calls go to their objects, so that callers get equal shares of an object.
///
/// An object takes calls in the order in which they come to it, so whoever calls most would have
/// most of it. Therefore only a few calls are on their way to one object at a time; the others wait
/// here by caller, and callers take turns. Calls of one caller keep their order (rules R17).
///
/// It also bounds what one-way calls take up, which no window of the caller does.
package struct StartQueue: Sendable {
    /// Calls on their way to one object that have not started.
    package static let aheadMax = 16
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
    private var lines: [ObjectNumber: Line] = [:]
    /// Objects to which a waiting call may go now, once for each place that came free.
    private var ready: Deque<ObjectNumber> = []
    /// One-way calls that wait or run.
    private var oneWay: [IncarnationID: Load] = [:]

    package init() {}

    /// Whether `next` has a call.
    package var isReady: Bool { !self.ready.isEmpty }

    /// A call was delivered.
    package mutating func arrived(_ call: DeliveredCall) -> Admission {
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
        return self.lines[call.object, default: Line()].admits(call) ? .goes : .waits
    }

    /// A call that went to `object` has started there, or will not.
    package mutating func started(_ object: ObjectNumber) {
        guard let line = self.lines[object] else { return }
        if !line.turns.isEmpty {
            // Its place is taken at once, so that nobody who comes now goes before those who wait.
            self.ready.append(object)
        } else if line.ahead == 1 {
            self.lines[object] = nil
        } else {
            self.lines[object]?.ahead -= 1
        }
    }

    /// A one-way call has ended.
    package mutating func ended(_ call: DeliveredCall) {
        guard call.identity == nil, var load = self.oneWay[call.caller] else { return }
        load.calls -= 1
        load.bytes -= call.message.byteCount
        self.oneWay[call.caller] = load.calls == 0 ? nil : load
    }

    /// The next call to deliver; nil if none may go now.
    package mutating func next() -> DeliveredCall? {
        while let object = self.ready.popFirst() {
            if let call = self.lines[object]?.takeNext() { return call }
            // More places came free than calls wait.
            self.started(object)
        }
        return nil
    }
}

/// What is on its way to one object, and what waits for it.
private struct Line {
    var ahead = 0
    var waiting: [IncarnationID: Deque<DeliveredCall>] = [:]
    /// Callers of which a call waits, in the order of their turns.
    var turns: Deque<IncarnationID> = []

    /// Whether the call may go; else it waits.
    mutating func admits(_ call: DeliveredCall) -> Bool {
        guard self.ahead >= StartQueue.aheadMax else {
            self.ahead += 1
            return true
        }
        if self.waiting[call.caller] == nil { self.turns.append(call.caller) }
        self.waiting[call.caller, default: []].append(call)
        return false
    }

    mutating func takeNext() -> DeliveredCall? {
        guard let caller = self.turns.popFirst(), let call = self.waiting[caller]?.popFirst()
        else { return nil }
        if self.waiting[caller]?.isEmpty ?? true {
            self.waiting[caller] = nil
        } else {
            self.turns.append(caller)
        }
        return call
    }
}
