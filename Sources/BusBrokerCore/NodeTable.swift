// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/handshake.md. Pure: no I/O, no clock, no randomness.

package import BusKernel
package import BusWire

/// One link: a pair of connections, with a sequence in each direction (rules R1-R4).
package struct BrokerLink: Hashable, Sendable {
    package let tx: ConnectionID
    package let rx: ConnectionID
    package let epoch: Epoch
    /// Counts all links of this broker run; see `NodeRecord.deliverableSince`.
    package let order: UInt64
    /// The last sequence received and sent.
    package var received: UInt64
    package var sent: UInt64 = 0
    package var lastHeard: Tick
    /// Set by every send, cleared by every heartbeat round.
    package var wasBusy = false

    /// Numbers the next message to the node.
    package mutating func nextTransmission() -> Transmission {
        self.sent += 1
        self.wasBusy = true
        return Transmission(epoch: self.epoch, sequence: self.sent)
    }
}

/// One incarnation that the broker knows.
package struct NodeRecord: Sendable {
    package let incarnation: IncarnationID
    package var name: String
    package var program: String
    package var processID: Int64
    package var link: BrokerLink?
    package var epoch: Epoch = .none
    package var attachedAt: Tick
    /// The order of the link from which on calls may be delivered: a caller whose own link is
    /// younger sends everything again by itself, an older one must have heard of this link.
    /// Zero for a first link, to which nobody can have sent anything before.
    package var deliverableSince: UInt64 = 0
    /// Who was told of the present link. Nobody else can have had calls under way to an earlier
    /// one, because whoever calls holds a reference until the answer is there (rules R10).
    package var told: Set<NodeSlot> = []
    /// Whom it has called, on this or an earlier link: they may keep answers for it, and are told
    /// of its new links and of its end.
    package var called = SlotSet()
    /// When a missing link ends the incarnation; meaningless while there is one.
    package var resumeDeadline: Tick = .distantFuture
}

/// A set of slots, one bit each: asked for each call that is forwarded.
package struct SlotSet: Hashable, Sendable {
    private var words: [UInt64] = []

    package init() {}

    package mutating func insert(_ slot: NodeSlot) {
        let (word, bit) = (Int(slot.index / 64), UInt64(1) << UInt64(slot.index % 64))
        if word < self.words.count, self.words[word] & bit != 0 { return }
        while self.words.count <= word { self.words.append(0) }
        self.words[word] |= bit
    }

    package mutating func remove(_ slot: NodeSlot) {
        let word = Int(slot.index / 64)
        guard word < self.words.count else { return }
        self.words[word] &= ~(UInt64(1) << UInt64(slot.index % 64))
    }

    /// The members, in order.
    package var all: [NodeSlot] {
        self.words.enumerated().flatMap { word, bits in
            (0..<64).filter { bits >> UInt64($0) & 1 == 1 }.map { NodeSlot(64 * word + $0) }
        }
    }
}

/// Incarnations by slot, by id and by connection.
package struct NodeTable: Sendable {
    private var records: [NodeRecord?] = []
    private var free: [Int] = []
    private var slots: [IncarnationID: NodeSlot] = [:]
    /// The sending connection of each link; what arrives elsewhere belongs to no link.
    private var senders: [ConnectionID: NodeSlot] = [:]
    private var receivers: [ConnectionID: NodeSlot] = [:]
    package private(set) var count = 0

    package init() {}

    package subscript(slot: NodeSlot) -> NodeRecord? {
        _read { yield self.records[Int(slot.index)] }
        _modify { yield &self.records[Int(slot.index)] }
    }

    package func slot(of incarnation: IncarnationID) -> NodeSlot? { self.slots[incarnation] }

    package func slot(sendingOn connection: ConnectionID) -> NodeSlot? { self.senders[connection] }

    package func slot(on connection: ConnectionID) -> NodeSlot? {
        self.senders[connection] ?? self.receivers[connection]
    }

    /// Every slot in use, in order.
    package var all: [NodeSlot] {
        self.records.indices.compactMap { self.records[$0] == nil ? nil : NodeSlot($0) }
    }

    package mutating func add(_ record: NodeRecord) -> NodeSlot {
        let index = self.free.popLast() ?? self.records.count
        if index == self.records.count { self.records.append(nil) }
        self.records[index] = record
        self.slots[record.incarnation] = NodeSlot(index)
        self.count += 1
        return NodeSlot(index)
    }

    package mutating func remove(_ slot: NodeSlot) {
        guard let record = self[slot] else { return }
        self.unlink(slot)
        self.slots[record.incarnation] = nil
        self.records[Int(slot.index)] = nil
        for index in self.records.indices { self.records[index]?.called.remove(slot) }
        self.free.append(Int(slot.index))
        self.count -= 1
    }

    package mutating func link(_ slot: NodeSlot, _ link: BrokerLink) {
        self.unlink(slot)
        self.records[Int(slot.index)]?.link = link
        self.records[Int(slot.index)]?.epoch = link.epoch
        self.senders[link.tx] = slot
        self.receivers[link.rx] = slot
    }

    package mutating func unlink(_ slot: NodeSlot) {
        guard let link = self.records[Int(slot.index)]?.link else { return }
        self.senders[link.tx] = nil
        self.receivers[link.rx] = nil
        self.records[Int(slot.index)]?.link = nil
    }
}
