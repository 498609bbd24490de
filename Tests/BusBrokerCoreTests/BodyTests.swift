// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusValue
import BusWire
import Testing

@Suite struct BodyTests {
    @Test func `a member that a map does not have is absent, not null`() {
        let map: ValueMap = ["here": .null]
        #expect(map[.string("here")] == Value?.some(.null))
        #expect(map[.string("gone")] == Value?.none)
    }

    @Test func `a HELLO without an incarnation comes back as it was`() throws {
        var hello = HelloBody(node: "n", program: "p", processID: 7)
        hello.names = [
            HelloBody.Name(name: "x", object: ObjectNumber(rawValue: 3), interface: "X")
        ]
        let message = Message(FrameHeader(kind: .hello), payload: hello.encoded())
        let read = try HelloBody(payloadOf: message.frame.span.bytes, message.header)
        #expect(read == hello)
    }
}
