// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusValue
import BusWire

/// The parts of a message, drawn at random within the limits.
struct MessageParts {
    var header: FrameHeader
    var payload: [UInt8]
    var extensions: Extensions
    var references: [ReferenceEntry]
    var buffers: [Bytes]
}

extension RandomSource {
    mutating func bytes(atMost count: UInt64) -> [UInt8] {
        (0..<self.below(count + 1)).map { _ in UInt8(truncatingIfNeeded: self.next()) }
    }

    mutating func text(atMost count: UInt64) -> String {
        let letters = Array("aä(_:)ñ→𝕏 /$")
        return String(
            (0..<self.below(count + 1)).map { _ in
                letters[Int(self.below(UInt64(letters.count)))]
            })
    }

    mutating func entry() -> ReferenceEntry {
        ReferenceEntry(
            reference: Reference(
                owner: IncarnationID(rawValue: self.next()),
                object: ObjectNumber(rawValue: self.next())),
            generation: Generation(rawValue: UInt32(truncatingIfNeeded: self.next())),
            seal: Seal(high: self.next(), low: self.next()))
    }

    /// Every field at random but the flags that announce extensions.
    mutating func header() -> FrameHeader {
        var header = FrameHeader(
            kind: MessageKind(rawValue: UInt8(truncatingIfNeeded: self.next())),
            flags: MessageFlags(rawValue: UInt16(truncatingIfNeeded: self.next()) & 0xFF00),
            peer: IncarnationID(rawValue: self.next()),
            object: ObjectNumber(rawValue: self.next()), call: CallNumber(rawValue: self.next()))
        header.epoch = Epoch(rawValue: UInt32(truncatingIfNeeded: self.next()))
        header.sequence = self.next()
        header.extensionLength = UInt16(truncatingIfNeeded: self.next())
        header.referenceCount = UInt16(self.below(UInt64(WireLimits.referencesPerMessage + 1)))
        header.bufferCount = UInt16(self.below(UInt64(WireLimits.buffersPerMessage + 1)))
        header.behind = UInt32(truncatingIfNeeded: self.next())
        header.peerEpoch = Epoch(rawValue: UInt32(truncatingIfNeeded: self.next()))
        header.remaining = self.next()
        return header
    }

    mutating func extensions() -> Extensions {
        var extensions = Extensions()
        if self.below(2) == 0 {
            extensions.chain = ChainID(
                root: IncarnationID(rawValue: self.next()), number: self.next())
        }
        if self.below(2) == 0 {
            extensions.parent = Extensions.ParentCall(
                caller: IncarnationID(rawValue: self.next()),
                number: CallNumber(rawValue: self.next()))
        }
        if self.below(2) == 0 { extensions.method = self.text(atMost: 40) }
        if self.below(2) == 0 { extensions.name = self.text(atMost: 40) }
        if self.below(2) == 0 { extensions.hint = self.text(atMost: 40) }
        if self.below(2) == 0 {
            extensions.ranges = (0..<self.below(5)).map { _ in
                let first = self.next() >> 1 | 1
                return first...(first + self.below(1 << 20))
            }
        }
        if self.below(2) == 0 { extensions.trace = self.bytes(atMost: 60) }
        if self.below(2) == 0 { extensions.members = self.next() | 1 }
        return extensions
    }

    mutating func parts() -> MessageParts {
        MessageParts(
            header: self.header(), payload: self.bytes(atMost: 100),
            extensions: self.extensions(),
            references: (0..<self.below(4)).map { _ in self.entry() },
            buffers: (0..<self.below(3)).map { _ in Bytes(self.bytes(atMost: 20)) })
    }
}
