// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusValue
import BusWire

/// Everything in a message that is not zero or empty, by the names that the vectors use.
struct MessageFields {
    private(set) var fields: [String: String] = [:]

    /// Throws what is wrong with the extensions, the payload or the body.
    init(_ message: Message) throws {
        self.add(message.header)
        self.add(try message.extensions())
        for (index, entry) in message.references.enumerated() {
            self.fields["reference \(index)"] = describe(entry)
        }
        for (index, buffer) in message.buffers.enumerated() {
            self.fields["buffer \(index)"] = "\(buffer.count)"
        }
        switch message.header.kind {
        case .hello:
            self.add(
                try HelloBody(payloadOf: message.frame.span.bytes, message.header))
        case .welcome:
            self.add(try WelcomeBody(payloadOf: message))
        case .failure, .refused:
            self.add(FailureBody(payloadOf: message))
            fallthrough
        default:
            guard !message.payload.isEmpty else { break }
            let value = try Value(cbor: Array(message.payload), buffers: message.buffers)
            self.fields["payload"] = naming(message.buffers, in: value).json()
        }
    }

    private mutating func add(_ header: FrameHeader) {
        self.fields["kind"] = header.kind.name
        self.add("flags", flagNames(header.flags))
        self.add("epoch", header.epoch.rawValue)
        self.add("sequence", header.sequence)
        if header.peer != .broker { self.fields["peer"] = header.peer.description }
        self.add("object", header.object.rawValue)
        self.add("call", header.call.rawValue)
        self.add("behind", header.behind)
        self.add("peerEpoch", header.peerEpoch.rawValue)
        self.add("remaining", header.remaining)
        self.add("extensionLength", header.extensionLength)
        self.add("references", header.referenceCount)
        self.add("buffers", header.bufferCount)
    }

    private mutating func add(_ extensions: Extensions) {
        self.add("chain", extensions.chain?.description ?? "")
        self.add(
            "parent", extensions.parent.map { "\($0.caller)#\($0.number.rawValue)" } ?? "")
        self.add("method", extensions.method ?? "")
        self.add("name", extensions.name ?? "")
        self.add("hint", extensions.hint ?? "")
        let ranges = extensions.ranges.map { "\($0.lowerBound)-\($0.upperBound)" }
        self.add("ranges", ranges.joined(separator: " "))
        if let trace = extensions.trace {
            self.fields["trace"] = (try? Value(cbor: trace))?.json() ?? "unreadable"
        }
        self.add("members", extensions.members)
    }

    private mutating func add(_ hello: HelloBody) {
        self.add("hello.versions", hello.versions.map(\.description).joined(separator: " "))
        self.add("hello.node", hello.node)
        self.add("hello.program", hello.program)
        self.add("hello.process", hello.processID)
        self.add("hello.incarnation", hello.incarnation?.description ?? "")
        if hello.secret != .none { self.fields["hello.secret"] = describe(hello.secret) }
        for (index, holding) in hello.holdings.enumerated() {
            self.fields["hello.holding \(index)"] =
                "\(describe(holding.entry)) count \(holding.count)"
        }
        for (index, export) in hello.exports.enumerated() {
            self.fields["hello.export \(index)"] =
                "\(export.object) generation \(export.generation.rawValue) count \(export.count)"
        }
        for (index, name) in hello.names.enumerated() {
            let words = [name.name, "\(name.object)", name.interface, name.replicas?.rawValue]
            self.fields["hello.name \(index)"] =
                words.compactMap(\.self).joined(separator: " ")
        }
    }

    private mutating func add(_ welcome: WelcomeBody) {
        self.fields["welcome.incarnation"] = welcome.incarnation.description
        self.fields["welcome.secret"] = describe(welcome.secret)
        self.add("welcome.run", welcome.run)
        self.add("welcome.heartbeat", welcome.heartbeat)
        self.add("welcome.silence", welcome.silence)
        self.add("welcome.resumeWindow", welcome.resumeWindow)
        self.add("welcome.credit", welcome.credit)
    }

    private mutating func add(_ failure: FailureBody) {
        self.fields["failure.kind"] = failure.error.kind.rawValue
        self.fields["failure.executed"] = failure.error.executed.rawValue
        self.fields["failure.message"] = failure.error.message
        self.add("failure.type", failure.typeName ?? "")
        if let value = failure.value { self.fields["failure.error"] = value.json() }
        for (index, hop) in failure.hops.enumerated() {
            self.fields["failure.hop \(index)"] = hop.description
        }
    }

    private mutating func add(_ field: String, _ number: some BinaryInteger) {
        if number != 0 { self.fields[field] = "\(number)" }
    }

    private mutating func add(_ field: String, _ text: String) {
        if !text.isEmpty { self.fields[field] = text }
    }
}

/// The names of docs/protocol/framing.md §3, by bit.
let flagsByBit: [(bit: Int, name: String, flag: MessageFlags)] = [
    (0, "chain", .chain), (1, "parent", .parent), (2, "method", .method), (3, "name", .name),
    (4, "hint", .hint), (5, "ranges", .ranges), (6, "trace", .trace), (7, "members", .members),
    (8, "oneWay", .oneWay), (9, "resent", .resent), (10, "idempotent", .idempotent),
    (11, "byBroker", .byBroker),
]

private func flagNames(_ flags: MessageFlags) -> String {
    (0..<16).filter { flags.rawValue & 1 << $0 != 0 }
        .map { bit in flagsByBit.first { $0.bit == bit }?.name ?? "bit\(bit)" }
        .joined(separator: " ")
}

private func describe(_ seal: Seal) -> String { hexadecimal(seal.high) + hexadecimal(seal.low) }

private func describe(_ entry: ReferenceEntry) -> String {
    let seal = entry.seal == .none ? "none" : describe(entry.seal)
    return "\(entry.reference) generation \(entry.generation.rawValue) seal \(seal)"
}

/// Replaces the bytes that came as buffers by text that numbers them.
private func naming(_ buffers: [Bytes], in value: Value) -> Value {
    switch value {
    case .bytes(let bytes):
        buffers.firstIndex(of: bytes).map { .string("buffer \($0)") } ?? value
    case .array(let items):
        .array(items.map { naming(buffers, in: $0) })
    case .map(let map):
        .map(ValueMap(map.map { ($0.key, naming(buffers, in: $0.value)) }))
    default:
        value
    }
}
