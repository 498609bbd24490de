// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/framing.md §1.

import BusNodeCore
import BusValue
import BusWire
import BusZeroMQ

/// The two sockets of one link (rules R1, R2). `rx` belongs to whoever leads the loop, `tx` and
/// the sequence to whoever holds the node's sending lock.
final class LinkSockets: @unchecked Sendable {
    enum SendOutcome {
        case sent
        /// The pipe is full: try again later with the same message.
        case full
        case failed(String)
    }

    let epoch: Epoch
    private let tx: Socket
    private let rx: Socket
    private let dumps: Bool
    private var sequence: UInt64 = 0

    init(
        _ epoch: Epoch, endpoint: String, context: Context, dumps: Bool
    ) throws(ZeroMQError) {
        self.epoch = epoch
        self.dumps = dumps
        var options = SocketOptions()
        options.sendHighWater = 20_000
        options.receiveHighWater = 20_000
        options.maximumMessageSize = Int64(WireLimits.frameBytes)
        options.monitored = true
        // A goodbye still leaves when the process is about to end.
        options.linger = 200
        self.tx = try Socket(.dealer, in: context, options: options)
        self.rx = try Socket(.dealer, in: context, options: options)
        try self.tx.connect(endpoint)
        try self.rx.connect(endpoint)
    }

    func addReceiving(to poller: inout Poller) throws(ZeroMQError) {
        _ = try poller.add(self.rx, receivesOnly: true)
        _ = try poller.addEvents(of: self.rx)
        _ = try poller.addEvents(of: self.tx)
    }

    /// Sends ATTACH, the only message that ever leaves on the receiving socket.
    func attach(_ message: Message) throws(ZeroMQError) {
        try self.rx.send(copying: message.frame)
    }

    func send(_ outgoing: Outgoing) -> SendOutcome {
        let message = outgoing.message
        let buffers = message.buffers
        do {
            let number = self.sequence + 1
            try self.tx.send(copying: message.frame, more: !buffers.isEmpty) { span in
                outgoing.patch(&span, sequence: number)
                if self.dumps { StandardError.dump("->", span.bytes, buffers) }
            }
            self.sequence = number
            // libzmq takes the rest of a message whose first part it took.
            for (index, buffer) in buffers.enumerated() {
                var frame = Frame(sharing: BufferOwner(buffer))
                try self.tx.send(&frame, more: index + 1 < buffers.count)
            }
            return .sent
        } catch {
            return error == .again ? .full : .failed(error.description)
        }
    }

    /// The next message; nil when there is none now.
    func receive() throws(ZeroMQError) -> (frame: [UInt8], buffers: [Bytes])? {
        var frame = Frame()
        guard try self.rx.receive(into: &frame) else { return nil }
        let first = frame.array()
        var buffers: [Bytes] = []
        var more = frame.more
        while more {
            var next = Frame()
            guard try self.rx.receive(into: &next) else { break }
            more = next.more
            if buffers.count < WireLimits.buffersPerMessage {
                buffers.append(Bytes(storage: ReceivedBuffer(FrameStorage(next))))
            }
        }
        return (first, buffers)
    }

    /// Whether one of the connections ended or could not be made.
    func isBroken() throws(ZeroMQError) -> Bool {
        var isBroken = false
        while let event = try self.rx.nextEvent() { isBroken = isBroken || event.isEnd }
        while let event = try self.tx.nextEvent() { isBroken = isBroken || event.isEnd }
        return isBroken
    }
}

extension MonitorEvent {
    fileprivate var isEnd: Bool {
        switch self {
        case .disconnected, .closed, .handshakeFailed: true
        case .accepted, .connected, .ready: false
        }
    }
}

/// A received buffer frame as bytes, uncopied.
private final class ReceivedBuffer: ByteStorage {
    private let storage: FrameStorage

    init(_ storage: FrameStorage) {
        self.storage = storage
    }

    var count: Int { self.storage.count }

    func withUnsafeBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        try self.storage.withUnsafeBytes(body)
    }
}

/// Bytes lent to libzmq until they have left, uncopied: storage never moves while it lives.
private final class BufferOwner: FrameOwner {
    private let buffer: Bytes

    init(_ buffer: Bytes) {
        self.buffer = buffer
    }

    var frameBytes: UnsafeRawBufferPointer { self.buffer.withUnsafeBytes { $0 } }
}
