// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusValue
import BusWire
import Testing

/// docs/protocol/vectors, which another program made from the protocol's text alone.
@Suite struct VectorTests {
    @Test(arguments: Vector.all(areBad: false))
    func `a vector decodes to the fields that it documents`(vector: Vector) throws {
        let actual = try MessageFields(try vector.message()).fields
        #expect(actual == (try vector.normalizedFields()))
    }

    @Test(arguments: Vector.all(areBad: false))
    func `a decoded vector encodes to the same bytes`(vector: Vector) throws {
        let message = try vector.message()
        let again = Message(
            message.header, payload: try self.payload(of: message),
            extensions: try message.extensions(), references: message.references,
            buffers: message.buffers)
        #expect(again.header == message.header)
        #expect(again.frame == vector.frames[0])
        #expect(again.buffers.map(\.array) == Array(vector.frames.dropFirst()))
    }

    @Test(arguments: Vector.all(areBad: true))
    func `a bad vector is refused with the error that it documents`(vector: Vector) throws {
        let expected = try #require(vector.fields["error"])
        #expect(vector.fields.count == 1)
        do {
            _ = try MessageFields(try vector.message())
            Issue.record("\(vector.name) was accepted")
        } catch let error as FrameError {
            #expect(describe(error) == expected)
        } catch let error as BodyError {
            #expect("body \(error.message)" == expected)
        }
    }

    @Test(arguments: Vector.all(areBad: false) + Vector.all(areBad: true))
    func `a vector cut anywhere is read or refused, never worse`(vector: Vector) throws {
        let frame = vector.frames[0]
        let buffers = vector.frames.dropFirst().map { Bytes($0) }
        var refused = 0
        for length in 0..<frame.count {
            do throws(FrameError) {
                readAll(try Message(frame: Array(frame[..<length]), buffers: buffers))
            } catch {
                refused += 1
                if length < FrameHeader.size { #expect(error == .truncated(byteCount: length)) }
            }
        }
        #expect(refused >= min(frame.count, FrameHeader.size))
    }

    @Test func `there is a good vector for every kind, and none is unlisted`() throws {
        let good = Vector.all(areBad: false)
        let bad = Vector.all(areBad: true)
        let kinds = Set(good.compactMap { $0.fields["kind"] })
        for (kind, name) in MessageKind.registry {
            #expect(kinds.contains(name), "no vector for kind \(kind.rawValue)")
        }
        let files = try Project.names(in: Vector.folder).filter { $0.hasSuffix(".hex") }
        #expect(files.count == good.count + bad.count, "a vector can't be parsed")
        let index = try Project.text("\(Vector.folder)/README.md")
        for vector in good { #expect(index.contains("](\(vector.name).hex)")) }
        let errors = Set(bad.compactMap { $0.fields["error"]?.split(separator: " ").first })
        #expect(
            errors == [
                "truncated", "notObjbus", "unsupportedVersion", "inconsistentLengths",
                "malformedExtension", "overLimit", "body",
            ])
    }

    @Test(arguments: Vector.all(areBad: false))
    func `a dump is one line with the kind, and tells no secret`(vector: Vector) throws {
        let message = try vector.message()
        let line = MessageDump.line(
            frame: message.frame.span.bytes, bufferByteCounts: message.buffers.map(\.count))
        #expect(line.hasPrefix("\(message.header.kind.name) peer="))
        #expect(!line.contains("\n") && line.utf8.count < 1_000)
        for secret in ["10111213", "e0e1e2e3", "1011", "4OHi"] { #expect(!line.contains(secret)) }
    }

    @Test func `a small call is dumped as the protocol shows it`() throws {
        let message = try Vector.named("call-small").message()
        let line = MessageDump.line(frame: message.frame.span.bytes)
        #expect(try section("6. Dump", of: "framing.md").contains("\n    \(line)\n"))
    }

    @Test func `the tag that the protocol shows is that of the reference found`() throws {
        let entry = try #require(try Vector.named("reply-find").message().references.first)
        #expect(try section("5. Tags", of: "references.md").contains("\n    \(entry.tag)\n"))
        #expect(ReferenceEntry(tag: entry.tag) == entry)
        for length in 0..<entry.tag.count {
            #expect(ReferenceEntry(tag: String(entry.tag.prefix(length))) == nil)
        }
    }

    @Test func `the name of a call is found without reading the rest`() throws {
        let message = try Vector.named("call-full").message()
        let name = try Extensions.name(in: message.frame.span.bytes, header: message.header)
        #expect(name == "bank")
        let small = try Vector.named("call-small").message()
        #expect(try Extensions.name(in: small.frame.span.bytes, header: small.header) == nil)
    }

    @Test func `the number of the members of a call is found without reading the rest`() throws {
        for (name, number) in [("call-replica", 23), ("call-full", 9), ("call-small", 0)]
            as [(String, UInt64)]
        {
            let message = try Vector.named(name).message()
            let span = message.frame.span.bytes
            #expect(Extensions.members(in: span, header: message.header) == number)
        }
        let cut = try Vector.named("bad-members-cut").message()
        #expect(Extensions.members(in: cut.frame.span.bytes, header: cut.header) == 0)
    }

    @Test func `a small call takes 75 bytes, and one frame`() throws {
        let message = try Vector.named("call-small").message()
        #expect(message.byteCount == FrameHeader.size + 2 + 9)
        #expect(message.header.watermark == 0)
        #expect(try Vector.named("call-full").message().header.watermark == 29)
    }

    /// The payload, encoded again from what it was decoded to.
    private func payload(of message: Message) throws -> [UInt8] {
        switch message.header.kind {
        case .hello:
            return try HelloBody(payloadOf: message.frame.span.bytes, message.header).encoded()
        case .welcome:
            return try WelcomeBody(payloadOf: message).encoded()
        case .failure, .refused:
            return FailureBody(payloadOf: message).encoded()
        default:
            guard !message.payload.isEmpty else { return [] }
            let value = try Value(cbor: Array(message.payload), buffers: message.buffers)
            var bytes: [UInt8] = []
            var buffers: [Bytes] = []
            try value.encode(into: &bytes, buffers: &buffers)
            #expect(buffers == message.buffers)
            return bytes
        }
    }
}

/// The error as the vectors name it.
func describe(_ error: FrameError) -> String {
    switch error {
    case .truncated(let count): "truncated \(count)"
    case .notObjbus: "notObjbus"
    case .unsupportedVersion(let version): "unsupportedVersion \(version)"
    case .inconsistentLengths: "inconsistentLengths"
    case .malformedExtension(let name): "malformedExtension \(name)"
    case .overLimit(let name): "overLimit \(name)"
    }
}

/// Looks at every part of a message in every way that a receiver might.
func readAll(_ message: Message) {
    let span = message.frame.span.bytes
    _ = try? MessageFields(message)
    _ = try? Extensions.name(in: span, header: message.header)
    _ = Extensions.members(in: span, header: message.header)
    _ = try? HelloBody(payloadOf: span, message.header)
    _ = try? WelcomeBody(payloadOf: message)
    _ = FailureBody(payloadOf: message)
    _ = message.header.watermark
    _ = message.byteCount
}
