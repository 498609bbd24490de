// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/names.md §6. Pure: no I/O, no clock, no randomness.

package import BusKernel
import BusValue
import BusWire

/// Questions about names that are answered when there is something to tell.
extension BrokerStateMachine {
    /// Somebody who knows all changes of names with `prefix` up to `after` waits for the next one.
    struct NameWatch: Sendable {
        let header: FrameHeader
        let prefix: String
        let after: UInt64
        let since: Tick
    }

    /// Watches of one node that wait; one more is refused `overloaded`.
    package static let watchesPerNode = 256
    /// A watch is answered after so long also if nothing has changed: its caller may have given up,
    /// which nobody tells the broker.
    package static let watchTime = Span.seconds(10)

    /// Answers a question about changes, now or later: nil means later.
    mutating func watchNames(
        _ header: FrameHeader, _ prefix: String, _ arguments: [Value], _ slot: NodeSlot,
        _ now: Tick
    ) throws(BusError) -> Value? {
        let run = arguments.count > 1 ? arguments[1].stringValue : nil
        let after = arguments.count > 2 ? arguments[2].intValue.map { UInt64(max(0, $0)) } : nil
        guard let after, run == hexadecimal(self.run) else {
            // Who was published may still come back: they are not told to have gone.
            guard self.missing.isEmpty else {
                throw BusError(.recovering, "who has published names may still come back")
            }
            return self.namesAnswer(nil, prefix)
        }
        let changes = self.nameLog.changes(after: after, withPrefix: prefix)
        guard changes?.isEmpty ?? false else { return self.namesAnswer(changes, prefix) }
        guard self.nameWatches[slot]?.count ?? 0 < Self.watchesPerNode else {
            throw BusError(
                .overloaded, "a node may watch names \(Self.watchesPerNode) times at once")
        }
        self.nameWatches[slot, default: []].append(
            NameWatch(header: header, prefix: prefix, after: after, since: now))
        return nil
    }

    /// The claims to `name` have changed.
    mutating func noteClaims(to name: String) {
        self.nameLog.note(name, self.names.queue(of: name))
    }

    /// Answers those who wait for what has changed since they asked.
    mutating func answerWatches(_ effects: inout [BrokerEffect]) {
        guard self.answeredChange != self.nameLog.last else { return }
        self.answeredChange = self.nameLog.last
        self.answerWatches(&effects) { machine, watch in
            let changes = machine.nameLog.changes(after: watch.after, withPrefix: watch.prefix)
            return changes?.isEmpty ?? false ? nil : machine.namesAnswer(changes, watch.prefix)
        }
    }

    /// Answers those who have waited long, that nothing has changed.
    mutating func endWatches(at now: Tick, _ effects: inout [BrokerEffect]) {
        self.answerWatches(&effects) { machine, watch in
            now.since(watch.since) < Self.watchTime ? nil : machine.namesAnswer([], watch.prefix)
        }
    }

    /// Sends what `answer` says, to those of whom it says something.
    private mutating func answerWatches(
        _ effects: inout [BrokerEffect], _ answer: (BrokerStateMachine, NameWatch) -> Value?
    ) {
        for slot in self.nameWatches.keys.sorted() {
            var waiting: [NameWatch] = []
            for watch in self.nameWatches[slot] ?? [] {
                guard let value = answer(self, watch) else {
                    waiting.append(watch)
                    continue
                }
                let reply = FrameHeader(kind: .reply, peer: .broker, call: watch.header.call)
                self.send(Message(reply, payload: (try? value.encoded()) ?? []), to: slot, &effects)
            }
            self.nameWatches[slot] = waiting.isEmpty ? nil : waiting
        }
    }

    /// The changes, or if they are nil all names, and up to which change that is.
    private func namesAnswer(_ changes: [NameLog.Change]?, _ prefix: String) -> Value {
        var answer: ValueMap = [
            "run": .string(hexadecimal(self.run)), "number": Value(self.nameLog.last),
        ]
        if let changes {
            answer["changes"] = .array(
                changes.map { change in
                    .array([.string(change.name), .array(self.rows(change.name, change.queue))])
                })
        } else {
            answer["names"] = self.listNames(prefix: prefix)
        }
        return .map(answer)
    }

    /// All claims to names that begin with `prefix`.
    func listNames(prefix: String) -> Value {
        .array(
            self.names.names(withPrefix: prefix).flatMap {
                self.rows($0, self.names.queue(of: $0))
            })
    }

    private func rows(_ name: String, _ queue: [NameTable.Claim]) -> [Value] {
        queue.enumerated().map { position, claim in
            let owner = self.nodes.slot(of: claim.reference.owner)
                .map { self.nodes.facts(of: $0) }
            var row: ValueMap = [
                "name": .string(name), "interface": .string(claim.interface),
                "node": .string(owner?.name ?? "?"),
                "reference": .string(claim.reference.description),
            ]
            if let replicas = claim.replicas {
                row["standby"] = .integer(0)
                row["replicas"] = .string(replicas.rawValue)
            } else {
                row["standby"] = .integer(Int64(position))
                if position == 0 { row["fence"] = Value(claim.fence) }
            }
            return .map(row)
        }
    }
}
