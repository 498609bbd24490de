// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusZeroMQ
import Testing

@Suite(.timeLimit(.minutes(1))) struct MonitorTests {
    /// Rules R4: a killed peer is seen by its descriptor, long before a heartbeat is missed.
    @Test(arguments: [Transport.tcp, .ipc])
    func `the end of a peer is told at once with its descriptor`(transport: Transport) throws {
        let context = try Context()
        var listener = try Listener(in: context, on: transport) { $0.monitored = true }
        let descriptor: Int32
        let began: UInt64
        do {
            let dealer = try Socket(.dealer, in: context)
            try dealer.connect(listener.endpoint)
            try dealer.send(copying: [1])
            descriptor = try listener.receive().descriptor
            let events = try listener.events { $0 == .ready }
            #expect(events == [.accepted(descriptor: descriptor), .ready])
            began = MonotonicClock.now()
        }
        let events = try listener.events { $0 == .disconnected(descriptor: descriptor) }
        #expect(events == [.disconnected(descriptor: descriptor)])
        // A heartbeat would need 3 s; on an idle machine this takes less than a millisecond.
        #expect(MonotonicClock.now() - began < 2_500_000_000)
    }

    @Test func `the event of a connection can be read before its first message`() throws {
        let context = try Context()
        var listener = try Listener(in: context) { $0.monitored = true }
        for _ in 0..<200 {
            let dealer = try Socket(.dealer, in: context)
            try dealer.connect(listener.endpoint)
            try dealer.send(copying: [1])
            let descriptor = try listener.receive().descriptor
            var accepted = false
            while let event = try listener.socket.nextEvent() {
                if event == .accepted(descriptor: descriptor) { accepted = true }
            }
            #expect(accepted)
        }
    }

    @Test func `a peer that speaks no ZMTP fails its handshake and is gone`() throws {
        let context = try Context()
        var listener = try Listener(in: context) { $0.monitored = true }
        let peer = try ForeignPeer(
            port: listener.port, saying: Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
        defer { withExtendedLifetime(peer) {} }
        let events = try listener.events { if case .disconnected = $0 { true } else { false } }
        guard case .accepted(let descriptor) = events.first else {
            Issue.record("no connection: \(events)")
            return
        }
        #expect(events.last == .disconnected(descriptor: descriptor))
        #expect(events.contains { if case .handshakeFailed = $0 { true } else { false } })
    }

    @Test(arguments: ["tcp://127.0.0.1:1", "ipc:///nonexistent/objbus"])
    func `a refused connect is told`(endpoint: String) throws {
        var options = SocketOptions()
        options.monitored = true
        let dealer = try Socket(.dealer, in: try Context(), options: options)
        try dealer.connect(endpoint)
        _ = try waitForEvent(dealer) { if case .closed = $0 { true } else { false } }
    }

    @Test func `a dealer is told of its listener's end and does not connect again`() throws {
        let context = try Context()
        var options = SocketOptions()
        options.monitored = true
        let dealer = try Socket(.dealer, in: context, options: options)
        let endpoint: String
        do {
            let listener = try Listener(in: context)
            endpoint = listener.endpoint
            try dealer.connect(endpoint)
            _ = try waitForEvent(dealer) { $0 == .ready }
        }
        _ = try waitForEvent(dealer) { if case .disconnected = $0 { true } else { false } }
        let second = try Socket(.router, in: context)
        try second.bind(endpoint)
        // Its pipe goes with the connection, shortly after the event.
        let deadline = MonotonicClock.now() + patience
        var refused = false
        while !refused && MonotonicClock.now() < deadline {
            do { try dealer.send(copying: [1]) } catch { refused = error == .again }
        }
        #expect(refused)
    }

    @Test func `events that nobody reads hold up neither libzmq nor the closing`() throws {
        let context = try Context()
        let listener = try Listener(in: context) { $0.monitored = true }
        // More than any default high-water mark, two frames each.
        for _ in 0..<1_500 { _ = try ForeignPeer(port: listener.port, saying: [0]) }
        var disconnected = 0
        while disconnected < 1_500 {
            _ = try waitForEvent(listener.socket) {
                if case .disconnected = $0 { true } else { false }
            }
            disconnected += 1
        }
    }
}
