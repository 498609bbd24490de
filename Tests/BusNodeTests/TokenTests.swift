// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusNode
import BusNodeCore
import BusWire
import Logging
import Synchronization
import Testing

/// Tokens keep what their own incarnation holds: docs/protocol/references.md §3.
@Suite struct TokenTests {
    private static let reference = Reference(
        owner: IncarnationID(rawValue: 0xB2), object: ObjectNumber(rawValue: 7))

    @Test func `a token of an ended incarnation does not stand for what its successor holds`() {
        let desk = Desk()
        desk.welcome(IncarnationID(rawValue: 0xA1))
        let first = desk.receive(Self.reference)
        #expect(first != nil)
        #expect(desk.receive(Self.reference) === first, "one for all proxies")

        desk.endIncarnation()
        #expect(desk.node.importCount == 0)
        desk.welcome(IncarnationID(rawValue: 0xA2))
        let second = desk.receive(Self.reference)
        #expect(second != nil && second !== first)
        #expect(desk.node.importCount == 1, "the successor holds it")
        withExtendedLifetime((first, second)) {}
    }

    @Test func `the end of an old token does not let go of what a new one keeps`() {
        let desk = Desk()
        desk.welcome(IncarnationID(rawValue: 0xA1))
        var first = desk.receive(Self.reference)
        desk.endIncarnation()
        desk.welcome(IncarnationID(rawValue: 0xA2))
        var second = desk.receive(Self.reference)
        #expect(first != nil && second != nil)
        first = nil
        #expect(desk.node.importCount == 1)
        second = nil
        #expect(desk.node.importCount == 0)
    }
}

/// What a node asks of its host: the time, and links.
private final class Links: NodeHost {
    let time = Atomic<UInt64>(1_000_000_000)
    let epoch = Atomic<UInt32>(0)

    func now() -> Tick { Tick(nanoseconds: self.time.load(ordering: .relaxed)) }
    func started(_ node: Node) {}
    func ended(_ node: Node) {}
    func openLink(_ epoch: Epoch, attach: Message, hello: Outgoing, of node: Node) {
        self.epoch.store(epoch.rawValue, ordering: .relaxed)
    }
    func closeLink(_ epoch: Epoch, of node: Node) {}
    func transmit(_ outgoing: Outgoing, from node: Node) {}
    func notLater(than deadline: Tick, _ node: Node) {}
}

/// A node whose broker, network and clock are the test.
private final class Desk {
    private static let seal = Seal(high: 1, low: 2)

    let node: Node
    private let links = Links()
    private var sequence: UInt64 = 0
    private var calls: UInt64 = 0

    init() {
        var configuration = NodeConfiguration(
            endpoint: "inproc://none", name: "n", program: "test", logger: Logger(label: "test"))
        configuration.host = self.links
        configuration.seed = 1
        self.node = Node(configuration)
        try? self.node.start()
    }

    func welcome(_ incarnation: IncarnationID) {
        let body = WelcomeBody(
            incarnation: incarnation, secret: Self.seal, run: 1,
            heartbeat: Span.seconds(1).nanoseconds, silence: Span.seconds(3).nanoseconds,
            resumeWindow: Span.seconds(2).nanoseconds, credit: 1 << 26)
        self.receive(FrameHeader(kind: .welcome), payload: body.encoded())
    }

    /// The node loses its link, is told at the next one that its incarnation has ended, and begins
    /// another.
    func endIncarnation() {
        self.node.failed(self.epoch, "cut")
        self.pass()
        let body = FailureBody(BusError(.notFound, "ended"))
        self.receive(FrameHeader(kind: .refused), payload: body.encoded())
        self.pass()
    }

    /// A call hands `reference` to the node, which makes a token of it.
    func receive(_ reference: Reference) -> Token? {
        self.calls += 1
        let header = FrameHeader(
            kind: .call, flags: .oneWay, peer: IncarnationID(rawValue: 0xC3),
            object: ObjectNumber(rawValue: 1), call: CallNumber(rawValue: self.calls))
        let entry = ReferenceEntry(reference: reference, generation: .first, seal: Self.seal)
        self.receive(header, references: [entry])
        let token = self.node.token(for: reference)
        self.node.unpin([reference])
        return token
    }

    private var epoch: Epoch { Epoch(rawValue: self.links.epoch.load(ordering: .relaxed)) }

    /// Long enough for the pause before the next link.
    private func pass() {
        self.links.time.add(1_000_000_000, ordering: .relaxed)
        self.node.timePassed()
        self.sequence = 0
    }

    private func receive(
        _ header: FrameHeader, payload: [UInt8] = [], references: [ReferenceEntry] = []
    ) {
        self.sequence += 1
        var frame = Message(header, payload: payload, references: references).frame
        var span = frame.mutableSpan
        var bytes = span.mutableBytes
        Transmission(epoch: self.epoch, sequence: self.sequence).patch(&bytes)
        guard let message = try? Message(frame: frame) else { return }
        self.node.received(message, on: self.epoch)
    }
}
