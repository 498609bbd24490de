// Part of objbus. SPDX-License-Identifier: Apache-2.0

internal import CZeroMQ

/// A ZeroMQ socket, open as long as it lives.
///
/// One thread at a time: it may be handed on, or shared under a lock, but two threads must never be
/// in it at once, and only the thread that polls it may be waiting for it. Nothing blocks unless
/// `waiting` is asked for.
@safe package struct Socket: ~Copyable, @unchecked Sendable {
    let handle: UnsafeMutableRawPointer
    /// The receiving end of libzmq's event reports, if `SocketOptions.monitored`.
    let monitorHandle: UnsafeMutableRawPointer?
    private let context: Context

    /// Opens a socket.
    ///
    /// - Throws: `.tooManySockets`, `.terminated` after the context's `shutdown()`, `.invalid` for
    ///   an option out of range.
    package init(
        _ kind: SocketKind, in context: Context, options: SocketOptions = SocketOptions()
    ) throws(ZeroMQError) {
        guard let handle = unsafe zmq_socket(context.handle, kind.constant) else {
            throw ZeroMQError.last
        }
        do throws(ZeroMQError) {
            try unsafe options.apply(to: handle, kind: kind)
            unsafe self.monitorHandle =
                options.monitored ? try openMonitor(of: handle, in: context) : nil
        } catch {
            _ = unsafe zmq_close(handle)
            throw error
        }
        unsafe self.handle = handle
        self.context = context
    }

    deinit {
        if let monitorHandle = unsafe self.monitorHandle {
            // First: an event sent to a closed monitor would block libzmq's thread for ever.
            _ = unsafe zmq_socket_monitor(self.handle, nil, 0)
            _ = unsafe zmq_close(monitorHandle)
        }
        _ = unsafe zmq_close(self.handle)
    }

    // MARK: Endpoints

    /// Listens on `tcp://127.0.0.1:*`, `ipc:///path`, `ipc://@abstract` or `inproc://name`.
    ///
    /// libzmq would take an ipc path away from a process that listens there; this does not.
    /// - Throws: `.addressInUse`, `.addressNotAvailable`, `.accessDenied`, `.nameTooLong`,
    ///   `.invalid`, `.protocolNotSupported`, `.noDevice`.
    package borrowing func bind(_ endpoint: String) throws(ZeroMQError) {
        try Self.checkPort(of: endpoint)
        if UnixSocket.isListening(endpoint: endpoint) { throw ZeroMQError.addressInUse }
        guard unsafe zmq_bind(self.handle, endpoint) == 0 else { throw ZeroMQError.last }
    }

    /// Stops listening; connections made there end. `endpoint` as `lastEndpoint` gave it.
    package borrowing func unbind(_ endpoint: String) throws(ZeroMQError) {
        guard unsafe zmq_unbind(self.handle, endpoint) == 0 else { throw ZeroMQError.last }
    }

    /// Starts to connect, in the background: an absent peer is no error, see `nextEvent()`.
    package borrowing func connect(_ endpoint: String) throws(ZeroMQError) {
        try Self.checkPort(of: endpoint)
        guard unsafe zmq_connect(self.handle, endpoint) == 0 else { throw ZeroMQError.last }
    }

    /// Ends the connection to `endpoint`.
    package borrowing func disconnect(_ endpoint: String) throws(ZeroMQError) {
        guard unsafe zmq_disconnect(self.handle, endpoint) == 0 else { throw ZeroMQError.last }
    }

    /// The endpoint last bound or connected, wildcards resolved; empty before that.
    package var lastEndpoint: String {
        let capacity = 512
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { text in
            var count = capacity
            unsafe text.initialize(repeating: 0)
            let result = unsafe zmq_getsockopt(
                self.handle, ZMQ_LAST_ENDPOINT, text.baseAddress, &count)
            guard result == 0, let start = text.baseAddress else { return "" }
            return unsafe String(cString: start)
        }
    }

    /// libzmq takes a port modulo 65,536, and so would listen where nobody asked for it.
    private static func checkPort(of endpoint: String) throws(ZeroMQError) {
        guard endpoint.hasPrefix("tcp://"), let colon = endpoint.lastIndex(of: ":") else { return }
        let port = endpoint[endpoint.index(after: colon)...]
        guard port == "*" || UInt16(port) != nil else { throw ZeroMQError.invalid }
    }

    // MARK: Sending

    /// Sends a frame and empties it; on an error the frame is as before.
    ///
    /// - Parameter more: Whether the message goes on with another frame. The peer gets all or none.
    /// - Throws: `.again` if the pipe is full or there is no peer, `.hostUnreachable` (router),
    ///   `.terminated`.
    package borrowing func send(
        _ frame: inout Frame, more: Bool = false, waiting: Bool = false
    ) throws(ZeroMQError) {
        let flags = (waiting ? 0 : ZMQ_DONTWAIT) | (more ? ZMQ_SNDMORE : 0)
        while unsafe zmq_msg_send(&frame.message, self.handle, flags) < 0 {
            let error = ZeroMQError.last
            if error != .interrupted { throw error }
        }
    }

    /// Sends a copy of `bytes`; errors as above.
    package borrowing func send(
        copying bytes: [UInt8], more: Bool = false
    ) throws(ZeroMQError) {
        var frame = Frame(copying: bytes)
        try self.send(&frame, more: more)
    }

    /// Sends a copy of `bytes` that `patch` changes first; errors as above.
    ///
    /// This is the sending path of a link: the message is shared and constant, and only its
    /// transmission's numbers are written into the copy.
    package borrowing func send(
        copying bytes: [UInt8], more: Bool = false, patch: (inout MutableRawSpan) -> Void
    ) throws(ZeroMQError) {
        var frame = Frame(copying: bytes)
        frame.withMutableBytes(patch)
        try self.send(&frame, more: more)
    }

    /// Starts a router's message to one connection; the frames of the message follow.
    ///
    /// - Throws: `.hostUnreachable` if the connection is gone, `.again` if its pipe is full; then
    ///   nothing must follow. Later frames of the same message do not fail for these reasons.
    package borrowing func sendRoutingID(_ id: UInt32) throws(ZeroMQError) {
        var frame = Frame(routingID: id)
        try self.send(&frame, more: true)
    }

    // MARK: Receiving

    /// Receives one frame into `frame`, whose former content is freed.
    ///
    /// - Returns: `false` if there is none; never after `waiting`.
    /// - Throws: `.terminated`.
    package borrowing func receive(
        into frame: inout Frame, waiting: Bool = false
    ) throws(ZeroMQError) -> Bool {
        try unsafe Self.receive(
            into: &frame, from: self.handle, flags: waiting ? 0 : ZMQ_DONTWAIT)
    }

    static func receive(
        into frame: inout Frame, from handle: UnsafeMutableRawPointer, flags: Int32 = ZMQ_DONTWAIT
    ) throws(ZeroMQError) -> Bool {
        while unsafe zmq_msg_recv(&frame.message, handle, flags) < 0 {
            let error = ZeroMQError.last
            if error == .again { return false }
            if error != .interrupted { throw error }
        }
        return true
    }

    /// Receives the routing id that starts a router's message; its frames are there to receive.
    ///
    /// - Returns: The connection, or nil if there is no message. Ids of connections that come later
    ///   on the same socket are larger, modulo 2^32.
    /// - Throws: `.foreignRoutingID` if the peer chose its own id, which none of ours does; the
    ///   message is dropped and the next call goes on with the next message. `.terminated`.
    package borrowing func receiveRoutingID() throws(ZeroMQError) -> UInt32? {
        var frame = Frame()
        guard try self.receive(into: &frame) else { return nil }
        if let id = frame.routingID { return id }
        if frame.more { try self.skipMessage() }
        throw ZeroMQError.foreignRoutingID
    }

    /// Drops the frames that remain of a message of which the last received frame said `more`.
    package borrowing func skipMessage() throws(ZeroMQError) {
        var frame = Frame()
        while try self.receive(into: &frame), frame.more {}
    }
}

extension Frame {
    /// libzmq names a connection by a zero byte and a 4-byte counter, most significant byte first.
    fileprivate init(routingID id: UInt32) {
        self.init(count: 5) { output in
            output.append(0)
            unsafe output.append(id.bigEndian, as: UInt32.self)
        }
    }

    /// The connection, if this is a routing id that libzmq made.
    fileprivate var routingID: UInt32? {
        self.withBytes { bytes in
            guard bytes.byteCount == 5 else { return nil }
            let (marker, number) = unsafe (
                bytes.unsafeLoad(as: UInt8.self),
                bytes.unsafeLoadUnaligned(fromByteOffset: 1, as: UInt32.self)
            )
            return marker == 0 ? UInt32(bigEndian: number) : nil
        }
    }
}
