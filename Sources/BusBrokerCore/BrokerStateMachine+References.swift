// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/broker.md §6. Pure: no I/O, no clock, no randomness.

import BusKernel
import BusValue
import BusWire

/// Telling who holds what, for people and tools.
extension BrokerStateMachine {
    /// Names that one reference is listed with; more are left out.
    static let namesListed = 8

    func listReferences() -> Value {
        let listed = self.holders.first(self.limits.listed)
        let names = self.names.names(of: Set(listed), atMost: Self.namesListed)
        return .map([
            "references": .array(
                listed.map { reference in
                    let row = self.holders[reference] ?? HolderTable.Row()
                    var map = self.identity(of: reference, names[reference] ?? [])
                    map["holders"] = Value(row.holdings.count)
                    map["copies"] = Value(row.holdings.reduce(0) { $0 &+ $1.count })
                    return .map(map)
                }), "more": Value(self.holders.rowCount - listed.count),
        ])
    }

    /// - Parameter text: a published name, or a reference.
    func describeReference(_ text: String, at now: Tick) throws(BusError) -> Value {
        let reference: Reference
        if let named = self.names.head(of: text)?.reference {
            reference = named
        } else if let read = Reference(text) {
            reference = read
        } else if self.missing.isEmpty {
            throw self.noName(text)
        } else {
            throw BusError(.recovering, "who has published '\(text)' may still come back")
        }
        guard let row = self.holders[reference] else {
            throw BusError(.notFound, "nobody holds \(reference)")
        }
        let names = self.names.names(of: [reference], atMost: Self.namesListed)[reference] ?? []
        var map = self.identity(of: reference, names)
        map["generation"] = Value(row.generation.rawValue)
        map["holders"] = .array(
            row.holdings.prefix(self.limits.listed).map { holding in
                .map([
                    "node": .string(self.nodes.facts(of: holding.node).name),
                    "incarnation": .string(
                        self.nodes[holding.node]?.incarnation.description ?? "?"),
                    "copies": Value(holding.count),
                    "seconds": .double(seconds(now.since(holding.receipt.at))),
                    "through": .string(self.origin(holding.receipt)),
                    "isRevoked": .bool(holding.generation < row.generation),
                ])
            })
        map["more"] = Value(max(0, row.holdings.count - self.limits.listed))
        return .map(map)
    }

    func identity(of reference: Reference, _ names: [String]) -> ValueMap {
        let owner = self.nodes.slot(of: reference.owner).map { self.nodes.facts(of: $0).name }
        return [
            "reference": .string(reference.description), "node": .string(owner ?? "?"),
            "names": .array(names.map { .string($0) }),
        ]
    }

    private func origin(_ receipt: HolderTable.Receipt) -> String {
        let sender =
            self.nodes.slot(of: receipt.sender).map { self.nodes.facts(of: $0).name }
            ?? receipt.sender.description
        return switch receipt.way {
        case .restated: "an earlier run of the broker"
        case .find: "its name"
        case .claim: "its tag"
        case .call: "call \(receipt.call.rawValue) by \(sender)"
        case .answer: "call \(receipt.call.rawValue), answered by \(sender)"
        }
    }
}

extension Reference {
    /// Reads the text that `description` writes; nil if it is none.
    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].utf8.count == 16,
            let owner = UInt64(parts[0], radix: 16), let object = UInt64(parts[1])
        else { return nil }
        self.init(
            owner: IncarnationID(rawValue: owner), object: ObjectNumber(rawValue: object))
    }
}
