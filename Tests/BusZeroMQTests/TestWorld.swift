// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusZeroMQ
import Foundation
import Testing

/// A transport as the argument of a test.
enum Transport: String, CaseIterable, Sendable {
    case tcp
    case ipc
    case inproc

    /// An endpoint to bind that nobody else uses.
    var endpoint: String {
        switch self {
        case .tcp: "tcp://127.0.0.1:*"
        case .ipc: "ipc://\(NSTemporaryDirectory())/objbus-\(UUID().uuidString.prefix(8))"
        case .inproc: "inproc://\(UUID().uuidString)"
        }
    }
}

/// How long a test waits for what must happen; only a failure takes so long.
let patience: UInt64 = 30_000_000_000

/// A router that listens, and what it was told.
struct Listener: ~Copyable {
    let socket: Socket
    let endpoint: String
    private var poller: Poller

    init(
        in context: Context, on transport: Transport = .tcp,
        _ change: (inout SocketOptions) -> Void = { _ in }
    ) throws {
        var options = SocketOptions()
        change(&options)
        let socket = try Socket(.router, in: context, options: options)
        try socket.bind(transport.endpoint)
        var poller = Poller()
        _ = try poller.add(socket)
        if options.monitored { _ = try poller.addEvents(of: socket) }
        self.endpoint = socket.lastEndpoint
        self.socket = socket
        self.poller = poller
    }

    /// The next message: who sent it, and its first frame.
    mutating func receive() throws -> (id: UInt32, bytes: [UInt8], descriptor: Int32) {
        let deadline = MonotonicClock.now() + patience
        while MonotonicClock.now() < deadline {
            if let id = try self.socket.receiveRoutingID() {
                var frame = Frame()
                #expect(try self.socket.receive(into: &frame))
                if frame.more { try self.socket.skipMessage() }
                return (id, frame.array(), frame.sourceDescriptor)
            }
            _ = try self.poller.wait(timeout: patience)
        }
        throw TimedOut()
    }

    /// The events up to and with the first for which `isLast` holds.
    mutating func events(until isLast: (MonitorEvent) -> Bool) throws -> [MonitorEvent] {
        let deadline = MonotonicClock.now() + patience
        var events: [MonitorEvent] = []
        while MonotonicClock.now() < deadline {
            while let event = try self.socket.nextEvent() {
                events.append(event)
                if isLast(event) { return events }
            }
            _ = try self.poller.wait(timeout: patience)
        }
        throw TimedOut()
    }
}

/// What must happen did not.
struct TimedOut: Error {}

/// Receives one frame, waiting for it, and throws when it does not come.
func receiveFrame(_ socket: borrowing Socket) throws -> [UInt8] {
    var poller = Poller()
    _ = try poller.add(socket)
    let deadline = MonotonicClock.now() + patience
    while MonotonicClock.now() < deadline {
        var frame = Frame()
        if try socket.receive(into: &frame) { return frame.array() }
        _ = try poller.wait(timeout: patience)
    }
    throw TimedOut()
}

/// Waits for the next event of a monitored socket.
func waitForEvent(
    _ socket: borrowing Socket, where isWanted: (MonitorEvent) -> Bool
) throws -> MonitorEvent {
    var poller = Poller()
    _ = try poller.addEvents(of: socket)
    let deadline = MonotonicClock.now() + patience
    while MonotonicClock.now() < deadline {
        while let event = try socket.nextEvent() {
            if isWanted(event) { return event }
        }
        _ = try poller.wait(timeout: patience)
    }
    throw TimedOut()
}
