// Part of objbus. SPDX-License-Identifier: Apache-2.0

internal import CZeroMQ

/// What a socket talks to.
package enum SocketKind: Sendable {
    /// Any number of peers; here one. Sends to it and receives from it, in order.
    case dealer
    /// Many peers, each addressed by the routing id that libzmq gave its connection.
    case router
    /// Exactly one peer.
    case pair

    var constant: Int32 {
        switch self {
        case .dealer: ZMQ_DEALER
        case .router: ZMQ_ROUTER
        case .pair: ZMQ_PAIR
        }
    }
}

/// When the kernel gives up a tcp connection on which nothing is heard.
package struct TCPKeepAlive: Sendable, Equatable {
    /// Seconds of silence before the first probe.
    package var idle: Int32
    /// Seconds between two probes.
    package var interval: Int32
    /// Probes without an answer after which the connection is dead.
    package var probes: Int32

    /// All three, in seconds and probes.
    package init(idle: Int32, interval: Int32, probes: Int32) {
        (self.idle, self.interval, self.probes) = (idle, interval, probes)
    }
}

/// Settings of a socket, applied before it binds or connects.
package struct SocketOptions: Sendable {
    /// Messages that may wait per peer to be sent; the next one is refused with `.again`.
    package var sendHighWater: Int32 = 1_000
    /// Messages that may wait per peer to be received; then the peer's kernel buffers fill.
    package var receiveHighWater: Int32 = 1_000
    /// Bytes in the largest frame that is accepted; a larger one ends its connection. -1: any.
    package var maximumMessageSize: Int64 = -1
    /// Milliseconds that closing waits, in the background, until what was sent has left.
    package var linger: Int32 = 0
    /// Whether libzmq itself connects again after a loss. Links never do (rules R1).
    package var reconnects: Bool = false
    /// Whether a router refuses what it cannot deliver, instead of dropping it in silence.
    package var mandatoryRouting: Bool = true
    /// Whether a dealer refuses to send before its connection is complete.
    package var immediate: Bool = false
    /// Milliseconds a tcp connect may take; 0 leaves it to the kernel.
    package var connectTimeout: Int32 = 3_000
    /// Milliseconds a peer has to say that it speaks ZMTP.
    package var handshakeTimeout: Int32 = 3_000
    /// Connections the kernel keeps until they are accepted.
    package var backlog: Int32 = 1_024
    /// Probing of silent tcp connections; nil leaves the machine's setting.
    package var keepAlive: TCPKeepAlive?
    /// Whether `Socket.nextEvent()` reports connections that come and go.
    package var monitored: Bool = false

    /// The settings above.
    package init() {}

    /// Everything of `socket`; `self.monitored` is up to the socket.
    func apply(
        to handle: UnsafeMutableRawPointer, kind: SocketKind
    ) throws(ZeroMQError) {
        var values: [(Int32, Int32)] = [
            (ZMQ_SNDHWM, self.sendHighWater), (ZMQ_RCVHWM, self.receiveHighWater),
            (ZMQ_LINGER, self.linger), (ZMQ_IMMEDIATE, self.immediate ? 1 : 0),
            (ZMQ_CONNECT_TIMEOUT, self.connectTimeout), (ZMQ_BACKLOG, self.backlog),
            (ZMQ_HANDSHAKE_IVL, self.handshakeTimeout), (ZMQ_IPV6, 0),
        ]
        if !self.reconnects { values.append((ZMQ_RECONNECT_IVL, -1)) }
        if kind == .router { values.append((ZMQ_ROUTER_MANDATORY, self.mandatoryRouting ? 1 : 0)) }
        if let keepAlive = self.keepAlive {
            values += [
                (ZMQ_TCP_KEEPALIVE, 1), (ZMQ_TCP_KEEPALIVE_IDLE, keepAlive.idle),
                (ZMQ_TCP_KEEPALIVE_INTVL, keepAlive.interval),
                (ZMQ_TCP_KEEPALIVE_CNT, keepAlive.probes),
            ]
        }
        for (option, value) in values {
            try unsafe Self.set(option, to: value, on: handle)
        }
        try unsafe Self.set(ZMQ_MAXMSGSIZE, to: self.maximumMessageSize, on: handle)
    }

    /// Sets one option; `Value` must be the C type that libzmq documents for it.
    private static func set<Value: BitwiseCopyable>(
        _ option: Int32, to value: Value, on handle: UnsafeMutableRawPointer
    ) throws(ZeroMQError) {
        let result = unsafe withUnsafePointer(to: value) { pointer in
            unsafe zmq_setsockopt(handle, option, pointer, MemoryLayout<Value>.size)
        }
        guard result == 0 else { throw ZeroMQError.last }
    }
}
