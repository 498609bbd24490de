// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/waits.md §4. Pure: no I/O, no clock, no randomness.

package import BusKernel
import BusWire

/// What nodes have told of calls that wait for others, and the circles in it (rules R23).
///
/// A call can't go on if it waits for others of which none can, or runs and awaits one that can't.
/// What nobody tells of goes on. Calls have identities, and whoever waits for one does so until it
/// is answered or given up; so calls that can't go on never will, if all that is told of them was
/// true at one time.
package struct WaitTable: Sendable {
    /// Rows of all reports together; one that would exceed it is refused.
    package static let rowsMax = 65_536
    /// How long a report holds that is not made anew.
    package static let reportLife = Span.seconds(5)
    /// How soon a node may report again.
    package static let reportPause = Span.milliseconds(100)
    /// Circles that are remembered.
    package static let foundMax = 16

    struct Entry: Sendable {
        let reporter: IncarnationID
        var report: WaitReport
        let receivedAt: Tick

        /// Before this everything in it was true.
        var heldAt: Tick {
            Tick(nanoseconds: self.receivedAt.nanoseconds &- self.took)
        }

        private var took: UInt64 { min(self.report.took, self.receivedAt.nanoseconds) }
    }

    /// A row of a report.
    struct Place: Hashable, Comparable, Sendable {
        let slot: NodeSlot
        let row: Int

        static func < (left: Place, right: Place) -> Bool {
            (left.slot, left.row) < (right.slot, right.row)
        }
    }

    private var entries: [NodeSlot: Entry] = [:]
    private(set) var rowCount = 0
    /// Where the callee of a call tells of it.
    private var own: [CallIdentity: Place] = [:]
    private(set) var found: [(text: String, at: Tick)] = []
    private(set) var foundCount = 0

    /// A node tells anew. Throws `overloaded` if it may not.
    mutating func report(
        _ report: WaitReport, by slot: NodeSlot, _ reporter: IncarnationID, at now: Tick
    ) throws(BusError) {
        if let last = self.entries[slot], now.since(last.receivedAt) < Self.reportPause {
            throw BusError(.overloaded, "a node may report ten times a second")
        }
        self.forget(slot)
        guard !report.rows.isEmpty else { return }
        guard self.rowCount + report.rows.count <= Self.rowsMax else {
            throw BusError(.overloaded, "\(Self.rowsMax) calls that wait are known already")
        }
        self.entries[slot] = Entry(reporter: reporter, report: report, receivedAt: now)
        self.rowCount += report.rows.count
        for (index, row) in report.rows.enumerated() where row.isOwn(of: reporter) {
            self.own[row.call] = Place(slot: slot, row: index)
        }
    }

    /// The node has nothing to tell, or no link any more.
    mutating func forget(_ slot: NodeSlot) {
        guard let entry = self.entries.removeValue(forKey: slot) else { return }
        self.rowCount -= entry.report.rows.count
        for row in entry.report.rows where self.own[row.call]?.slot == slot {
            self.own[row.call] = nil
        }
    }

    /// A call is about to fail, and nobody waits for it any more.
    mutating func settle(_ place: Place) {
        self.entries[place.slot]?.report.rows[place.row].state = .isElsewhere
    }

    mutating func note(_ text: String, at now: Tick) {
        self.foundCount += 1
        if self.found.count == Self.foundMax { self.found.removeFirst() }
        self.found.append((text, now))
    }

    /// What is known at present, by node.
    func reports(at now: Tick) -> [(NodeSlot, WaitReport)] {
        self.entries.keys.sorted().compactMap { slot in
            guard let entry = self.entries[slot],
                now.since(entry.receivedAt) < Self.reportLife
            else { return nil }
            return (slot, entry.report)
        }
    }

    /// The rows that a row waits for, in the same report.
    func links(_ place: Place) -> [Place] {
        self.row(place)?.state.links.map { Place(slot: place.slot, row: $0) } ?? []
    }

    func row(_ place: Place) -> WaitReport.Row? {
        guard let rows = self.entries[place.slot]?.report.rows, place.row < rows.count else {
            return nil
        }
        return rows[place.row]
    }

    /// A circle of calls of which each waits for the next, and one that came to the node of
    /// `slot`, the youngest, waits for the first: it is the first of these. Nil if there is none.
    func circle(through slot: NodeSlot, at now: Tick) -> [Place]? {
        guard let entry = self.entries[slot] else { return nil }
        let starts = entry.report.rows.indices.filter { index in
            let row = entry.report.rows[index]
            guard case .waits = row.state else { return false }
            return row.isOwn(of: entry.reporter)
        }
        guard !starts.isEmpty else { return nil }
        // A report that tells twice of a call may say the second time that it runs.
        let places = starts.map { self.told(Place(slot: slot, row: $0)) }.filter { place in
            if case .waits = self.row(place)?.state { true } else { false }
        }
        let stuck = self.stuck(from: places, at: now)
        for place in places.sorted(by: { self.isYounger($0, $1) }) where stuck.contains(place) {
            guard let circle = self.way(back: place, in: stuck, at: now), self.held(circle)
            else { continue }
            return circle
        }
        return nil
    }

    private func isYounger(_ left: Place, _ right: Place) -> Bool {
        let (leftAge, rightAge) = (self.row(left)?.age ?? 0, self.row(right)?.age ?? 0)
        return leftAge == rightAge ? left < right : leftAge < rightAge
    }

    /// Where most is told of the call of a row: at its callee, if that tells of it.
    func told(_ place: Place) -> Place {
        guard let call = self.row(place)?.call, let own = self.own[call] else { return place }
        return own
    }

    /// What the call of a row waits for; empty if it goes on, for all that is known.
    private func next(_ place: Place, at now: Tick) -> [Place] {
        guard let entry = self.entries[place.slot], let row = self.row(place),
            now.since(entry.receivedAt) < Self.reportLife
        else { return [] }
        switch row.state {
        case .waits(let links): return links.map { self.told(Place(slot: place.slot, row: $0)) }
        case .runs(let links):
            // Nobody awaits what another one called.
            return links.filter { entry.report.rows[$0].call.caller == row.call.callee }
                .map { self.told(Place(slot: place.slot, row: $0)) }
        case .isLate, .isElsewhere: return []
        }
    }

    /// The calls that can't go on, of all that those of `places` wait for.
    private func stuck(from places: [Place], at now: Tick) -> Set<Place> {
        var graph: [Place: [Place]] = [:]
        var waiters: [Place: [Place]] = [:]
        var open = places
        while let place = open.popLast() {
            guard graph[place] == nil else { continue }
            let links = self.next(place, at: now)
            graph[place] = links
            for link in links { waiters[link, default: []].append(place) }
            open += links
        }
        // Order-free: whatever is free is found, in whatever order.
        var free = graph.filter { $0.value.isEmpty }.map(\.key)
        var left = graph.mapValues(\.count)
        while let place = free.popLast() {
            guard left.removeValue(forKey: place) != nil else { continue }
            for waiter in waiters[place] ?? [] {
                guard let count = left[waiter] else { continue }
                left[waiter] = count - 1
                if count == 1 || !self.awaitsAll(waiter) { free.append(waiter) }
            }
        }
        return Set(left.keys)
    }

    /// Whether a call goes on only when all that it waits for do.
    private func awaitsAll(_ place: Place) -> Bool {
        if case .runs = self.row(place)?.state { true } else { false }
    }

    /// The shortest way from `start` to itself, along calls that are stuck.
    private func way(back start: Place, in stuck: Set<Place>, at now: Tick) -> [Place]? {
        var before: [Place: Place] = [:]
        var open = [start]
        var index = 0
        while index < open.count {
            let place = open[index]
            index += 1
            for link in self.next(place, at: now) where stuck.contains(link) {
                if link == start {
                    var way = [place]
                    while let last = way.last, last != start, let earlier = before[last] {
                        way.append(earlier)
                    }
                    return way.reversed()
                }
                guard before[link] == nil else { continue }
                before[link] = place
                open.append(link)
            }
        }
        return nil
    }

    /// Whether all waits of a circle were there at one time, for all that is told.
    private func held(_ circle: [Place]) -> Bool {
        var (begun, confirmed) = (Tick.zero, Tick.distantFuture)
        for place in circle {
            guard let entry = self.entries[place.slot], let row = self.row(place) else {
                return false
            }
            confirmed = min(confirmed, entry.heldAt)
            guard row.isOwn(of: entry.reporter) else { continue }
            let age = min(row.age, entry.receivedAt.nanoseconds)
            begun = max(begun, Tick(nanoseconds: entry.receivedAt.nanoseconds - age))
        }
        return begun <= confirmed
    }
}

extension WaitReport.Row {
    /// Whether the reporter is the one who must know.
    func isOwn(of reporter: IncarnationID) -> Bool {
        self.call.callee == reporter && self.call.number.rawValue != 0
            && self.state != .isElsewhere
    }
}
