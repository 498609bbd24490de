// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusValue
import BusWire
import BusZeroMQ
import Testing

/// How long a test waits for what must happen; only a failure takes so long.
let patience: UInt64 = 10_000_000_000

/// What must happen did not.
struct TimedOut: Error {}

/// A peer that speaks the protocol by hand, over two sockets of its own.
struct RawNode: ~Copyable {
    let tx: Socket
    let rx: Socket
    private(set) var incarnation = IncarnationID.broker
    private(set) var secret = Seal.none
    private(set) var epoch = Epoch(rawValue: 1)
    private(set) var sent: UInt64 = 0
    private(set) var received: UInt64 = 0
    private var poller: Poller

    private init(tx: consuming Socket, rx: consuming Socket, poller: consuming Poller) {
        self.tx = tx
        self.rx = rx
        self.poller = poller
    }

    /// Connects, without a word.
    ///
    /// - Parameter receiveHighWater: Messages that may wait at the node.
    static func connected(
        _ endpoint: String, in context: Context, receiveHighWater: Int32 = 1_000
    ) throws -> RawNode {
        // As a node has it: what is sent faster than the transport takes it waits, and a test that
        // is optimised sends faster.
        var sending = SocketOptions()
        sending.sendHighWater = 20_000
        let tx = try Socket(.dealer, in: context, options: sending)
        var options = SocketOptions()
        options.receiveHighWater = receiveHighWater
        let rx = try Socket(.dealer, in: context, options: options)
        try tx.connect(endpoint)
        try rx.connect(endpoint)
        var poller = Poller()
        _ = try poller.add(rx)
        return RawNode(tx: tx, rx: rx, poller: poller)
    }

    /// Connects and attaches as a new incarnation, or as a former one.
    static func attached(
        _ endpoint: String, in context: Context, name: String = "raw",
        resuming former: (IncarnationID, Seal, Epoch)? = nil, receiveHighWater: Int32 = 1_000
    ) throws -> RawNode {
        var node = try self.connected(
            endpoint, in: context, receiveHighWater: receiveHighWater)
        try node.attach(name: name, resuming: former)
        return node
    }

    /// Says HELLO and ATTACH and reads the WELCOME.
    mutating func attach(
        name: String = "raw", resuming former: (IncarnationID, Seal, Epoch)? = nil
    ) throws {
        let message = try self.hail(name: name, resuming: former)
        try #require(message.header.kind == .welcome, "\(message.line)")
        let welcome = try WelcomeBody(payloadOf: message)
        self.incarnation = welcome.incarnation
        self.secret = welcome.secret
    }

    /// Says HELLO and ATTACH, and reads the answer.
    ///
    /// - Parameter holdings: what it claims to hold.
    mutating func hail(
        name: String = "raw", resuming former: (IncarnationID, Seal, Epoch)? = nil,
        holdings: [HelloBody.Holding] = []
    ) throws -> Message {
        var hello = HelloBody(node: name, program: "tests", processID: 1)
        hello.holdings = holdings
        if let former {
            (hello.incarnation, hello.secret) = (former.0, former.1)
            self.epoch = former.2.next
        }
        let token = UInt64.random(in: 1 ... .max)
        let (object, call) = (ObjectNumber(rawValue: token), CallNumber(rawValue: token))
        try self.send(
            Message(
                FrameHeader(kind: .hello, object: object, call: call), payload: hello.encoded()))
        var header = FrameHeader(kind: .attach, object: object, call: call)
        header.epoch = self.epoch
        try self.rx.send(copying: Message(header).frame)
        return try self.receive()
    }

    /// What the next link of this node needs.
    var resumption: (IncarnationID, Seal, Epoch) { (self.incarnation, self.secret, self.epoch) }

    /// Sends the next message of the link.
    mutating func send(_ message: Message) throws {
        self.sent += 1
        let transmission = Transmission(epoch: self.epoch, sequence: self.sent)
        let buffers = message.buffers
        try self.tx.send(copying: message.frame, more: !buffers.isEmpty) { transmission.patch(&$0) }
        for (index, buffer) in buffers.enumerated() {
            try self.tx.send(copying: buffer.array, more: index < buffers.count - 1)
        }
    }

    /// Calls `method` of `target` without waiting.
    mutating func call(
        _ target: Reference, _ method: String, _ payload: [UInt8] = [0x80], number: UInt64 = 1,
        references: [ReferenceEntry] = [], buffers: [Bytes] = []
    ) throws {
        var extensions = Extensions()
        extensions.method = method
        let header = FrameHeader(
            kind: .call, peer: target.owner, object: target.object,
            call: CallNumber(rawValue: number))
        try self.send(
            Message(
                header, payload: payload, extensions: extensions, references: references,
                buffers: buffers))
    }

    /// Calls the broker and waits for its answer.
    mutating func ask(
        _ method: String, _ arguments: [Value] = [], references: [ReferenceEntry] = []
    ) throws -> Message {
        let payload = try Value.array(arguments).encoded()
        let number = self.sent + 1
        try self.call(
            Reference(owner: .broker, object: .root), method, payload, number: number,
            references: references)
        while true {
            let message = try self.receive()
            if message.header.peer == .broker, message.header.call.rawValue == number {
                return message
            }
        }
    }

    /// Publishes object `number`.
    @discardableResult
    mutating func publish(_ name: String, _ number: UInt64 = 7) throws -> Reference {
        let reference = Reference(
            owner: self.incarnation, object: ObjectNumber(rawValue: number))
        let answer = try self.ask(
            "publish(_:as:interface:)",
            [.reference(ReferenceSlot(0)), .string(name), .string("Interface")],
            references: [ReferenceEntry(reference: reference)])
        #expect(answer.header.kind == .reply, "\(answer.line)")
        return reference
    }

    /// Holds what `name` means.
    mutating func find(_ name: String) throws -> Reference {
        let answer = try self.ask("find(_:)", [.string(name)])
        return try #require(answer.references.first?.reference, "\(answer.line)")
    }

    /// Answers a call.
    mutating func reply(to call: Message, _ payload: [UInt8]) throws {
        try self.send(
            Message(
                FrameHeader(kind: .reply, peer: call.header.peer, call: call.header.call),
                payload: payload))
    }

    /// The next message but heartbeats; checks the link's sequence.
    mutating func receive(within time: UInt64 = patience) throws -> Message {
        let deadline = MonotonicClock.now() + time
        while MonotonicClock.now() < deadline {
            while let message = try self.receiveNow() {
                if message.header.kind == .heartbeat { continue }
                return message
            }
            _ = try self.poller.wait(timeout: 100_000_000)
        }
        throw TimedOut()
    }

    private mutating func receiveNow() throws -> Message? {
        var frame = Frame()
        guard try self.rx.receive(into: &frame) else { return nil }
        let first = frame.array()
        var buffers: [Bytes] = []
        while frame.more {
            #expect(try self.rx.receive(into: &frame))
            buffers.append(Bytes(frame.array()))
        }
        let message = try Message(frame: first, buffers: buffers)
        if message.header.kind != .refused {
            self.received += 1
            #expect(message.header.sequence == self.received)
            #expect(message.header.epoch == self.epoch)
        }
        return message
    }
}

extension Message {
    /// One line, for messages of tests.
    var line: String {
        MessageDump.line(frame: self.frame.span.bytes, bufferByteCounts: self.buffers.map(\.count))
    }

    /// The payload, decoded.
    var value: Value { get throws { try Value(cbor: Array(self.payload), buffers: self.buffers) } }
}
