// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

import BusBrokerCore
import BusKernel
import BusValue
import BusWire

/// A message under way, as bytes; what the checkers ask of it has been read once.
struct Packet: Sendable {
    private(set) var frame: [UInt8]
    let buffers: [Bytes]
    let header: FrameHeader
    let references: [Reference]

    init?(frame: [UInt8], buffers: [Bytes]) {
        guard let message = try? Message(frame: frame, buffers: buffers) else { return nil }
        self.frame = frame
        self.buffers = buffers
        self.header = message.header
        self.references =
            message.header.referenceCount == 0 ? [] : message.references.map(\.reference)
    }

    /// Makes it another message of its link.
    mutating func renumber(_ sequence: UInt64, epoch: Epoch) {
        var span = self.frame.mutableSpan
        var bytes = span.mutableBytes
        Transmission(epoch: epoch, sequence: sequence).patch(&bytes)
        self = Packet(frame: self.frame, buffers: self.buffers) ?? self
    }

    /// Makes it unreadable.
    mutating func garble() {
        self.frame = Array(self.frame.prefix(FrameHeader.size / 2))
    }
}

/// One pair of connections: a queue in each direction, and who still believes in it.
struct SimulatedLink: Sendable {
    let id: Int
    let node: Int
    /// Which process of that node opened it.
    let run: Int
    let epoch: Epoch
    /// To the broker and from it. What was announced arrives in this order or not at all.
    var up: [Packet] = []
    var down: [Packet] = []
    /// When the last message of each direction arrives.
    var upDue = Tick.zero
    var downDue = Tick.zero
    /// The shell numbers what it sends.
    var sent: UInt64 = 0
    /// What joins the two connections.
    var token = (object: ObjectNumber.root, call: CallNumber(rawValue: 0))
    /// What is sent from now on vanishes.
    var isBroken = false
    /// A message was taken out of the middle: the counters are off until somebody notices.
    var isTampered = false
    /// Of the hostile peer, which has no node.
    var isHostile = false
    /// The node has closed its sockets.
    var isClosedByNode = false
    /// The broker's socket knows that the connection is gone, or its process is.
    var isGoneAtBroker = false

    init(id: Int, node: Int, run: Int, epoch: Epoch) {
        self.id = id
        self.node = node
        self.run = run
        self.epoch = epoch
    }

    /// Takes away all but the first messages of one direction.
    mutating func keep(_ count: Int, of queue: WritableKeyPath<SimulatedLink, [Packet]>) {
        self[keyPath: queue].removeLast(self[keyPath: queue].count - count)
    }

    /// Both directions work, as far as they ever did.
    var isWhole: Bool {
        !self.isBroken && !self.isTampered && !self.isClosedByNode && !self.isGoneAtBroker
    }

    /// Takes the soonest message of one direction.
    mutating func takeFirst(_ queue: WritableKeyPath<SimulatedLink, [Packet]>) -> Packet? {
        self[keyPath: queue].isEmpty ? nil : self[keyPath: queue].removeFirst()
    }

    /// The two connections; their numbers begin with 2, because 0 is none.
    var tx: ConnectionID { ConnectionID(rawValue: UInt32(2 * self.id + 2)) }
    var rx: ConnectionID { ConnectionID(rawValue: UInt32(2 * self.id + 3)) }

    /// The link that a connection belongs to, and whether it is the receiving one of the node.
    static func place(of connection: ConnectionID) -> (link: Int, isReceiving: Bool) {
        (Int(connection.rawValue / 2) - 1, connection.rawValue % 2 == 1)
    }
}
