// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/references.md §6. Pure: no I/O, no clock, no randomness.

import BusKernel
import BusWire

/// Revoking, and telling holders of it (rules R25, R26).
extension BrokerStateMachine {
    mutating func revoke(
        _ header: FrameHeader, from slot: NodeSlot, _ effects: inout [BrokerEffect]
    ) {
        guard let owner = self.nodes[slot]?.incarnation else { return }
        let reference = Reference(owner: owner, object: header.object)
        // Who had no right before has been told: an owner can't make the broker say it for ever.
        let former = self.holders[reference]?.generation ?? .first
        self.holders.revoke(
            reference, generation: Generation(rawValue: UInt32(clamping: header.call.rawValue)))
        self.tellRevoked(reference, since: former, &effects)
    }

    /// Tells holders whose right to `reference` is of an earlier generation. Those without a link
    /// are told when they have one.
    ///
    /// - Parameters:
    ///   - only: the one to tell; nil for all.
    ///   - former: those of still earlier generations know.
    mutating func tellRevoked(
        _ reference: Reference, to only: NodeSlot? = nil, since former: Generation = .first,
        _ effects: inout [BrokerEffect]
    ) {
        guard let row = self.holders[reference], row.generation > .first else { return }
        let header = FrameHeader(
            kind: .revoked, peer: reference.owner, object: reference.object,
            call: CallNumber(rawValue: UInt64(row.generation.rawValue)))
        for holding in row.holdings
        where holding.generation < row.generation && holding.generation >= former
            && (only ?? holding.node) == holding.node
        { self.send(Message(header), to: holding.node, &effects) }
    }
}
