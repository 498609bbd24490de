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
}

/// What every message needs of one incarnation that the broker knows: plain words, cheap to copy.
package struct NodeRecord: Hashable, Sendable {
    package let incarnation: IncarnationID
    package var link: BrokerLink?
    package var epoch: Epoch = .none
    /// The order of the link from which on calls may be delivered: a caller whose own link is
    /// younger sends everything again by itself, an older one must have heard of this link.
    /// Zero for a first link, to which nobody can have sent anything before.
    package var deliverableSince: UInt64 = 0
    /// When a missing link ends the incarnation; meaningless while there is one.
    package var resumeDeadline: Tick = .distantFuture
}

/// A set of slots, one bit each: asked for each call that is forwarded.
package struct SlotSet: Hashable, Sendable {
    private var words: [UInt64] = []

    package init() {}

    package func contains(_ slot: NodeSlot) -> Bool {
        let word = Int(slot.index / 64)
        return word < self.words.count && self.words[word] >> UInt64(slot.index % 64) & 1 == 1
    }

    package mutating func insert(_ slot: NodeSlot) {
        let (word, bit) = (Int(slot.index / 64), UInt64(1) << UInt64(slot.index % 64))
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

/// What is told about one incarnation, and rarely read.
package struct NodeFacts: Hashable, Sendable {
    package var name = ""
    package var program = ""
    package var processID: Int64 = 0
    package var attachedAt = Tick.zero
    /// Who was told of the present link. Nobody else can have had calls under way to an earlier
    /// one, because whoever calls holds a reference until the answer is there (rules R10).
    package var told: Set<NodeSlot> = []
    /// Whom it has called, or exchanged notices with: they may keep answers for it, or wait for
    /// its word, and are told of its new links and of its end.
    package var correspondents = SlotSet()
}

/// Incarnations by slot, by id and by connection.
package struct NodeTable: Sendable {
    /// Those of free slots have the broker's incarnation.
    private var records: [NodeRecord] = []
    private var facts: [NodeFacts] = []
    /// Beside the records, which are copied for each message.
    private var loads: [NodeLoad] = []
    private var quotas: [NodeQuota] = []
    private var free: [Int] = []
    private var slots: FlatMap<IncarnationID, NodeSlot>
    /// The sending connection of each link; what arrives elsewhere belongs to no link.
    private var senders: FlatMap<ConnectionID, NodeSlot>
    private var receivers: FlatMap<ConnectionID, NodeSlot>
    package private(set) var count = 0

    package init(seed: UInt64 = 0) {
        self.slots = FlatMap(emptyKey: .broker, emptyValue: NodeSlot(0), seed: seed)
        let none = ConnectionID(rawValue: 0)
        self.senders = FlatMap(emptyKey: none, emptyValue: NodeSlot(0), seed: seed)
        self.receivers = FlatMap(emptyKey: none, emptyValue: NodeSlot(0), seed: seed)
    }

    package func quota(of slot: NodeSlot) -> NodeQuota { self.quotas[Int(slot.index)] }

    package func facts(of slot: NodeSlot) -> NodeFacts { self.facts[Int(slot.index)] }

    /// Whether `other` was told of the present link of `slot`.
    package func hasTold(_ other: NodeSlot, of slot: NodeSlot) -> Bool {
        self.facts[Int(slot.index)].told.contains(other)
    }

    /// From now on `other` is told of what becomes of `slot`.
    package mutating func setCorrespondent(_ other: NodeSlot, of slot: NodeSlot) {
        guard !self.facts[Int(slot.index)].correspondents.contains(other) else { return }
        self.facts[Int(slot.index)].correspondents.insert(other)
    }

    package mutating func setTold(_ told: [NodeSlot], of slot: NodeSlot) {
        self.facts[Int(slot.index)].told = Set(told)
    }

    package subscript(slot: NodeSlot) -> NodeRecord? {
        let record = self.records[Int(slot.index)]
        return record.incarnation == .broker ? nil : record
    }

    package func slot(of incarnation: IncarnationID) -> NodeSlot? { self.slots[incarnation] }

    package func slot(sendingOn connection: ConnectionID) -> NodeSlot? { self.senders[connection] }

    package func slot(on connection: ConnectionID) -> NodeSlot? {
        self.senders[connection] ?? self.receivers[connection]
    }

    /// Every slot in use, in order.
    package var all: [NodeSlot] {
        self.records.indices.compactMap {
            self.records[$0].incarnation == .broker ? nil : NodeSlot($0)
        }
    }

    package mutating func add(
        _ record: NodeRecord, _ facts: NodeFacts, _ quota: NodeQuota
    ) -> NodeSlot {
        let index = self.free.popLast() ?? self.records.count
        if index == self.records.count {
            self.records.append(record)
            self.facts.append(NodeFacts())
            self.loads.append(NodeLoad())
            self.quotas.append(quota)
        }
        self.records[index] = record
        self.facts[index] = facts
        self.quotas[index] = quota
        self.slots[record.incarnation] = NodeSlot(index)
        self.count += 1
        return NodeSlot(index)
    }

    package mutating func remove(_ slot: NodeSlot) {
        guard let record = self[slot] else { return }
        self.unlink(slot)
        self.slots[record.incarnation] = nil
        self.records[Int(slot.index)] = NodeRecord(incarnation: .broker)
        self.facts[Int(slot.index)] = NodeFacts()
        for index in self.facts.indices { self.facts[index].correspondents.remove(slot) }
        self.free.append(Int(slot.index))
        self.count -= 1
    }

    /// Takes in the number of a message from `slot`; false if it is not the next of its link.
    package mutating func advance(
        _ slot: NodeSlot, epoch: Epoch, sequence: UInt64, at now: Tick
    ) -> Bool {
        let index = Int(slot.index)
        guard let link = self.records[index].link, link.epoch == epoch,
            link.received &+ 1 == sequence
        else { return false }
        self.records[index].link?.received = sequence
        self.records[index].link?.lastHeard = now
        return true
    }

    /// Numbers the next message to `slot` and counts its bytes; nil if it has no link.
    package mutating func nextTransmission(
        to slot: NodeSlot, isCall: Bool, byteCount: Int
    ) -> (transmission: Transmission, rx: ConnectionID)? {
        let index = Int(slot.index)
        guard let link = self.records[index].link else { return nil }
        self.records[index].link?.sent = link.sent + 1
        self.records[index].link?.wasBusy = true
        if isCall {
            self.loads[index].calls.send(UInt64(byteCount))
        } else {
            self.loads[index].others.send(UInt64(byteCount))
        }
        return (Transmission(epoch: link.epoch, sequence: link.sent + 1), link.rx)
    }

    /// The last numbered message to `slot` was not sent.
    package mutating func takeBackTransmission(
        to slot: NodeSlot, isCall: Bool, byteCount: Int
    ) {
        let index = Int(slot.index)
        self.records[index].link?.sent -= 1
        if isCall {
            self.loads[index].calls.takeBack(UInt64(byteCount))
        } else {
            self.loads[index].others.takeBack(UInt64(byteCount))
        }
    }

    package func load(of slot: NodeSlot) -> NodeLoad { self.loads[Int(slot.index)] }

    /// A one-way call came; whether there is so much to tell `slot` by now.
    mutating func takeInOneWay(_ byteCount: Int, from slot: NodeSlot) -> Bool {
        let index = Int(slot.index)
        return self.loads[index].takeInOneWay(
            byteCount, tellAfter: self.quotas[index].waitingBytes / 4)
    }

    /// A two-way call of `slot` was forwarded.
    mutating func callBegan(by slot: NodeSlot) { self.loads[Int(slot.index)].callBegan() }

    /// A call of `slot` was answered.
    mutating func callEnded(by slot: NodeSlot) { self.loads[Int(slot.index)].callEnded() }

    /// The node at the other end of calls of `slot` has ended, or has a new link.
    mutating func forgetCalls(of slot: NodeSlot) { self.loads[Int(slot.index)].forgetCalls() }

    /// Whether `slot` has as many calls under way as it may.
    func isAtMostCalls(_ slot: NodeSlot) -> Bool {
        self.loads[Int(slot.index)].callsUnderWay >= self.quotas[Int(slot.index)].calls
    }

    /// HEARTBEAT for `slot`.
    mutating func heartbeat(of slot: NodeSlot) -> Message { self.loads[Int(slot.index)].tell() }

    /// Bytes of calls on their way to `slot`.
    package func waitingCallBytes(of slot: NodeSlot) -> UInt64 {
        self.loads[Int(slot.index)].calls.waiting
    }

    /// Bytes of all else on their way to `slot`.
    package func waitingAnswerBytes(of slot: NodeSlot) -> UInt64 {
        self.loads[Int(slot.index)].others.waiting
    }

    /// The node does not tell what it has taken in: nothing can be bounded by that.
    mutating func tellsNothing(_ slot: NodeSlot) {
        self.loads[Int(slot.index)].tellsNothing = true
    }

    /// A node says how many bytes it has taken in on its present link: of calls, and of all else.
    /// False if that is more than was sent, or less than before.
    package mutating func told(_ slot: NodeSlot, calls: UInt64, others: UInt64) -> Bool {
        self.loads[Int(slot.index)].calls.tell(calls)
            && self.loads[Int(slot.index)].others.tell(others)
    }

    /// From now on `slot` counts as idle until something is sent to it.
    package mutating func setIdle(_ slot: NodeSlot) {
        self.records[Int(slot.index)].link?.wasBusy = false
    }

    package mutating func setDeliverable(_ slot: NodeSlot, since order: UInt64) {
        self.records[Int(slot.index)].deliverableSince = order
    }

    package mutating func setResumeDeadline(_ slot: NodeSlot, _ deadline: Tick) {
        self.records[Int(slot.index)].resumeDeadline = deadline
    }

    package mutating func link(_ slot: NodeSlot, _ link: BrokerLink) {
        self.unlink(slot)
        self.records[Int(slot.index)].link = link
        self.records[Int(slot.index)].epoch = link.epoch
        self.loads[Int(slot.index)] = NodeLoad()
        self.senders[link.tx] = slot
        self.receivers[link.rx] = slot
    }

    package mutating func unlink(_ slot: NodeSlot) {
        guard let link = self.records[Int(slot.index)].link else { return }
        self.senders[link.tx] = nil
        self.receivers[link.rx] = nil
        self.records[Int(slot.index)].link = nil
    }
}

extension ConnectionID: FlatKey {
    package func flatHash(seed: UInt64) -> UInt64 { UInt64(self.rawValue) ^ seed }
}

extension IncarnationID: FlatKey {
    package func flatHash(seed: UInt64) -> UInt64 { self.rawValue ^ seed }
}

extension Reference: FlatKey {
    package func flatHash(seed: UInt64) -> UInt64 {
        mixedBits(self.owner.rawValue ^ seed) &+ self.object.rawValue
    }
}
