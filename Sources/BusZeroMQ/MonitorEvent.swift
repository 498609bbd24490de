// Part of objbus. SPDX-License-Identifier: Apache-2.0

internal import CZeroMQ
internal import Synchronization

/// What libzmq says happened to a socket's connections; events come in the order of happening.
package enum MonitorEvent: Hashable, Sendable {
    /// A listening socket got a connection; it has this descriptor until it disconnects.
    case accepted(descriptor: Int32)
    /// A connecting socket reached its peer; the handshake follows.
    case connected(descriptor: Int32)
    /// The handshake is done: messages flow.
    case ready
    /// The connection with this descriptor ended. The number is free for another one only after
    /// this event.
    case disconnected(descriptor: Int32)
    /// The peer spoke no ZMTP, or another security mechanism; `disconnected` follows.
    case handshakeFailed(code: Int32)
    /// A connect attempt failed (refused, or timed out), or a listener was closed.
    case closed(descriptor: Int32)
}

extension Socket {
    /// The next event of a socket made with `SocketOptions.monitored`; never blocks.
    ///
    /// The same thread rules hold as for receiving. Drain it often: events wait in memory, two
    /// short messages each, because a full queue would block libzmq's thread.
    /// - Returns: nil if there is none now.
    /// - Throws: `.terminated`.
    package borrowing func nextEvent() throws(ZeroMQError) -> MonitorEvent? {
        guard let monitorHandle = unsafe self.monitorHandle else {
            preconditionFailure("the socket was made without SocketOptions.monitored")
        }
        while true {
            var frame = Frame()
            guard try unsafe Socket.receive(into: &frame, from: monitorHandle) else { return nil }
            let event = frame.monitorEvent
            if frame.more {
                // The endpoint; a descriptor tells more.
                _ = try unsafe Socket.receive(into: &frame, from: monitorHandle)
            }
            if let event { return event }
        }
    }
}

/// What `nextEvent()` understands; other events are not asked for.
private let eventMask =
    ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_CONNECTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED
    | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH

/// Numbers the monitors of this process; each needs an inproc name of its own.
private let monitorCount = Atomic<UInt64>(0)

/// Starts libzmq's reports on a socket and returns the socket that gets them.
func openMonitor(
    of handle: UnsafeMutableRawPointer, in context: Context
) throws(ZeroMQError) -> UnsafeMutableRawPointer {
    let number = monitorCount.wrappingAdd(1, ordering: .relaxed).newValue
    let endpoint = "inproc://objbus.monitor.\(number)"
    guard unsafe zmq_socket_monitor(handle, endpoint, eventMask) == 0,
        let monitor = unsafe zmq_socket(context.handle, ZMQ_PAIR)
    else { throw ZeroMQError.last }
    var unlimited: Int32 = 0
    let size = MemoryLayout<Int32>.size
    guard unsafe zmq_setsockopt(monitor, ZMQ_RCVHWM, &unlimited, size) == 0,
        unsafe zmq_connect(monitor, endpoint) == 0
    else {
        let error = ZeroMQError.last
        _ = unsafe zmq_close(monitor)
        throw error
    }
    return unsafe monitor
}

extension Frame {
    /// libzmq's report: a 16-bit event and a 32-bit value, both in this machine's byte order.
    fileprivate var monitorEvent: MonitorEvent? {
        self.withBytes { bytes in
            guard bytes.byteCount == 6 else { return nil }
            let (event, value) = unsafe (
                bytes.unsafeLoadUnaligned(as: UInt16.self),
                bytes.unsafeLoadUnaligned(fromByteOffset: 2, as: Int32.self)
            )
            switch Int32(event) {
            case ZMQ_EVENT_ACCEPTED: return .accepted(descriptor: value)
            case ZMQ_EVENT_CONNECTED: return .connected(descriptor: value)
            case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: return .ready
            case ZMQ_EVENT_DISCONNECTED: return .disconnected(descriptor: value)
            case ZMQ_EVENT_CLOSED: return .closed(descriptor: value)
            case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
                return .handshakeFailed(code: value)
            default: return nil
            }
        }
    }
}
