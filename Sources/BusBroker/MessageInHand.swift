// Part of objbus. SPDX-License-Identifier: Apache-2.0

internal import BusBrokerCore
internal import BusWire
internal import BusZeroMQ
internal import Glibc

/// The message that the broker's thread works on, as libzmq received it; reused for the next one.
struct MessageInHand: ~Copyable {
    /// A frame that can stand in an array.
    private final class Slot {
        var frame = Frame()
    }

    private(set) var connection = ConnectionID(rawValue: 0)
    /// The first frame; empty when it has been sent.
    var frame = Frame()
    /// Frames after the first. One more than is allowed means: too many, and they were dropped.
    private(set) var bufferCount = 0
    private(set) var bufferBytes = 0
    /// As many as were ever needed, at most `WireLimits.buffersPerMessage`.
    private var slots: [Slot] = []

    /// Receives the next message; `false` if there is none.
    mutating func receive(from socket: borrowing Socket) throws(ZeroMQError) -> Bool {
        guard let id = try socket.receiveRoutingID() else { return false }
        self.connection = ConnectionID(rawValue: id)
        (self.bufferCount, self.bufferBytes) = (0, 0)
        guard try socket.receive(into: &self.frame) else {
            // libzmq delivers messages whole, so this is none; the core sees an empty frame.
            self.frame = Frame()
            return true
        }
        if self.frame.more { try self.receiveBuffers(from: socket) }
        return true
    }

    private mutating func receiveBuffers(from socket: borrowing Socket) throws(ZeroMQError) {
        while true {
            guard self.bufferCount < WireLimits.buffersPerMessage else {
                try socket.skipMessage()
                self.bufferCount += 1
                return
            }
            if self.bufferCount == self.slots.count { self.slots.append(Slot()) }
            let slot = self.slots[self.bufferCount]
            guard try socket.receive(into: &slot.frame) else { return }
            self.bufferCount += 1
            self.bufferBytes += slot.frame.count
            guard slot.frame.more else { return }
        }
    }

    /// Sends all frames, after the routing id; empties them.
    mutating func send(on socket: borrowing Socket) throws(ZeroMQError) {
        let count = self.bufferCount
        try socket.send(&self.frame, more: count > 0)
        for index in 0..<count {
            try socket.send(&self.slots[index].frame, more: index < count - 1)
        }
    }

    /// Prints the message as it is now.
    func dump(_ direction: String, _ connection: ConnectionID) {
        let count = min(self.bufferCount, self.slots.count)
        dumpLine(
            direction, connection, self.frame, self.slots.prefix(count).map { $0.frame.count })
    }
}

/// Prints one message to the standard error, with the connection that it crosses.
func dumpLine(
    _ direction: String, _ connection: ConnectionID, _ frame: borrowing Frame, _ buffers: [Int]
) {
    let text = frame.withBytes { bytes in
        MessageDump.line(frame: bytes, bufferByteCounts: buffers)
    }
    // One write per line, so that the lines of several brokers don't mix.
    let line = Array("\(direction) \(connection.rawValue) \(text)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
}
