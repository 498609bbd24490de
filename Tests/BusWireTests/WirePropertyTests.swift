// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusValue
import BusWire
import Testing

/// Properties of the wire format, over messages drawn from seeds.
@Suite struct WirePropertyTests {
    @Test(arguments: UInt64(1)...20)
    func `a header comes back as it was written`(seed: UInt64) throws {
        var random = RandomSource(seed: seed)
        for _ in 0..<100 {
            var header = random.header()
            // Lengths must fit the frame, which is a header alone.
            (header.extensionLength, header.referenceCount) = (0, 0)
            var frame = [UInt8](repeating: 0xEE, count: FrameHeader.size)
            var span = frame.mutableSpan
            var bytes = span.mutableBytes
            header.write(to: &bytes)
            #expect(try FrameHeader(reading: frame.span.bytes) == header)
        }
    }

    @Test(arguments: UInt64(1)...20)
    func `a message comes back as it was put together`(seed: UInt64) throws {
        var random = RandomSource(seed: seed)
        for _ in 0..<50 {
            let parts = random.parts()
            let made = Message(
                parts.header, payload: parts.payload, extensions: parts.extensions,
                references: parts.references, buffers: parts.buffers)
            let read = try Message(frame: made.frame, buffers: made.buffers)
            #expect(read.header == made.header)
            #expect(Array(read.payload) == parts.payload)
            #expect(try read.extensions() == parts.extensions)
            #expect(read.references == parts.references)
            #expect(read.buffers == parts.buffers)
        }
    }

    @Test(arguments: UInt64(1)...20)
    func `a message that was cut never traps`(seed: UInt64) {
        var random = RandomSource(seed: seed)
        let parts = random.parts()
        let message = Message(
            parts.header, payload: parts.payload, extensions: parts.extensions,
            references: parts.references, buffers: parts.buffers)
        for length in 0..<message.frame.count {
            let frame = Array(message.frame[..<length])
            guard let cut = try? Message(frame: frame, buffers: message.buffers) else {
                continue
            }
            #expect(length >= FrameHeader.size)
            readAll(cut)
        }
    }

    @Test(arguments: UInt64(1)...20)
    func `a message with altered bytes never traps`(seed: UInt64) {
        var random = RandomSource(seed: seed)
        var read = 0
        for _ in 0..<300 {
            let parts = random.parts()
            var frame =
                Message(
                    parts.header, payload: parts.payload, extensions: parts.extensions,
                    references: parts.references
                ).frame
            for _ in 0...random.below(4) {
                frame[Int(random.below(UInt64(frame.count)))] = UInt8(
                    truncatingIfNeeded: random.next())
            }
            guard let message = try? Message(frame: frame) else { continue }
            read += 1
            readAll(message)
        }
        #expect(read > 0)
    }

    @Test(arguments: UInt64(1)...20) func `garbage never traps`(seed: UInt64) {
        var random = RandomSource(seed: seed)
        var read = 0
        for _ in 0..<300 {
            var frame = random.bytes(atMost: 400)
            // Half of it looks like ours, so that more than the first check is reached.
            if frame.count >= FrameHeader.size, random.below(2) == 0 {
                frame.replaceSubrange(0..<3, with: [0x4F, 0x42, FrameHeader.version])
                frame.replaceSubrange(12..<16, with: [UInt8(random.below(4)), 0, 0, 0])
                frame.replaceSubrange(6..<8, with: [UInt8(random.below(120)), 0])
            }
            guard let message = try? Message(frame: frame) else { continue }
            read += 1
            readAll(message)
        }
        #expect(read > 0)
    }

    @Test(arguments: UInt64(1)...20) func `a HELLO comes back as it was`(seed: UInt64) throws {
        var random = RandomSource(seed: seed)
        var hello = HelloBody(node: "n", program: "p", processID: Int64(random.below(1 << 40)))
        if random.below(2) == 0 {
            hello.incarnation = IncarnationID(rawValue: random.next() | 1)
            hello.secret = Seal(high: random.next(), low: random.next())
        }
        hello.holdings = (0..<random.below(30)).map { _ in
            HelloBody.Holding(entry: random.entry(), count: random.below(WireLimits.copiesMax + 1))
        }
        hello.exports = (0..<random.below(30)).map { _ in
            HelloBody.Export(
                object: ObjectNumber(rawValue: random.next()),
                generation: Generation(rawValue: UInt32(truncatingIfNeeded: random.next())),
                count: random.below(WireLimits.copiesMax + 1))
        }
        hello.names = (0..<random.below(5)).map { _ in
            HelloBody.Name(
                name: random.text(atMost: 9), object: ObjectNumber(rawValue: random.next()),
                interface: random.text(atMost: 9),
                replicas: [nil, .roundRobin, .leastOutstanding][Int(random.below(3))])
        }
        let message = Message(FrameHeader(kind: .hello), payload: hello.encoded())
        #expect(try HelloBody(payloadOf: message.frame.span.bytes, message.header) == hello)
    }

    @Test func `a seal has the same sixteen bytes back and forth`() {
        let bytes = [UInt8](1...16)
        #expect(Seal(bytes: bytes)?.bytes == bytes)
        #expect(Seal(bytes: [UInt8](1...15)) == nil)
        #expect(Seal(bytes: bytes)?.matches(Seal(high: 1, low: 2)) == false)
    }

    @Test func `only the first ranges that fit are told`() throws {
        var extensions = Extensions()
        extensions.ranges = (1...40).map { UInt64($0 * 10)...UInt64($0 * 10 + 5) }
        let message = Message(FrameHeader(kind: .acknowledge), extensions: extensions)
        let told = try message.extensions().ranges
        #expect(told == Array(extensions.ranges.prefix(WireLimits.rangesPerMessage)))
    }

    @Test func `a transmission changes its own fields and nothing else`() throws {
        var frame = try Vector.named("call-full").frames[0]
        let before = frame
        var span = frame.mutableSpan
        var bytes = span.mutableBytes
        Transmission(epoch: Epoch(rawValue: 9), sequence: 99).patch(&bytes)
        let changed = zip(frame, before).enumerated().filter { $1.0 != $1.1 }.map(\.offset)
        #expect(changed == [8, 16])
        let header = try FrameHeader(reading: frame.span.bytes)
        #expect(header.epoch.rawValue == 9 && header.sequence == 99)
    }
}
