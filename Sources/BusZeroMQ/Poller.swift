// Part of objbus. SPDX-License-Identifier: Apache-2.0

internal import CZeroMQ
internal import Glibc

/// Waits until one of a few sockets, wakers or descriptors has something to receive.
///
/// It belongs to one thread, and keeps no socket open: what was added must outlive the last `wait`.
/// Waiting allocates nothing, and for sockets that only receive it is one system call where
/// libzmq's own poll makes four. For this the caller keeps a rule: receive from a reported socket
/// until there is nothing left, since libzmq reports news, not what is left over. A caller that
/// stops before that knows so itself, and waits with a timeout of zero until it has gone on.
package struct Poller: ~Copyable {
    /// Which of the things added are ready, by their number.
    package struct Ready: Equatable, Sendable {
        private var bits: UInt64 = 0

        init() {}

        /// Whether nothing is ready: the time has passed, or a signal came.
        package var isEmpty: Bool { self.bits == 0 }

        /// Whether the thing with this number may have something; at times there is nothing.
        package func contains(_ index: Int) -> Bool { self.bits & (1 << UInt64(index)) != 0 }

        mutating func insert(_ index: Int) { self.bits |= 1 << UInt64(index) }
    }

    @safe private enum Item {
        /// Sent on as well: sending may take in the news that the descriptor would have shown.
        case socket(UnsafeMutableRawPointer)
        case receiver
        case waker(Waker)
        case descriptor
    }

    /// How many things can be added.
    package static let capacity = 64

    private var items: [Item] = []
    private var descriptors: [pollfd] = []

    /// A poller of nothing.
    package init() {
        self.items.reserveCapacity(8)
        self.descriptors.reserveCapacity(8)
    }

    /// Adds a socket.
    ///
    /// - Parameter receivesOnly: Whether nothing is sent on it; then waiting is cheaper.
    /// - Returns: Its number.
    package mutating func add(
        _ socket: borrowing Socket, receivesOnly: Bool = false
    ) throws(ZeroMQError) -> Int {
        let descriptor = try unsafe option(ZMQ_FD, of: socket.handle)
        return unsafe self.add(
            receivesOnly ? .receiver : .socket(socket.handle), descriptor: descriptor)
    }

    /// Adds the events of a monitored socket, for `Socket.nextEvent()`; call that once until it
    /// gives nil, or the first event may go unreported.
    ///
    /// - Returns: Their number.
    package mutating func addEvents(of socket: borrowing Socket) throws(ZeroMQError) -> Int {
        guard let handle = unsafe socket.monitorHandle else {
            preconditionFailure("the socket was made without SocketOptions.monitored")
        }
        return unsafe self.add(.receiver, descriptor: try option(ZMQ_FD, of: handle))
    }

    /// Adds a waker; `wait` resets it.
    ///
    /// - Returns: Its number.
    package mutating func add(_ waker: Waker) -> Int {
        self.add(.waker(waker), descriptor: waker.descriptor)
    }

    /// Adds a file descriptor that is ready when it can be read.
    ///
    /// - Returns: Its number.
    package mutating func add(descriptor: Int32) -> Int {
        self.add(.descriptor, descriptor: descriptor)
    }

    /// Waits until something is ready or the time has passed.
    ///
    /// - Parameter timeout: Nanoseconds; 0 only looks, nil waits for ever.
    /// - Returns: What is ready. Empty also after a signal.
    /// - Throws: `.terminated` after the context's `shutdown()`.
    package mutating func wait(timeout: UInt64?) throws(ZeroMQError) -> Ready {
        var ready = try self.readySockets()
        let count = self.poll(timeout: ready.isEmpty ? timeout : 0)
        guard count > 0 else { return ready }
        for index in self.items.indices where self.descriptors[index].revents != 0 {
            switch self.items[index] {
            case .socket, .receiver, .descriptor: ready.insert(index)
            case .waker(let waker):
                waker.drain()
                ready.insert(index)
            }
        }
        return ready
    }

    private mutating func add(_ item: Item, descriptor: Int32) -> Int {
        precondition(self.items.count < Self.capacity, "a poller takes 64 things")
        self.items.append(item)
        self.descriptors.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
        return self.items.count - 1
    }

    private func readySockets() throws(ZeroMQError) -> Ready {
        var ready = Ready()
        for index in self.items.indices {
            guard case .socket(let handle) = self.items[index] else { continue }
            if try unsafe option(ZMQ_EVENTS, of: handle) & ZMQ_POLLIN != 0 { ready.insert(index) }
        }
        return ready
    }

    /// Returns how many descriptors have news; 0 after a signal.
    private mutating func poll(timeout: UInt64?) -> Int32 {
        let count = nfds_t(self.descriptors.count)
        return unsafe self.descriptors.withUnsafeMutableBufferPointer { buffer in
            guard let timeout else { return unsafe ppoll(buffer.baseAddress, count, nil, nil) }
            var time = timespec(
                tv_sec: Int(timeout / 1_000_000_000), tv_nsec: Int(timeout % 1_000_000_000))
            return unsafe ppoll(buffer.baseAddress, count, &time, nil)
        }
    }
}

private func option(
    _ name: Int32, of handle: UnsafeMutableRawPointer
) throws(ZeroMQError) -> Int32 {
    var value: Int32 = 0
    var size = MemoryLayout<Int32>.size
    while unsafe zmq_getsockopt(handle, name, &value, &size) != 0 {
        let error = ZeroMQError.last
        if error != .interrupted { throw error }
    }
    return value
}
