// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/framing.md §3. Pure: no I/O, no clock, no randomness.

/// What a message is; the number stands at offset 3 of its first frame.
package struct MessageKind: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    package static let hello = MessageKind(rawValue: 1)
    package static let attach = MessageKind(rawValue: 2)
    package static let welcome = MessageKind(rawValue: 3)
    package static let refused = MessageKind(rawValue: 4)
    package static let heartbeat = MessageKind(rawValue: 5)
    package static let goodbye = MessageKind(rawValue: 6)
    package static let stopping = MessageKind(rawValue: 7)
    package static let call = MessageKind(rawValue: 16)
    package static let reply = MessageKind(rawValue: 17)
    package static let failure = MessageKind(rawValue: 18)
    package static let cancel = MessageKind(rawValue: 19)
    package static let acknowledge = MessageKind(rawValue: 20)
    package static let release = MessageKind(rawValue: 32)
    package static let unref = MessageKind(rawValue: 33)
    package static let revoke = MessageKind(rawValue: 34)
    package static let peerRelinked = MessageKind(rawValue: 48)
    package static let peerEnded = MessageKind(rawValue: 49)
    package static let revoked = MessageKind(rawValue: 50)
    package static let unimplemented = MessageKind(rawValue: 63)

    /// Every kind with its name in the protocol document, by number.
    package static let registry: [(kind: MessageKind, name: String)] = [
        (.hello, "HELLO"), (.attach, "ATTACH"), (.welcome, "WELCOME"), (.refused, "REFUSED"),
        (.heartbeat, "HEARTBEAT"), (.goodbye, "GOODBYE"), (.stopping, "STOPPING"),
        (.call, "CALL"), (.reply, "REPLY"),
        (.failure, "FAILURE"), (.cancel, "CANCEL"), (.acknowledge, "ACKNOWLEDGE"),
        (.release, "RELEASE"), (.unref, "UNREF"), (.revoke, "REVOKE"),
        (.peerRelinked, "PEER_RELINKED"), (.peerEnded, "PEER_ENDED"), (.revoked, "REVOKED"),
        (.unimplemented, "UNIMPLEMENTED"),
    ]

    /// The name in the protocol document, or `KIND_n`.
    package var name: String {
        Self.registry.first { $0.kind == self }?.name ?? "KIND_\(self.rawValue)"
    }
}

/// Flags of a message: the low byte says which extensions follow the payload, in bit order.
package struct MessageFlags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    package static let chain = MessageFlags(rawValue: 1 << 0)
    package static let parent = MessageFlags(rawValue: 1 << 1)
    package static let method = MessageFlags(rawValue: 1 << 2)
    package static let name = MessageFlags(rawValue: 1 << 3)
    package static let hint = MessageFlags(rawValue: 1 << 4)
    package static let ranges = MessageFlags(rawValue: 1 << 5)
    package static let trace = MessageFlags(rawValue: 1 << 6)
    package static let members = MessageFlags(rawValue: 1 << 7)
    /// No answer is wanted; at most once, never sent again.
    package static let oneWay = MessageFlags(rawValue: 1 << 8)
    /// Sent before on an earlier link, or to an earlier link of the callee.
    package static let resent = MessageFlags(rawValue: 1 << 9)
    /// Running it twice does no harm: it may be tried at another incarnation.
    package static let idempotent = MessageFlags(rawValue: 1 << 10)
    /// A FAILURE by the broker, about one transmission of the call: about the one with the same
    /// `resent`. A callee's answers are about the call itself.
    package static let byBroker = MessageFlags(rawValue: 1 << 11)

    package static let extensions: MessageFlags = [
        .chain, .parent, .method, .name, .hint, .ranges, .trace, .members,
    ]
    /// Every flag that has a meaning.
    package static let known: MessageFlags = extensions.union([
        .oneWay, .resent, .idempotent, .byBroker,
    ])
}

/// The fixed part of every message: 64 bytes, little-endian.
package struct FrameHeader: Hashable, Sendable {
    package static let size = 64
    package static let magic: UInt16 = 0x424F  // "OB" as bytes
    package static let version: UInt8 = 1

    package var kind: MessageKind
    package var flags: MessageFlags
    package var extensionLength: UInt16
    package var epoch: Epoch
    package var referenceCount: UInt16
    package var bufferCount: UInt16
    package var sequence: UInt64
    /// To the broker: whom the message is for. From the broker: whom it comes from.
    package var peer: IncarnationID
    package var object: ObjectNumber
    package var call: CallNumber
    /// How far the acknowledged watermark lies below `call`.
    package var behind: UInt32
    /// The link of the callee that the caller last heard of; see docs/protocol/calls.md §4.
    package var peerEpoch: Epoch
    /// Nanoseconds left when the message was sent; 0 means no deadline.
    package var remaining: UInt64

    package init(
        kind: MessageKind, flags: MessageFlags = [], peer: IncarnationID = .broker,
        object: ObjectNumber = .root, call: CallNumber = CallNumber(rawValue: 0)
    ) {
        self.kind = kind
        self.flags = flags
        self.extensionLength = 0
        self.epoch = .none
        self.referenceCount = 0
        self.bufferCount = 0
        self.sequence = 0
        self.peer = peer
        self.object = object
        self.call = call
        self.behind = 0
        self.peerEpoch = .none
        self.remaining = 0
    }
}

/// Where each field of the header stands, for those that patch a frame in place.
package enum FrameOffset {
    package static let magic = 0
    package static let version = 2
    package static let kind = 3
    package static let flags = 4
    package static let extensionLength = 6
    package static let epoch = 8
    package static let referenceCount = 12
    package static let bufferCount = 14
    package static let sequence = 16
    package static let peer = 24
    package static let object = 32
    package static let call = 40
    package static let behind = 48
    package static let peerEpoch = 52
    package static let remaining = 56
}

/// Why a frame can't be read at all.
package enum FrameError: Error, Hashable, Sendable {
    case truncated(byteCount: Int)
    case notObjbus
    case unsupportedVersion(UInt8)
    case inconsistentLengths
    case malformedExtension(String)
    case overLimit(String)

    package var message: String {
        switch self {
        case .truncated(let count): "the frame has \(count) bytes, a header has 64"
        case .notObjbus: "the frame does not begin with 'OB'"
        case .unsupportedVersion(let version):
            "protocol version \(version) is not spoken here, only \(FrameHeader.version)"
        case .inconsistentLengths: "the parts are longer than the frame"
        case .malformedExtension(let name): "extension \(name) is malformed"
        case .overLimit(let limit): "over the limit \(limit)"
        }
    }
}

extension FrameHeader {
    /// Reads and checks a header: the parts that it announces fit into the frame.
    package init(reading frame: RawSpan) throws(FrameError) {
        guard frame.byteCount >= FrameHeader.size else {
            throw .truncated(byteCount: frame.byteCount)
        }
        guard frame.number(at: FrameOffset.magic, as: UInt16.self) == FrameHeader.magic else {
            throw .notObjbus
        }
        let version = frame.number(at: FrameOffset.version, as: UInt8.self)
        guard version == FrameHeader.version else { throw .unsupportedVersion(version) }
        self.kind = MessageKind(rawValue: frame.number(at: FrameOffset.kind))
        self.flags = MessageFlags(rawValue: frame.number(at: FrameOffset.flags))
        self.extensionLength = frame.number(at: FrameOffset.extensionLength)
        self.epoch = Epoch(rawValue: frame.number(at: FrameOffset.epoch))
        self.referenceCount = frame.number(at: FrameOffset.referenceCount)
        self.bufferCount = frame.number(at: FrameOffset.bufferCount)
        self.sequence = frame.number(at: FrameOffset.sequence)
        self.peer = IncarnationID(rawValue: frame.number(at: FrameOffset.peer))
        self.object = ObjectNumber(rawValue: frame.number(at: FrameOffset.object))
        self.call = CallNumber(rawValue: frame.number(at: FrameOffset.call))
        self.behind = frame.number(at: FrameOffset.behind)
        self.peerEpoch = Epoch(rawValue: frame.number(at: FrameOffset.peerEpoch))
        self.remaining = frame.number(at: FrameOffset.remaining)
        guard
            Int(self.referenceCount) <= WireLimits.referencesPerMessage,
            Int(self.bufferCount) <= WireLimits.buffersPerMessage
        else { throw .overLimit("references or buffers per message") }
        guard
            FrameHeader.size + Int(self.extensionLength)
                + Int(self.referenceCount) * ReferenceEntry.size <= frame.byteCount
        else { throw .inconsistentLengths }
    }

    /// Writes all 64 bytes. The span must be at least that long.
    package func write(to frame: inout MutableRawSpan) {
        frame.put(FrameHeader.magic, at: FrameOffset.magic)
        frame.put(FrameHeader.version, at: FrameOffset.version)
        frame.put(self.kind.rawValue, at: FrameOffset.kind)
        frame.put(self.flags.rawValue, at: FrameOffset.flags)
        frame.put(self.extensionLength, at: FrameOffset.extensionLength)
        frame.put(self.epoch.rawValue, at: FrameOffset.epoch)
        frame.put(self.referenceCount, at: FrameOffset.referenceCount)
        frame.put(self.bufferCount, at: FrameOffset.bufferCount)
        frame.put(self.sequence, at: FrameOffset.sequence)
        frame.put(self.peer.rawValue, at: FrameOffset.peer)
        frame.put(self.object.rawValue, at: FrameOffset.object)
        frame.put(self.call.rawValue, at: FrameOffset.call)
        frame.put(self.behind, at: FrameOffset.behind)
        frame.put(self.peerEpoch.rawValue, at: FrameOffset.peerEpoch)
        frame.put(self.remaining, at: FrameOffset.remaining)
    }

    /// Where the payload lies in a frame of `byteCount` bytes with this header.
    package func payloadRange(byteCount: Int) -> Range<Int> {
        FrameHeader.size..<self.referencesStart(byteCount: byteCount) - Int(self.extensionLength)
    }

    package func referencesStart(byteCount: Int) -> Int {
        byteCount - Int(self.referenceCount) * ReferenceEntry.size
    }

    /// The acknowledged watermark: every call of the pair up to it is settled at the caller.
    package var watermark: UInt64 {
        if self.behind == .max { return 0 }
        return self.call.rawValue - min(self.call.rawValue, UInt64(self.behind))
    }
}

extension RawSpan {
    /// The little-endian number at `offset`; traps outside the span.
    @inlinable package func number<Number: FixedWidthInteger & BitwiseCopyable>(
        at offset: Int, as type: Number.Type = Number.self
    ) -> Number {
        Number(littleEndian: self.unsafeLoadUnaligned(fromByteOffset: offset, as: Number.self))
    }
}

extension MutableRawSpan {
    /// The little-endian number at `offset`; traps outside the span.
    @inlinable package func number<Number: FixedWidthInteger & BitwiseCopyable>(
        at offset: Int, as type: Number.Type = Number.self
    ) -> Number {
        self.bytes.number(at: offset, as: type)
    }

    /// Stores `number` little-endian at `offset`; traps outside the span.
    @inlinable package mutating func put<Number: FixedWidthInteger & BitwiseCopyable>(
        _ number: Number, at offset: Int
    ) {
        self.storeBytes(of: number.littleEndian, toByteOffset: offset, as: Number.self)
    }
}
