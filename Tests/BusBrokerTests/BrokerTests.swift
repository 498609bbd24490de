// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBroker
import BusValue
import BusWire
import BusZeroMQ
import Testing

@Suite(.timeLimit(.minutes(1))) struct BrokerTests {
    @Test(arguments: Transport.allCases)
    func `a node attaches, publishes and is found and called by another one`(
        transport: Transport
    ) throws {
        let world = try World(transport)
        var worker = try RawNode.attached(world.endpoint, in: world.context, name: "worker")
        let counter = try worker.publish("counter")
        var client = try RawNode.attached(world.endpoint, in: world.context)
        let found = try client.ask("find(_:)", [.string("counter")])
        #expect(found.references.map(\.reference) == [counter])
        #expect(found.references.first?.seal != Seal.none)
        let buffers = [Bytes([UInt8](repeating: 9, count: 20_000)), Bytes(), Bytes([1])]
        try client.call(counter, "add(_:)", [0x81, 3], number: 5, buffers: buffers)
        let call = try worker.receive()
        #expect(call.header.kind == .call)
        #expect(call.header.peer == client.incarnation)
        #expect(try call.extensions().method == "add(_:)")
        #expect(Array(call.payload) == [0x81, 3])
        #expect(call.buffers == buffers)
        try worker.reply(to: call, [3])
        let reply = try client.receive()
        #expect(reply.header.kind == .reply)
        #expect(reply.header.peer == worker.incarnation)
        #expect(Array(reply.payload) == [3])
    }

    @Test func `nodes on different transports of one broker call each other in order`() throws {
        let world = try World(.tcp) { configuration in
            configuration.endpoints += [Transport.ipc.endpoint, Transport.inproc.endpoint]
        }
        let endpoints = world.broker.endpoints
        #expect(endpoints.count == 3)
        // The inproc name lives in the context of the broker, which is its own here.
        var worker = try RawNode.attached(endpoints[0], in: world.context)
        let thing = try worker.publish("thing")
        var client = try RawNode.attached(endpoints[1], in: world.context)
        #expect(try client.find("thing") == thing)
        for number in 1...2_000 as ClosedRange<UInt64> {
            try client.call(thing, "run()", number: number)
        }
        for number in 1...2_000 as ClosedRange<UInt64> {
            let call = try worker.receive()
            #expect(call.header.call.rawValue == number)
            try worker.reply(to: call, [0xF6])
        }
        for number in 1...2_000 as ClosedRange<UInt64> {
            #expect(try client.receive().header.call.rawValue == number)
        }
    }

    // MARK: Ends

    @Test(arguments: [Transport.tcp, .ipc])
    func `a node whose sockets close is missed at once and resumes with its secret`(
        transport: Transport
    ) throws {
        let world = try World(transport)
        var holder = try RawNode.attached(world.endpoint, in: world.context)
        let resumption: (IncarnationID, Seal, Epoch)
        do {
            var worker = try RawNode.attached(world.endpoint, in: world.context, name: "w")
            try worker.publish("thing")
            resumption = worker.resumption
        }
        let thing = try holder.find("thing")
        #expect(try world.log.wait(for: "link lost") < 1_000_000_000)
        #expect(world.log.lines(with: "link lost").first?.contains("node=w") == true)
        var worker = try RawNode.attached(
            world.endpoint, in: world.context, name: "w", resuming: resumption)
        #expect(worker.incarnation == resumption.0)
        #expect(try holder.receive().header.kind == .peerRelinked)
        // It restated nothing, so that its name is gone, but not who holds its object.
        try holder.call(thing, "run()")
        #expect(holder.incarnation != worker.incarnation)
        _ = try worker.ask("ping()")
    }

    @Test(arguments: Transport.allCases)
    func `a node that says goodbye and closes has said goodbye`(transport: Transport) throws {
        let world = try World(transport)
        var holder = try RawNode.attached(world.endpoint, in: world.context)
        do {
            var worker = try RawNode.attached(world.endpoint, in: world.context, name: "w")
            try worker.publish("thing")
            _ = try holder.find("thing")
            try worker.send(Message(FrameHeader(kind: .goodbye)))
            // Closing would drop what has not left yet: wait until it has arrived.
            #expect(try holder.receive().header.kind == .peerEnded)
        }
        try world.log.wait(for: "incarnation ended")
        #expect(world.log.lines(with: "said goodbye").count == 1)
        #expect(world.log.lines(with: "link lost").isEmpty)
    }

    @Test func `a node that vanishes on inproc is missed with the next heartbeat`() throws {
        let world = try World(.inproc)
        do { _ = try RawNode.attached(world.endpoint, in: world.context, name: "w") }
        try world.log.wait(for: "link lost")
        #expect(world.log.lines(with: "a connection closed").count == 1)
    }

    @Test func `of many nodes that come and go each is missed once, by its own descriptor`() throws
    {
        let world = try World(.tcp)
        var steady = try RawNode.attached(world.endpoint, in: world.context, name: "steady")
        for number in 0..<30 {
            do { _ = try RawNode.attached(world.endpoint, in: world.context, name: "n\(number)") }
            _ = try steady.ask("ping()")
        }
        for number in 0..<30 {
            try world.log.wait(for: "link lost", "node=n\(number) ")
        }
        _ = try steady.ask("ping()")
        #expect(world.log.lines(with: "link lost").count == 30)
    }

    // MARK: What harms nobody

    @Test(arguments: Garbage.allCases)
    func `what is no message harms nobody else and is logged once`(garbage: Garbage) throws {
        let world = try World(.tcp)
        var node = try RawNode.attached(world.endpoint, in: world.context)
        try garbage.send(to: world)
        if garbage.isLogged {
            try world.log.wait(for: "warning")
            #expect(world.log.lines(with: "warning").count == 1)
        }
        for _ in 0..<3 { #expect(try node.ask("ping()").header.kind == .reply) }
        var late = try RawNode.attached(world.endpoint, in: world.context)
        #expect(try late.ask("ping()").header.kind == .reply)
    }

    @Test func `a full queue is answered overloaded, and the rest arrives in order`() throws {
        let world = try World(.inproc) { $0.highWater = 20 }
        var slow = try RawNode.attached(
            world.endpoint, in: world.context, receiveHighWater: 20)
        let thing = try slow.publish("thing")
        var client = try RawNode.attached(world.endpoint, in: world.context)
        _ = try client.find("thing")
        var refused: Message?
        var sent: UInt64 = 0
        while refused == nil {
            sent += 1
            refused = try self.answer(to: thing, number: sent, by: &client)
        }
        #expect(refused.map { FailureBody(payloadOf: $0).error.kind } == .overloaded)
        #expect(refused?.header.call.rawValue == sent)
        for number in 1..<sent {
            #expect(try slow.receive().header.call.rawValue == number)
        }
        // That there is room again takes libzmq a moment to tell.
        let deadline = MonotonicClock.now() + patience
        var isTaken = false
        while !isTaken, MonotonicClock.now() < deadline {
            isTaken = try self.answer(to: thing, number: sent, by: &client) == nil
        }
        #expect(try slow.receive().header.call.rawValue == sent)
    }

    /// Calls, and returns what comes before the answer to a ping: that to the call, if any.
    private func answer(
        to thing: Reference, number: UInt64, by client: inout RawNode
    ) throws -> Message? {
        try client.call(thing, "run()", number: number)
        try client.call(
            Reference(owner: .broker, object: .root), "ping()", number: number + 1_000_000)
        let first = try client.receive()
        if first.header.peer == .broker { return nil }
        _ = try client.receive()
        return first
    }
}
