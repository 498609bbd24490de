// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/waits.md §1-§3. Pure: no I/O, no clock, no randomness.

package import BusKernel
package import BusWire

/// Finds out what the calls wait for that have waited long at one node, and makes its report.
///
/// It begins with what the node knows itself. What a call waits for that went to another node and
/// has started there, that node knows: `asks` says whom to ask, until there is nothing to ask.
package struct WaitSurvey: Sendable {
    /// Calls that are asked for.
    package static let asksMax = 64

    private let node: IncarnationID
    private var rows: [WaitReport.Row] = []
    private var places: [CallIdentity: Int] = [:]
    private var more = 0
    private var linkCount = 0
    private var asked = 0
    private var open: [CallIdentity] = []

    /// - Parameter awaited: what a handler of this node waits for; see `NodeStateMachine.awaited`.
    package init(
        _ holdups: [Holdup], at node: IncarnationID, _ now: Tick,
        awaited: (Extensions.ParentCall, ChainID?) -> [AwaitedCall]
    ) {
        self.node = node
        for holdup in holdups {
            self.more += holdup.more
            let behind = (holdup.running ?? []).compactMap { entry in
                self.add(entry, at: now, .runs(awaiting: []))
            }
            let isWhole = holdup.running.map { $0.count == behind.count } ?? false
            for entry in holdup.waiting {
                let state: WaitReport.State =
                    isWhole ? .waits(behind: behind) : .isLate(behind: behind)
                if self.add(entry, at: now, state) == nil { self.more += 1 }
            }
            for (place, entry) in zip(behind, holdup.running ?? []) where isWhole {
                let extensions = try? entry.call.message.extensions()
                let call = self.rows[place].call
                let parent = Extensions.ParentCall(caller: call.caller, number: call.number)
                let isOneWay = entry.call.identity == nil
                self.awaits(place, awaited(parent, isOneWay ? extensions?.chain : nil))
            }
        }
    }

    /// Calls of which it is to be found out what they wait for; each is told once. If it is a call
    /// to this node itself, by `NodeStateMachine.awaited`, else its callee is to be asked.
    package mutating func asks() -> [CallIdentity] {
        let asks = Array(self.open.prefix(Self.asksMax - self.asked))
        self.open = []
        self.asked += asks.count
        return asks
    }

    /// What the handler of a call waits for; nothing if it has not started or is not known.
    package mutating func answered(_ call: CallIdentity, _ awaited: [AwaitedCall]) {
        guard let place = self.places[call], !awaited.isEmpty else { return }
        guard case .isElsewhere = self.rows[place].state else { return }
        self.awaits(place, awaited)
    }

    package func report(took: Span) -> WaitReport {
        WaitReport(took: took.nanoseconds, rows: self.rows, more: self.more)
    }

    private mutating func add(
        _ entry: Holdup.Entry, at now: Tick, _ state: WaitReport.State
    ) -> Int? {
        let number = entry.call.identity?.number ?? CallNumber(rawValue: 0)
        let call = CallIdentity(caller: entry.call.caller, callee: self.node, number: number)
        let method = (try? entry.call.message.extensions().method) ?? ""
        return self.add(
            WaitReport.Row(
                call, entry.call.object, method, age: now.since(entry.since).nanoseconds, state))
    }

    /// Where the row is; nil if there is no room.
    private mutating func add(_ row: WaitReport.Row) -> Int? {
        let links = row.state.links.count
        guard self.rows.count < WaitReport.rowsMax, self.linkCount + links <= WaitReport.linksMax
        else { return nil }
        self.linkCount += links
        if row.call.number.rawValue != 0 { self.places[row.call] = self.rows.count }
        self.rows.append(row)
        return self.rows.count - 1
    }

    /// The call of the row at `place` has started and waits for those.
    private mutating func awaits(_ place: Int, _ awaited: [AwaitedCall]) {
        var links: [Int] = []
        for call in awaited where self.linkCount < WaitReport.linksMax {
            let row = WaitReport.Row(call.call, call.object, call.method, age: 0, .isElsewhere)
            let known = self.places[call.call]
            guard let link = known ?? self.add(row) else { continue }
            if known == nil { self.open.append(call.call) }
            links.append(link)
            self.linkCount += 1
        }
        self.rows[place].state = .runs(awaiting: links)
    }
}
