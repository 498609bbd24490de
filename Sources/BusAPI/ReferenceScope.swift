// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusNode
import BusValue
import BusWire
import Distributed

extension CodingUserInfoKey {
    /// Where the references of the message at hand are.
    static let busReferences = CodingUserInfoKey.make("objbus.references")

    private static func make(_ name: String) -> CodingUserInfoKey {
        guard let key = CodingUserInfoKey(rawValue: name) else {
            preconditionFailure("'\(name)' is not a key")
        }
        return key
    }
}

/// Collects the references of one message while it is encoded, on one thread, and keeps them
/// alive until the message is on its way.
final class EncodingScope: @unchecked Sendable {
    private let bus: Bus
    private(set) var references: [Reference] = []
    private var kept: [HeldReference] = []
    /// Own objects that nobody else may keep alive yet.
    private var keptObjects: [any DistributedActor] = []
    private var slots: [Reference: UInt32] = [:]

    init(_ bus: Bus) {
        self.bus = bus
    }

    func slot(for held: HeldReference) -> ReferenceSlot {
        let current = self.bus.current(held)
        if let known = self.slots[current.reference] { return ReferenceSlot(known) }
        let index = UInt32(self.references.count)
        self.slots[current.reference] = index
        self.references.append(current.reference)
        self.kept.append(current)
        if case .own = current.lease,
            let object = self.bus.objects.object(current.reference.object)
        {
            self.keptObjects.append(object)
        }
        return ReferenceSlot(index)
    }
}

/// Hands out the references of one message while it is decoded.
final class DecodingScope: Sendable {
    private let bus: Bus
    private let entries: [Reference]

    init(_ bus: Bus, _ message: Message) {
        self.bus = bus
        self.entries = message.references.map(\.reference)
    }

    func reference(at slot: ReferenceSlot) -> HeldReference? {
        guard Int(slot.index) < self.entries.count else { return nil }
        return self.bus.hold(self.entries[Int(slot.index)])
    }
}

/// Gives a message's references back when the last one interested in it is done.
final class MessageHold: Sendable {
    private let node: Node
    private let references: [Reference]

    /// Nil if there is nothing to give back; an initialiser would have allocated first.
    static func of(_ message: Message, _ node: Node) -> MessageHold? {
        message.header.referenceCount > 0 ? MessageHold(message, node) : nil
    }

    private init(_ message: Message, _ node: Node) {
        self.node = node
        self.references = message.references.map(\.reference)
    }

    deinit {
        self.node.unpin(self.references)
    }
}

/// Encodes one item after another into a message's payload.
struct PayloadEncoder {
    private let bus: Bus
    private(set) var builder: MessageBuilder
    private(set) var buffers: [Bytes] = []
    /// Keeps what the items refer to; nil if they refer to nothing.
    private(set) var scope: EncodingScope?

    /// - Parameter builder: What has been encoded already.
    init(_ bus: Bus, _ builder: consuming MessageBuilder = MessageBuilder()) {
        self.bus = bus
        self.builder = builder
    }

    /// For the result of one call of a batch: slots and buffers go on where others ended.
    init(_ bus: Bus, _ place: BatchPlace?) {
        self.bus = bus
        self.builder = MessageBuilder()
        self.scope = place?.scope
        self.buffers = place?.buffers ?? []
    }

    var references: [Reference] { self.scope?.references ?? [] }

    /// Appends what another encoder, made for a place in this one's batch, has encoded.
    mutating func append(_ part: PayloadEncoder) {
        self.builder.frame.append(contentsOf: part.builder.frame[FrameHeader.size...])
        self.buffers = part.buffers
    }

    mutating func append(cbor bytes: [UInt8]) {
        self.builder.frame.append(contentsOf: bytes)
    }

    /// Appends what is CBOR already.
    mutating func append(byte: UInt8) {
        self.builder.frame.append(byte)
    }

    mutating func append<Item: Encodable>(_ item: Item) throws {
        if isPlain(Item.self) {
            try plainEncoder.encode(item, into: &self.builder.frame, buffers: &self.buffers)
            return
        }
        let scope = self.scope ?? EncodingScope(self.bus)
        self.scope = scope
        let encoder = ValueEncoder(userInfo: [.busReferences: scope])
        try encoder.encode(item, into: &self.builder.frame, buffers: &self.buffers)
    }

    /// Puts `references` into the message's table, in this order, if they are the first.
    mutating func include(_ references: [HeldReference]) {
        guard !references.isEmpty else { return }
        let scope = self.scope ?? EncodingScope(self.bus)
        self.scope = scope
        for reference in references { _ = scope.slot(for: reference) }
    }

    /// Moves the message's builder out; what it refers to stays.
    mutating func takeBuilder() -> MessageBuilder { self.builder.take() }

    /// Writes the head of the array that the payload is, once its count is known.
    mutating func setArrayCount(_ count: Int) {
        guard count >= 24 else {
            // The byte that was kept for it is all of it.
            self.builder.frame[FrameHeader.size] = 0x80 | UInt8(count)
            return
        }
        var head: [UInt8] = []
        CBORWriter.array(count: count, into: &head)
        self.builder.frame.replaceSubrange(
            FrameHeader.size..<FrameHeader.size + 1, with: head)
    }
}

/// Decodes one item after another from a message's payload.
///
/// Small, as frames of async functions have room for one in each method of an object.
struct PayloadDecoder {
    private let bus: Bus
    private let frame: [UInt8]
    private let buffers: [Bytes]
    private(set) var offset: Int
    private let end: Int
    private var userInfo: [CodingUserInfoKey: any Sendable]?

    init(_ bus: Bus, _ message: Message) {
        self.bus = bus
        self.frame = message.frame
        self.buffers = message.buffers
        self.offset = message.payloadRange.lowerBound
        self.end = message.payloadRange.upperBound
    }

    /// Decodes the one item that a message's payload is; most need no decoder to be made.
    static func item<Item: Decodable>(
        _ type: Item.Type, of message: Message, for bus: Bus
    ) throws -> Item {
        let range = message.payloadRange
        guard isPlain(type), !range.isEmpty else {
            var decoder = PayloadDecoder(bus, message)
            return try decoder.next(type)
        }
        var offset = range.lowerBound
        let item = try plainDecoder.decode(
            type, from: message.frame, at: &offset, buffers: message.buffers)
        try Self.check(offset, range.upperBound)
        return item
    }

    private static func check(_ offset: Int, _ end: Int) throws {
        guard offset <= end else {
            throw ValueError(.truncated, at: offset, "the item is longer than the payload")
        }
    }

    mutating func move(to offset: Int) { self.offset = offset }

    var isAtEnd: Bool { self.offset >= self.end }

    /// Reads the head of the array that the payload is.
    mutating func arrayCount() throws -> Int {
        // As it nearly always is: fewer than 24 items.
        if self.offset < self.end, 0x80..<0x98 ~= self.frame[self.offset] {
            defer { self.offset += 1 }
            return Int(self.frame[self.offset] - 0x80)
        }
        var reader = CBORReader(self.frame, at: self.offset)
        let head = try reader.head()
        guard head.major == .array, !head.isIndefinite else {
            throw ValueError(.typeMismatch, at: self.offset, "the arguments are not an array")
        }
        self.offset = reader.offset
        return Int(clamping: head.argument)
    }

    mutating func next<Item: Decodable>(_ type: Item.Type) throws -> Item {
        let item = try self.decodeNext(type)
        try Self.check(self.offset, self.end)
        return item
    }

    private mutating func decodeNext<Item: Decodable>(_ type: Item.Type) throws -> Item {
        guard !self.isAtEnd else {
            throw ValueError(.truncated, at: self.offset, "the payload ends here")
        }
        if isPlain(type) {
            return try plainDecoder.decode(
                type, from: self.frame, at: &self.offset, buffers: self.buffers)
        }
        let info = try self.userInfo ?? self.infoOfReferences()
        self.userInfo = info
        return try ValueDecoder(userInfo: info).decode(
            type, from: self.frame, at: &self.offset, buffers: self.buffers)
    }

    private func infoOfReferences() throws -> [CodingUserInfoKey: any Sendable] {
        let message = try Message(frame: self.frame, buffers: self.buffers)
        return [.busReferences: DecodingScope(self.bus, message), .actorSystemKey: self.bus]
    }
}

/// For what contains no references; made once, since each has a dictionary to be let go of.
private let plainEncoder = ValueEncoder()
private let plainDecoder = ValueDecoder()

/// Whether values of the type can't contain references, as far as that is known at no cost.
private func isPlain<Item>(_ type: Item.Type) -> Bool {
    type == Int.self || type == String.self || type == Double.self || type == Bool.self
        || type == Bytes.self || type == [UInt8].self || type == Int64.self
        || type == [Int].self || type == [String].self || type == [Double].self
}
