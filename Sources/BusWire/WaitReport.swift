// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/waits.md §2. Pure: no I/O, no clock, no randomness.

package import BusValue

/// What one node tells of calls that came to it and have not started for long, of what keeps them
/// from starting, and of what that waits for (rules R23).
package struct WaitReport: Hashable, Sendable {
    /// Rows of one report.
    package static let rowsMax = 384
    /// Links between them.
    package static let linksMax = 8_192
    /// Bytes of a method's name that are told.
    package static let methodBytesMax = 80

    /// One call, and whether it can go on.
    package struct Row: Hashable, Sendable {
        /// A one-way call has the number 0, which names no call.
        package var call: CallIdentity
        package var object: ObjectNumber
        package var method: String
        /// How many nanoseconds ago it came, or started; zero if that is not known.
        package var age: UInt64
        package var state: State

        package init(
            _ call: CallIdentity, _ object: ObjectNumber, _ method: String, age: UInt64,
            _ state: State
        ) {
            (self.call, self.object, self.age, self.state) = (call, object, age, state)
            self.method = String(decoding: method.utf8.prefix(Self.methodBytes), as: UTF8.self)
        }

        private static let methodBytes = WaitReport.methodBytesMax
    }

    /// Links are places in `rows`.
    package enum State: Hashable, Sendable {
        /// Came, and has not started. It starts when one of those has ended.
        case waits(behind: [Int])
        /// The same, but it is not known for which others it waits, or not all are told.
        case isLate(behind: [Int])
        /// Has started, and waits for the answers to those, which it called.
        case runs(awaiting: [Int])
        /// What becomes of it, another node must know.
        case isElsewhere
    }

    /// How many nanoseconds it took to find out: the report holds for the time before that.
    package var took: UInt64
    package var rows: [Row]
    /// Calls that wait and have no row.
    package var more: Int

    package init(took: UInt64 = 0, rows: [Row] = [], more: Int = 0) {
        (self.took, self.rows, self.more) = (took, rows, more)
    }
}

extension WaitReport {
    package var value: Value {
        .map([
            "took": Value(self.took), "more": Value(self.more),
            "rows": .array(self.rows.map(\.value)),
        ])
    }

    /// Reads a report of the node `reporter`. Throws a sentence that says what is wrong.
    package init(_ value: Value) throws(BodyError) {
        guard let took = value["took"]?.unsignedValue, let more = value["more"]?.intValue,
            let list = value["rows"]?.arrayValue, list.count <= Self.rowsMax, more >= 0
        else {
            throw BodyError(message: "a report has took, more, and \(Self.rowsMax) rows at most")
        }
        self.init(took: took, more: more)
        var links = 0
        for entry in list {
            let row = try Row(entry, rowCount: list.count)
            links += row.state.links.count
            guard links <= Self.linksMax else {
                throw BodyError(message: "a report has \(Self.linksMax) links at most")
            }
            self.rows.append(row)
        }
    }
}

extension WaitReport.State {
    package var links: [Int] {
        switch self {
        case .waits(let links), .isLate(let links), .runs(let links): links
        case .isElsewhere: []
        }
    }

    private enum Word: String {
        case waits
        case late
        case runs
        case elsewhere
    }

    fileprivate var word: String {
        switch self {
        case .waits: Word.waits.rawValue
        case .isLate: Word.late.rawValue
        case .runs: Word.runs.rawValue
        case .isElsewhere: Word.elsewhere.rawValue
        }
    }

    fileprivate init?(_ word: String, _ links: [Int]) {
        switch Word(rawValue: word) {
        case .waits: self = .waits(behind: links)
        case .late: self = .isLate(behind: links)
        case .runs: self = .runs(awaiting: links)
        case .elsewhere: self = .isElsewhere
        case nil: return nil
        }
    }
}

extension WaitReport.Row {
    fileprivate var value: Value {
        .array([
            Value(self.call.caller.rawValue), Value(self.call.callee.rawValue),
            Value(self.call.number.rawValue), Value(self.object.rawValue),
            .string(self.method), Value(self.age), .string(self.state.word),
            .array(self.state.links.map { Value($0) }),
        ])
    }

    fileprivate init(_ value: Value, rowCount: Int) throws(BodyError) {
        guard let parts = value.arrayValue, parts.count >= 8,
            let caller = parts[0].unsignedValue, let callee = parts[1].unsignedValue,
            let number = parts[2].unsignedValue, let object = parts[3].unsignedValue,
            let method = parts[4].stringValue, let age = parts[5].unsignedValue,
            let word = parts[6].stringValue, let list = parts[7].arrayValue
        else { throw BodyError(message: "a row of a report has eight members") }
        let links = list.compactMap(\.intValue).filter { (0..<rowCount).contains($0) }
        guard links.count == list.count, let state = WaitReport.State(word, links) else {
            throw BodyError(message: "a row of a report is \(word), with links to rows")
        }
        self.init(
            CallIdentity(
                caller: IncarnationID(rawValue: caller), callee: IncarnationID(rawValue: callee),
                number: CallNumber(rawValue: number)),
            ObjectNumber(rawValue: object), method, age: age, state)
    }
}
