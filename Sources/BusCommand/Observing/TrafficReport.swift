// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BusAPI
import BusKernel

/// Pure: what was called between two samples, by node, by object and by method.
struct TrafficReport: Hashable {
    enum Grouping: String, CaseIterable, ExpressibleByArgument {
        case node, object, method
    }

    /// What the first row has most of.
    enum Order: String, CaseIterable, ExpressibleByArgument {
        case calls, errors, p50, p99, open, pinned
    }

    struct Row: Hashable {
        let title: String
        var calls: Int64 = 0
        var errors: Int64 = 0
        var open: Int64 = 0
        /// References that the node holds, or nodes that hold the object; 0 for a method.
        var pinned: Int64 = 0
        var latency = LatencyCounts()

        fileprivate func value(_ order: Order) -> UInt64 {
            switch order {
            case .calls: UInt64(self.calls)
            case .errors: UInt64(self.errors)
            case .p50: self.latency.nanoseconds(at: 0.5) ?? 0
            case .p99: self.latency.nanoseconds(at: 0.99) ?? 0
            case .open: UInt64(self.open)
            case .pinned: UInt64(self.pinned)
            }
        }
    }

    let seconds: Double
    /// Everything together.
    private(set) var total = Row(title: "all")
    private(set) var groups: [Grouping: [Row]] = [:]
    /// Rows that are left out, because there are more than were wanted.
    private(set) var more: [Grouping: Int] = [:]

    /// - Parameter held: references that each node holds.
    init(
        since former: TrafficSample, _ sample: TrafficSample, held: [String: Int64],
        _ order: Order, rows: Int
    ) {
        let isContinued = former.since == sample.since
        self.seconds = max(0.001, sample.seconds - (isContinued ? former.seconds : sample.since))
        let changes = Self.changes(since: former, sample)
        for row in changes { self.total.add(row) }
        // Not every call of an object is made by its name.
        let names = Dictionary(
            sample.rows.compactMap { row in row.name.map { (row.reference, $0) } },
            uniquingKeysWith: { _, last in last })
        for grouping in Grouping.allCases {
            var groups: [String: Row] = [:]
            for row in changes {
                let title = row.title(grouping, names)
                groups[title, default: Row(title: title)].add(row)
                if grouping == .object { groups[title]?.pinned = row.holders }
            }
            if grouping == .node {
                for (node, count) in held { groups[node, default: Row(title: node)].pinned = count }
            }
            let sorted = groups.values.sorted {
                let (left, right) = ($0.value(order), $1.value(order))
                return left == right ? $0.title < $1.title : left > right
            }
            self.groups[grouping] = Array(sorted.prefix(rows))
            self.more[grouping] = max(0, sorted.count - rows)
        }
    }

    /// Rows with what was added since `former`.
    private static func changes(
        since former: TrafficSample, _ sample: TrafficSample
    ) -> [TrafficSample.Row] {
        guard former.since == sample.since else { return sample.rows }
        let before = Dictionary(
            former.rows.map { ([$0.reference, $0.method], $0) },
            uniquingKeysWith: { first, _ in first })
        return sample.rows.compactMap { row in
            var row = row
            if let former = before[[row.reference, row.method]] {
                row.calls -= former.calls
                row.failures -= former.failures
                row.latency = row.latency.added(since: former.latency)
            }
            return row.calls == 0 && row.failures == 0 && row.latency.total == 0 && row.open == 0
                ? nil : row
        }
    }

    // MARK: Text

    /// One table for each grouping, with lines of at most `width` characters if that can be.
    func lines(by only: Grouping?, width: Int) -> [String] {
        let head =
            "\(self.rate(self.total.calls)) calls/s  \(self.rate(self.total.errors)) errors/s  "
            + "p50 \(Self.time(self.total, 0.5))  p99 \(Self.time(self.total, 0.99))  "
            + "\(self.total.open) open"
        let groupings = only.map { [$0] } ?? Grouping.allCases
        return [String(head.prefix(width))] + groupings.flatMap { self.table($0, width) }
    }

    private func table(_ grouping: Grouping, _ width: Int) -> [String] {
        let rows = (self.groups[grouping] ?? []).map { row in
            [
                row.title, self.rate(row.calls), self.rate(row.errors), Self.time(row, 0.5),
                Self.time(row, 0.99), "\(row.open)",
            ] + (grouping == .method ? [] : ["\(row.pinned)"])
        }
        guard !rows.isEmpty else { return [] }
        let columns = ["CALLS/S", "ERRORS/S", "P50", "P99", "OPEN"]
        let head =
            [grouping.rawValue.uppercased()] + columns + (grouping == .method ? [] : ["PINNED"])
        let more = self.more[grouping] ?? 0
        return [""] + Self.aligned([head] + rows, width: width)
            + (more > 0 ? ["and \(more) more"] : [])
    }

    /// What the first column has at least; before it gets less, the last columns are left out.
    private static let titleWidth = 8

    /// The first column gives way, so that numbers stay whole; these end below each other.
    private static func aligned(_ rows: [[String]], width: Int) -> [String] {
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        let numbers = widths.dropFirst().reduce(0) { $0 + $1 + 2 }
        if self.titleWidth + numbers > width, rows[0].count > 2 {
            return self.aligned(rows.map { Array($0.dropLast()) }, width: width)
        }
        let longest = rows.map { Text.line($0[0]).count }.max() ?? 0
        let first = max(self.titleWidth, min(longest, width - numbers))
        return rows.map { row in
            let title = Text.line(row[0])
            let shown = title.count > first ? "\(title.prefix(first - 1))…" : title
            let cells = row.indices.dropFirst().map { column in
                String(repeating: " ", count: widths[column] - row[column].count + 2) + row[column]
            }
            return shown + String(repeating: " ", count: first - shown.count) + cells.joined()
        }
    }

    /// A second, with a decimal if it is small.
    private func rate(_ count: Int64) -> String {
        let rate = Double(count) / self.seconds
        return rate >= 100 || rate == 0
            ? "\(Int64(rate.rounded()))" : "\((rate * 10).rounded() / 10)"
    }

    private static func time(_ row: Row, _ share: Double) -> String {
        row.latency.nanoseconds(at: share).map { Text.duration(nanoseconds: Int64($0)) } ?? "-"
    }

    // MARK: JSON

    /// Everything for programs: counts, rates and nanoseconds.
    var json: Value {
        var map: ValueMap = ["seconds": .double(self.seconds), "all": self.json(self.total, nil)]
        for (grouping, key) in [
            (Grouping.node, "nodes"), (.object, "objects"), (.method, "methods"),
        ] {
            map[.string(key)] = .array(
                (self.groups[grouping] ?? []).map { self.json($0, grouping) })
        }
        return .map(map)
    }

    private func json(_ row: Row, _ grouping: Grouping?) -> Value {
        var map: ValueMap = [
            "calls": .integer(row.calls), "errors": .integer(row.errors),
            "callsPerSecond": .double(Double(row.calls) / self.seconds),
            "errorsPerSecond": .double(Double(row.errors) / self.seconds),
            "p50": row.latency.nanoseconds(at: 0.5).map { Value($0) } ?? .null,
            "p99": row.latency.nanoseconds(at: 0.99).map { Value($0) } ?? .null,
            "open": .integer(row.open),
        ]
        if let grouping { map[.string(grouping.rawValue)] = .string(row.title) }
        if grouping == .node || grouping == .object { map["pinned"] = .integer(row.pinned) }
        return .map(map)
    }
}

extension TrafficReport.Row {
    fileprivate mutating func add(_ row: TrafficSample.Row) {
        self.calls += row.calls
        self.errors += row.failures
        self.open += row.open
        self.latency.add(row.latency)
    }
}

extension TrafficSample.Row {
    fileprivate func title(
        _ grouping: TrafficReport.Grouping, _ names: [String: String]
    ) -> String {
        if self.node.isEmpty { return "(others)" }
        return switch grouping {
        case .node: self.node
        case .object: names[self.reference] ?? self.reference
        case .method: self.method ?? "?"
        }
    }
}
