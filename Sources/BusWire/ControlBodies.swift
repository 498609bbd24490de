// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/handshake.md §2-§3. Pure: no I/O, no clock, no randomness.

package import BusValue

/// Why the payload of a control message could not be read.
package struct BodyError: Error, Hashable, Sendable {
    package let message: String
}

/// What a node says of itself at the start of each link: who it is and what it has.
package struct HelloBody: Hashable, Sendable {
    /// One reference held: `rcv[r]` copies, with the proof of the right to it.
    package struct Holding: Hashable, Sendable {
        package static let size = ReferenceEntry.size + 8
        package var entry: ReferenceEntry
        package var count: UInt64

        package init(entry: ReferenceEntry, count: UInt64) {
            self.entry = entry
            self.count = count
        }
    }

    /// One object exported: `exp[r]` copies, in the owner's present generation.
    package struct Export: Hashable, Sendable {
        package static let size = 24
        package var object: ObjectNumber
        package var generation: Generation
        package var count: UInt64

        package init(object: ObjectNumber, generation: Generation, count: UInt64) {
            self.object = object
            self.generation = generation
            self.count = count
        }
    }

    /// One name published.
    package struct Name: Hashable, Sendable {
        package var name: String
        package var object: ObjectNumber
        package var interface: String
        /// How callers choose if the object is one of several replicas; nil for a queue.
        package var replicas: ReplicaPolicy?

        package init(
            name: String, object: ObjectNumber, interface: String, replicas: ReplicaPolicy? = nil
        ) {
            self.name = name
            self.object = object
            self.interface = interface
            self.replicas = replicas
        }

        fileprivate init?(_ row: Value) {
            guard let name = row[0]?.stringValue, name.utf8.count <= WireLimits.nameBytes,
                let object = row[1]?.unsignedValue, let interface = row[2]?.stringValue
            else { return nil }
            self.init(
                name: name, object: ObjectNumber(rawValue: object), interface: interface)
            guard let policy = row[3] else { return }
            guard let known = policy.stringValue.flatMap(ReplicaPolicy.init(rawValue:)) else {
                return nil
            }
            self.replicas = known
        }

        fileprivate var row: Value {
            .array(
                [.string(self.name), Value(self.object.rawValue), .string(self.interface)]
                    + (self.replicas.map { [.string($0.rawValue)] } ?? []))
        }
    }

    /// Protocol versions that the node speaks.
    package var versions: [UInt8] = [FrameHeader.version]
    package var node: String
    package var program: String
    package var processID: Int64
    /// The incarnation to resume; nil for a new one.
    package var incarnation: IncarnationID?
    package var secret: Seal = .none
    package var holdings: [Holding] = []
    package var exports: [Export] = []
    package var names: [Name] = []

    package init(node: String, program: String, processID: Int64) {
        self.node = node
        self.program = program
        self.processID = processID
    }

    package func encoded() -> [UInt8] {
        var map = ValueMap()
        map[.string("versions")] = .array(self.versions.map { Value($0) })
        map[.string("node")] = .string(self.node)
        map[.string("program")] = .string(self.program)
        map[.string("process")] = .integer(self.processID)
        if let incarnation {
            map[.string("incarnation")] = Value(incarnation.rawValue)
            map[.string("secret")] = .bytes(Bytes(self.secret.bytes))
        }
        map[.string("holdings")] = .bytes(
            Bytes(
                table(self.holdings, HelloBody.Holding.size) { row, span, at in
                    row.entry.write(to: &span, at: at)
                    span.put(row.count, at: at + ReferenceEntry.size)
                }))
        map[.string("exports")] = .bytes(
            Bytes(
                table(self.exports, HelloBody.Export.size) { row, span, at in
                    span.put(row.object.rawValue, at: at)
                    span.put(row.generation.rawValue, at: at + 8)
                    span.put(row.count, at: at + 16)
                }))
        map[.string("names")] = .array(self.names.map(\.row))
        return encodedBody(map)
    }

    /// Reads the payload of a HELLO. Throws a sentence that says which member is wrong.
    package init(payloadOf frame: RawSpan, _ header: FrameHeader) throws(BodyError) {
        let map = try decodedBody(frame, header)
        guard let versions = map[.string("versions")]?.arrayValue,
            let node = map[.string("node")]?.stringValue, node.utf8.count <= WireLimits.nameBytes,
            let program = map[.string("program")]?.stringValue,
            let process = map[.string("process")]?.intValue
        else { throw BodyError(message: "versions, node, program and process are needed") }
        self.init(node: node, program: String(program.prefix(255)), processID: Int64(process))
        self.versions = versions.compactMap { $0.intValue.flatMap(UInt8.init(exactly:)) }
        if let claimed = map[.string("incarnation")] {
            guard let number = claimed.unsignedValue, number > 0,
                let secret = map[.string("secret")]?.bytesValue.flatMap({ Seal(bytes: $0.array) })
            else { throw BodyError(message: "incarnation and secret belong together") }
            self.incarnation = IncarnationID(rawValue: number)
            self.secret = secret
        }
        self.holdings = try rows(map[.string("holdings")], Holding.size, "holdings") { span, at in
            Holding(
                entry: ReferenceEntry(reading: span, at: at),
                count: span.number(at: at + ReferenceEntry.size))
        }
        self.exports = try rows(map[.string("exports")], Export.size, "exports") { span, at in
            Export(
                object: ObjectNumber(rawValue: span.number(at: at)),
                generation: Generation(rawValue: span.number(at: at + 8)),
                count: span.number(at: at + 16))
        }
        guard self.holdings.allSatisfy({ $0.count <= WireLimits.copiesMax }),
            self.exports.allSatisfy({ $0.count <= WireLimits.copiesMax })
        else { throw BodyError(message: "nobody has that many copies of a reference") }
        for row in map[.string("names")]?.arrayValue ?? [] {
            guard let name = Name(row) else {
                throw BodyError(message: "names has a malformed row")
            }
            self.names.append(name)
        }
    }
}

/// What the broker grants a node at the start of each link.
package struct WelcomeBody: Hashable, Sendable {
    package var incarnation: IncarnationID
    package var secret: Seal
    /// The broker's run; another one than before means that it was restarted.
    package var run: UInt64
    /// Nanoseconds between heartbeats, until a silent link is lost, and until an incarnation
    /// without a link ends.
    package var heartbeat: UInt64
    package var silence: UInt64
    package var resumeWindow: UInt64
    /// Bytes that may wait for the node before calls are refused: a quarter of it taken in is told
    /// before the next heartbeat is due.
    package var credit: UInt64

    package init(
        incarnation: IncarnationID, secret: Seal, run: UInt64, heartbeat: UInt64, silence: UInt64,
        resumeWindow: UInt64, credit: UInt64 = .max
    ) {
        self.incarnation = incarnation
        self.secret = secret
        self.run = run
        self.heartbeat = heartbeat
        self.silence = silence
        self.resumeWindow = resumeWindow
        self.credit = credit
    }

    package func encoded() -> [UInt8] {
        var map = ValueMap()
        map[.string("version")] = Value(FrameHeader.version)
        map[.string("incarnation")] = Value(self.incarnation.rawValue)
        map[.string("secret")] = .bytes(Bytes(self.secret.bytes))
        map[.string("run")] = Value(self.run)
        map[.string("heartbeat")] = Value(self.heartbeat)
        map[.string("silence")] = Value(self.silence)
        map[.string("resumeWindow")] = Value(self.resumeWindow)
        map[.string("credit")] = Value(self.credit)
        return encodedBody(map)
    }

    package init(payloadOf message: Message) throws(BodyError) {
        let map = try decodedBody(message.frame.span.bytes, message.header)
        guard let incarnation = map[.string("incarnation")]?.unsignedValue, incarnation > 0,
            let secret = map[.string("secret")]?.bytesValue.flatMap({ Seal(bytes: $0.array) }),
            let run = map[.string("run")]?.unsignedValue,
            let heartbeat = map[.string("heartbeat")]?.unsignedValue, heartbeat > 0,
            let silence = map[.string("silence")]?.unsignedValue, silence > heartbeat,
            let resumeWindow = map[.string("resumeWindow")]?.unsignedValue
        else { throw BodyError(message: "WELCOME lacks a member") }
        self.init(
            incarnation: IncarnationID(rawValue: incarnation), secret: secret, run: run,
            heartbeat: heartbeat, silence: silence, resumeWindow: resumeWindow,
            credit: map[.string("credit")]?.unsignedValue ?? .max)
    }
}

/// Fixed-size rows packed into one byte string: compact where a node holds a million references.
private func table<Row>(
    _ rows: [Row], _ size: Int, _ write: (Row, inout MutableRawSpan, Int) -> Void
) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: rows.count * size)
    var span = bytes.mutableSpan
    var raw = span.mutableBytes
    for (index, row) in rows.enumerated() { write(row, &raw, index * size) }
    return bytes
}

private func rows<Row>(
    _ value: Value?, _ size: Int, _ name: String, _ read: (RawSpan, Int) -> Row
) throws(BodyError) -> [Row] {
    guard let value else { return [] }
    guard let bytes = value.bytesValue?.array, bytes.count.isMultiple(of: size) else {
        throw BodyError(message: "\(name) is not a table of rows of \(size) bytes")
    }
    let span = bytes.span.bytes
    return (0..<bytes.count / size).map { read(span, $0 * size) }
}

func encodedBody(_ map: ValueMap) -> [UInt8] {
    // Only a body over every limit of the standard fails, which the senders' own limits exclude.
    (try? Value.map(map).encoded()) ?? []
}

func decodedBody(_ frame: RawSpan, _ header: FrameHeader) throws(BodyError) -> ValueMap {
    let bytes = copied(frame, header.payloadRange(byteCount: frame.byteCount))
    let value: Value
    do { value = try Value(cbor: bytes) } catch { throw BodyError(message: "\(error)") }
    guard let map = value.mapValue else { throw BodyError(message: "the payload is not a map") }
    return map
}

/// The bytes of `range`, which must lie within `frame`.
package func copied(_ frame: RawSpan, _ range: Range<Int>) -> [UInt8] {
    // The initializer writes a count even into the storage that all empty arrays share.
    guard !range.isEmpty else { return [] }
    return [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
        for index in range { buffer[index - range.lowerBound] = frame.number(at: index) }
        count = range.count
    }
}

extension Value {
    /// The number if it is an integer from 0 to 2^64 - 1.
    package var unsignedValue: UInt64? {
        switch self {
        case .integer(let integer): UInt64(exactly: integer)
        case .bigInteger(let integer): integer.exactly()
        default: nil
        }
    }
}
