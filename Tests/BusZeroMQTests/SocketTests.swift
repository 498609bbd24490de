// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusZeroMQ
import Foundation
import Testing

@Suite(.timeLimit(.minutes(1))) struct SocketTests {
    @Test(arguments: Transport.allCases)
    func `messages arrive in the order of sending`(transport: Transport) throws {
        let context = try Context()
        var listener = try Listener(in: context, on: transport) { $0.receiveHighWater = 0 }
        let dealer = try Socket(.dealer, in: context)
        try dealer.connect(listener.endpoint)
        let messages = (0..<500).map { [UInt8($0 / 256), UInt8($0 % 256)] }
        for message in messages { try dealer.send(copying: message) }
        for message in messages { #expect(try listener.receive().bytes == message) }
    }

    @Test(arguments: Transport.allCases)
    func `a router answers the connection that asked`(transport: Transport) throws {
        let context = try Context()
        var listener = try Listener(in: context, on: transport)
        let one = try Socket(.dealer, in: context)
        let other = try Socket(.dealer, in: context)
        try one.connect(listener.endpoint)
        try other.connect(listener.endpoint)
        try one.send(copying: [1])
        try other.send(copying: [2])
        for _ in 0..<2 {
            let (id, bytes, _) = try listener.receive()
            try listener.socket.sendRoutingID(id)
            try listener.socket.send(copying: bytes + [0])
        }
        #expect(try receiveFrame(one) == [1, 0])
        #expect(try receiveFrame(other) == [2, 0])
    }

    @Test func `routing ids count upward`() throws {
        let context = try Context()
        var listener = try Listener(in: context)
        var former: UInt32?
        for _ in 0..<5 {
            let dealer = try Socket(.dealer, in: context)
            try dealer.connect(listener.endpoint)
            try dealer.send(copying: [1])
            let id = try listener.receive().id
            if let former { #expect(id == former &+ 1) }
            former = id
        }
    }

    @Test func `a full pipe refuses with again`() throws {
        let context = try Context()
        var options = SocketOptions()
        options.sendHighWater = 7
        let dealer = try Socket(.dealer, in: context, options: options)
        // Nobody listens, so that nothing drains the pipe.
        try dealer.connect("ipc:///nonexistent/objbus")
        for _ in 0..<7 { try dealer.send(copying: [1]) }
        #expect(throws: ZeroMQError.again) { try dealer.send(copying: [1]) }
    }

    @Test func `a router whose connection is full refuses with again and takes others`() throws {
        let context = try Context()
        var listener = try Listener(in: context, on: .inproc) { $0.sendHighWater = 3 }
        var options = SocketOptions()
        options.receiveHighWater = 4
        let slow = try Socket(.dealer, in: context, options: options)
        let other = try Socket(.dealer, in: context)
        try slow.connect(listener.endpoint)
        try slow.send(copying: [1])
        let slowID = try listener.receive().id
        for _ in 0..<7 {
            try listener.socket.sendRoutingID(slowID)
            try listener.socket.send(copying: [9])
        }
        #expect(throws: ZeroMQError.again) { try listener.socket.sendRoutingID(slowID) }
        try other.connect(listener.endpoint)
        try other.send(copying: [2])
        try listener.socket.sendRoutingID(try listener.receive().id)
        try listener.socket.send(copying: [8])
        #expect(try receiveFrame(other) == [8])
    }

    @Test func `a mandatory router refuses an unknown connection`() throws {
        let context = try Context()
        let listener = try Listener(in: context)
        #expect(throws: ZeroMQError.hostUnreachable) { try listener.socket.sendRoutingID(12_345) }
        #expect(ZeroMQError.hostUnreachable.description == "Host unreachable (113)")
    }

    @Test func `a frame that could not be sent is kept`() throws {
        let context = try Context()
        let dealer = try Socket(.dealer, in: context)
        var frame = Frame(copying: [1, 2, 3])
        #expect(throws: ZeroMQError.again) { try dealer.send(&frame) }
        let bytes = frame.array()
        #expect(bytes == [1, 2, 3])
    }

    @Test(arguments: [Transport.tcp, .ipc])
    func `binding an endpoint twice is an error`(transport: Transport) throws {
        let context = try Context()
        var listener = try Listener(in: context, on: transport)
        let second = try Socket(.router, in: context)
        #expect(throws: ZeroMQError.addressInUse) { try second.bind(listener.endpoint) }
        // The first is unharmed.
        let dealer = try Socket(.dealer, in: context)
        try dealer.connect(listener.endpoint)
        try dealer.send(copying: [5])
        #expect(try listener.receive().bytes == [5])
    }

    @Test func `an ipc path left behind by a crash can be bound`() throws {
        let path = "\(NSTemporaryDirectory())/objbus-\(UUID().uuidString.prefix(8))"
        #expect(FileManager.default.createFile(atPath: path, contents: nil))
        let context = try Context()
        let socket = try Socket(.router, in: context)
        try socket.bind("ipc://\(path)")
        #expect(socket.lastEndpoint == "ipc://\(path)")
    }

    @Test(arguments: [
        ("http://127.0.0.1:1", ZeroMQError.protocolNotSupported), ("nonsense", .invalid),
        ("tcp://127.0.0.1:70000", .invalid), ("tcp://127.0.0.1", .invalid),
        ("tcp://nodevice0:1", .noDevice),
        ("ipc://" + String(repeating: "x", count: 200), .nameTooLong),
    ])
    func `an endpoint that cannot be says why`(endpoint: String, error: ZeroMQError) throws {
        let socket = try Socket(.router, in: try Context())
        #expect(throws: error) { try socket.bind(endpoint) }
    }

    @Test func `after unbind the endpoint is free`() throws {
        let context = try Context()
        let listener = try Listener(in: context) { $0.monitored = true }
        try listener.socket.unbind(listener.endpoint)
        _ = try waitForEvent(listener.socket) { if case .closed = $0 { true } else { false } }
        let second = try Socket(.router, in: context)
        try second.bind(listener.endpoint)
    }

    @Test(arguments: [Transport.tcp, .ipc])
    func `a frame over the limit ends its connection and no other`(transport: Transport) throws {
        let context = try Context()
        var listener = try Listener(in: context, on: transport) {
            $0.maximumMessageSize = 100
            $0.monitored = true
        }
        let bad = try Socket(.dealer, in: context)
        let good = try Socket(.dealer, in: context)
        try bad.connect(listener.endpoint)
        try good.connect(listener.endpoint)
        try bad.send(copying: [1])
        let descriptor = try listener.receive().descriptor
        try good.send(copying: [2])
        #expect(try listener.receive().bytes == [2])
        try bad.send(copying: [UInt8](repeating: 3, count: 101))
        _ = try listener.events { $0 == .disconnected(descriptor: descriptor) }
        try good.send(copying: [UInt8](repeating: 4, count: 100))
        #expect(try listener.receive().bytes == [UInt8](repeating: 4, count: 100))
    }

    @Test func `a socket that waits is ended by shutdown`() throws {
        let context = try Context()
        let failure = Locked<ZeroMQError?>(nil)
        let thread = try SystemThread.start(name: "waiter") {
            do throws(ZeroMQError) {
                let socket = try Socket(.dealer, in: context)
                var frame = Frame()
                _ = try socket.receive(into: &frame, waiting: true)
            } catch {
                failure.withLock { $0 = error }
            }
        }
        context.shutdown()
        thread.join()
        #expect(failure.withLock { $0 } == .terminated)
    }

    @Test func `dropping a context with unsent messages does not wait for them`() throws {
        let began = MonotonicClock.now()
        do {
            let dealer = try Socket(.dealer, in: try Context())
            try dealer.connect("tcp://127.0.0.1:1")
            for _ in 0..<100 { try dealer.send(copying: [UInt8](repeating: 1, count: 10_000)) }
        }
        #expect(MonotonicClock.now() - began < 5_000_000_000)
    }

    @Test func `a message of a peer with its own routing id is dropped whole`() throws {
        let context = try Context()
        var listener = try Listener(in: context)
        let peer = try ForeignPeer(port: listener.port, identity: [1, 2, 3])
        try peer.send([[7], [8]])
        defer { withExtendedLifetime(peer) {} }
        var poller = Poller()
        _ = try poller.add(listener.socket)
        #expect(throws: ZeroMQError.foreignRoutingID) {
            let deadline = MonotonicClock.now() + patience
            while MonotonicClock.now() < deadline {
                if let id = try listener.socket.receiveRoutingID() { return id }
                _ = try poller.wait(timeout: patience)
            }
            throw TimedOut()
        }
        let dealer = try Socket(.dealer, in: context)
        try dealer.connect(listener.endpoint)
        try dealer.send(copying: [9])
        #expect(try listener.receive().bytes == [9])
    }
}
