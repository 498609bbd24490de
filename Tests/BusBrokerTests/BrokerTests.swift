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
        let counter = Reference(owner: worker.incarnation, object: ObjectNumber(rawValue: 7))
        let published = try worker.ask(
            "publish(_:as:interface:)",
            [.reference(ReferenceSlot(0)), .string("counter"), .string("Counter")],
            references: [ReferenceEntry(reference: counter)])
        #expect(published.header.kind == .reply)
        var client = try RawNode.attached(world.endpoint, in: world.context)
        let found = try client.ask("find(_:)", [.string("counter")])
        #expect(found.references.map(\.reference) == [counter])
        #expect(found.references.first?.seal != Seal.none)
        let buffer = Bytes([UInt8](repeating: 9, count: 20_000))
        try client.call(counter, "add(_:)", [0x81, 3], number: 5, buffers: [buffer])
        let call = try worker.receive()
        #expect(call.header.kind == .call)
        #expect(call.header.peer == client.incarnation)
        #expect(try call.extensions().method == "add(_:)")
        #expect(Array(call.payload) == [0x81, 3])
        #expect(call.buffers == [buffer])
        try worker.send(
            Message(
                FrameHeader(kind: .reply, peer: client.incarnation, call: call.header.call),
                payload: [3]))
        let reply = try client.receive()
        #expect(reply.header.kind == .reply)
        #expect(reply.header.peer == worker.incarnation)
        #expect(Array(reply.payload) == [3])
    }
}
