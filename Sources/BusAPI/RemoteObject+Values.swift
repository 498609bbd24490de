// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/calls.md for callers that know neither types nor Swift: the command.

package import BusValue
import BusWire

extension RemoteObject {
    /// What a call gave, whatever it is: slots in `value` are places in `references`, which are
    /// held as long as these live.
    package struct DynamicResult: Sendable {
        package let value: Value
        package let references: [RemoteObject]
    }

    /// Calls a method by its full name with values that may contain references.
    ///
    /// - Parameters:
    ///   - arguments: Slots in them are places in `references`.
    ///   - references: Objects of this bus, each at most once.
    /// - Throws: what the object threw, or `BusError`; `invalid` for a slot without a reference.
    package func callForValue(
        _ method: String, _ arguments: [Value], references: [RemoteObject] = []
    ) async throws -> DynamicResult {
        precondition(Set(references).count == references.count, "an object is given twice")
        for argument in arguments where !argument.hasSlots(below: references.count) {
            throw BusError(.invalid, "an argument has a slot to which no reference belongs")
        }
        var encoder = PayloadEncoder(self.bus)
        encoder.append(byte: 0x80)
        encoder.include(references.map(\.id))
        for argument in arguments { try encoder.append(argument) }
        encoder.setArrayCount(arguments.count)
        guard !self.id.options.isOneWay else { throw BusError.noResult(of: method) }
        let reply = try await self.bus.call(self.id, method: method, encoder)
        let value = try self.bus.decode(Value.self, from: reply)
        let received = reply.message.references.map {
            RemoteObject(self.bus.hold($0.reference), self.bus)
        }
        withExtendedLifetime(reply) {}
        return DynamicResult(value: value, references: received)
    }
}

extension Value {
    /// Whether every slot in this value is less than `count`.
    fileprivate func hasSlots(below count: Int) -> Bool {
        switch self {
        case .reference(let slot): slot.index < count
        case .array(let elements): elements.allSatisfy { $0.hasSlots(below: count) }
        case .set(let set): set.members.allSatisfy { $0.hasSlots(below: count) }
        case .map(let map):
            map.allSatisfy {
                $0.key.hasSlots(below: count) && $0.value.hasSlots(below: count)
            }
        default: true
        }
    }
}
