// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore
import BusValue
import BusWire
import Testing

/// A node that does what the test says, over links of a `BrokerWorld`.
final class ScriptedNode {
    let world: BrokerWorld
    let name: String
    private(set) var tx: ConnectionID
    private(set) var rx: ConnectionID
    private(set) var epoch = Epoch.none
    private(set) var incarnation = IncarnationID.broker
    private(set) var secret = Seal.none
    private(set) var run: UInt64 = 0
    private(set) var credit: UInt64 = 0
    private(set) var sent: UInt64 = 0
    /// What is claimed at each link.
    var holdings: [HelloBody.Holding] = []
    var exports: [HelloBody.Export] = []
    var names: [HelloBody.Name] = []

    /// Attaches a new node.
    init(_ world: BrokerWorld, _ name: String) {
        self.world = world
        self.name = name
        (self.tx, self.rx) = (world.connect(), world.connect())
        self.openLink()
    }

    /// A node of an earlier broker run, with a new link to this one.
    init(_ former: ScriptedNode, movedTo world: BrokerWorld) {
        self.world = world
        self.name = former.name
        (self.tx, self.rx) = (world.connect(), world.connect())
        (self.incarnation, self.secret) = (former.incarnation, former.secret)
        (self.holdings, self.exports, self.names) =
            (former.holdings, former.exports, former.names)
        self.epoch = former.epoch
    }

    /// From now on this is a new node, which resumes nothing.
    func forget() { self.incarnation = .broker }

    /// Says HELLO and ATTACH on new connections.
    ///
    /// - Returns: What the broker said to it, the WELCOME not included.
    @discardableResult
    func relink(secret: Seal? = nil, epoch: Epoch? = nil) -> [Message] {
        (self.tx, self.rx) = (self.world.connect(), self.world.connect())
        return self.openLink(secret: secret, epoch: epoch)
    }

    @discardableResult
    private func openLink(secret: Seal? = nil, epoch: Epoch? = nil) -> [Message] {
        self.epoch = epoch ?? self.epoch.next
        self.sent = 0
        self.sayHello(secret: secret)
        self.sayAttach()
        var answers = self.take()
        guard let first = answers.first, first.kind == .welcome,
            let welcome = try? WelcomeBody(payloadOf: first)
        else { return answers }
        (self.incarnation, self.secret, self.run) =
            (welcome.incarnation, welcome.secret, welcome.run)
        self.credit = welcome.credit
        answers.removeFirst()
        return answers
    }

    /// The first half of a handshake.
    func sayHello(secret: Seal? = nil) {
        var hello = HelloBody(node: self.name, program: "test", processID: 1)
        if self.incarnation != .broker {
            (hello.incarnation, hello.secret) = (self.incarnation, secret ?? self.secret)
        }
        (hello.holdings, hello.exports, hello.names) = (self.holdings, self.exports, self.names)
        var header = FrameHeader(kind: .hello)
        (header.object, header.call) = self.token
        self.send(Message(header, payload: hello.encoded()))
    }

    /// The second half of a handshake.
    func sayAttach() {
        var header = FrameHeader(kind: .attach)
        (header.object, header.call) = self.token
        self.world.deliver(
            Message(header), Transmission(epoch: self.epoch, sequence: 1), on: self.rx)
    }

    private var token: (ObjectNumber, CallNumber) {
        let number = UInt64(self.tx.rawValue)
        return (ObjectNumber(rawValue: number), CallNumber(rawValue: number &* 77))
    }

    /// Sends the next message of the link.
    func send(_ message: Message) {
        self.sent += 1
        self.send(message, sequence: self.sent)
    }

    /// Sends a message with any number.
    func send(_ message: Message, sequence: UInt64) {
        self.world.deliver(
            message, Transmission(epoch: self.epoch, sequence: sequence), on: self.tx)
    }

    func send(_ kind: MessageKind) { self.send(Message(FrameHeader(kind: kind))) }

    /// What came since the last time.
    func take() -> [Message] { self.world.take(self.rx) }

    /// Both connections end, as when the process is killed.
    func die() { self.world.close(self.tx, self.rx) }

    // MARK: Calls

    func object(_ number: UInt64) -> Reference {
        Reference(owner: self.incarnation, object: ObjectNumber(rawValue: number))
    }

    /// Calls `target` with references.
    func call(
        _ target: Reference, _ references: [Reference] = [], number: UInt64 = 1,
        flags: MessageFlags = [], peerEpoch: Epoch = .none, method: String = "run()",
        name: String? = nil, members: UInt64 = 0,
        parent: (caller: IncarnationID, number: UInt64)? = nil
    ) {
        var header = FrameHeader(
            kind: .call, flags: flags, peer: target.owner, object: target.object,
            call: CallNumber(rawValue: number))
        header.peerEpoch = peerEpoch
        var extensions = Extensions()
        extensions.method = method
        extensions.name = name
        extensions.members = members
        extensions.parent = parent.map {
            Extensions.ParentCall(caller: $0.caller, number: CallNumber(rawValue: $0.number))
        }
        self.send(
            Message(
                header, payload: [0x80], extensions: extensions,
                references: references.map { ReferenceEntry(reference: $0) }))
    }

    func reply(to caller: IncarnationID, _ references: [Reference] = [], number: UInt64 = 1) {
        let header = FrameHeader(
            kind: .reply, peer: caller, call: CallNumber(rawValue: number))
        self.send(
            Message(
                header, payload: [0xF6],
                references: references.map { ReferenceEntry(reference: $0) }))
    }

    func release(_ reference: Reference, _ count: UInt64 = 1) {
        self.send(
            Message(
                FrameHeader(
                    kind: .release, peer: reference.owner, object: reference.object,
                    call: CallNumber(rawValue: count))))
    }

    /// Calls a service of the broker and returns its answer.
    ///
    /// - Parameter inspect: Gets all that came with it.
    @discardableResult
    func ask(
        _ method: String, _ arguments: [Value] = [], references: [ReferenceEntry] = [],
        flags: MessageFlags = [], inspect: ([Message]) -> Void = { _ in }
    ) -> Message {
        let (number, answers) = self.question(method, arguments, references, flags)
        inspect(answers)
        let answer = answers.first { $0.header.call == number && $0.header.peer == .broker }
        guard let answer else {
            Issue.record("no answer to \(method): \(answers.map(\.line))")
            return Message(FrameHeader(kind: .unimplemented))
        }
        return answer
    }

    /// Calls a service that may answer later; its answer if it comes at once.
    @discardableResult
    func ask(later method: String, _ arguments: [Value]) -> Message? {
        let (number, answers) = self.question(method, arguments, [], [])
        return answers.first { $0.header.call == number && $0.header.peer == .broker }
    }

    private func question(
        _ method: String, _ arguments: [Value], _ references: [ReferenceEntry],
        _ flags: MessageFlags
    ) -> (CallNumber, [Message]) {
        var extensions = Extensions()
        extensions.method = method
        let payload = (try? Value.array(arguments).encoded()) ?? []
        let header = FrameHeader(
            kind: .call, flags: flags, call: CallNumber(rawValue: self.sent + 1))
        _ = self.take()
        self.send(
            Message(header, payload: payload, extensions: extensions, references: references))
        return (header.call, self.take())
    }

    @discardableResult
    func publish(_ name: String, _ number: UInt64 = 7, interface: String = "I") -> Message {
        self.ask(
            "publish(_:as:interface:)",
            [.reference(ReferenceSlot(0)), .string(name), .string(interface)],
            references: [ReferenceEntry(reference: self.object(number))])
    }

    /// Publishes object `number` as one of several.
    @discardableResult
    func publish(
        _ name: String, _ number: UInt64 = 7, interface: String = "I", replicas: String
    ) -> Message {
        self.ask(
            "publish(_:as:interface:replicas:)",
            [
                .reference(ReferenceSlot(0)), .string(name), .string(interface),
                .string(replicas),
            ],
            references: [ReferenceEntry(reference: self.object(number))])
    }

    /// Publishes object `number`, which `holder` finds and so holds; the object.
    func publish(_ name: String, _ number: UInt64, foundBy holder: ScriptedNode) -> Reference {
        self.publish(name, number)
        holder.find(name)
        return self.object(number)
    }

    /// Finds a name and so holds what it means.
    @discardableResult
    func find(_ name: String) -> Message { self.ask("find(_:)", [.string(name)]) }
}

/// The messages of an UNREF: which object, how many exports.
func unrefs(_ messages: [Message]) -> [[UInt64]] {
    messages.filter { $0.kind == .unref }
        .map { [$0.header.object.rawValue, $0.header.call.rawValue] }
}
