// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/broker.md §9. Pure: no I/O, no clock, no randomness.

import BusKernel
import BusValue
import BusWire

/// Telling what is called how often; it is measured while somebody asks.
extension BrokerStateMachine {
    mutating func measureTraffic(at now: Tick) -> Value {
        if self.observing.isEmpty { self.observing = [Observing()] }
        self.isObserved = true
        var traffic = self.observing[0].traffic ?? Traffic(at: now)
        traffic.heardAt = now
        self.observing[0].traffic = traffic
        return .map([
            "since": .double(seconds(traffic.since.since(self.startedAt))),
            "seconds": .double(seconds(now.since(self.startedAt))),
            "rows": .array(traffic.rows.map(self.value)), "others": self.value(traffic.others),
        ])
    }

    private func value(_ row: Traffic.Row) -> Value {
        let holders = self.holders[row.key.target]?.holdings.count ?? 0
        let latency = row.latency.places.flatMap { [Value($0.place), Value($0.count)] }
        return .array([
            .string(row.node), .string(row.key.target.description),
            row.name.map(Value.string) ?? .null, row.key.method.map(Value.string) ?? .null,
            Value(row.calls), Value(row.oneWay), Value(row.replies), Value(row.failures),
            Value(row.open), Value(holders), .array(latency),
        ])
    }
}
