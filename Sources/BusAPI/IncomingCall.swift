// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusNode
import BusNodeCore
import BusValue
import BusWire

/// What came with a call, held until the last one interested in it is done. In one place, so that
/// the frames of the functions that hand it on stay small (docs/performance.md).
final class CallInHand: Sendable {
    let bus: Bus
    let delivered: DeliveredCall
    let extensions: Extensions
    /// Whether somebody else tells the node that it has started.
    let isAnnounced: Bool
    private let hold: MessageHold?

    init(
        _ delivered: DeliveredCall, _ extensions: Extensions, _ bus: Bus, isAnnounced: Bool
    ) {
        self.bus = bus
        self.isAnnounced = isAnnounced
        self.delivered = delivered
        self.extensions = extensions
        self.hold = MessageHold.of(delivered.message, bus.node)
    }
}

/// A call on its way to its object; what the code that `@BusObject` writes works with.
public struct IncomingCall: Sendable {
    /// The method's full name, `transfer(_:to:)`.
    public private(set) var method: String
    private let hand: CallInHand
    /// Where in a batch the call is; nil if it is the whole message.
    private var place: BatchPlace?
    /// Whether the node knows that it has started.
    var isAnnounced: Bool

    init(_ hand: CallInHand) {
        self.method = hand.extensions.method ?? ""
        self.hand = hand
        self.isAnnounced = hand.isAnnounced
    }

    var bus: Bus { self.hand.bus }
    var delivered: DeliveredCall { self.hand.delivered }
    var extensions: Extensions { self.hand.extensions }

    /// One call of a batch, which this is.
    func part(_ method: String, at place: BatchPlace) -> IncomingCall {
        var part = self
        part.method = method
        part.place = place
        part.isAnnounced = true
        return part
    }

    /// The call is at its object, or will not get there: the next one may go.
    func started() {
        if !self.isAnnounced { self.bus.node.started(self.delivered.object) }
    }

    /// Throws unless the call may start now. To be asked where it starts, inside its object: it may
    /// have waited long for that.
    func checkStart(isCancelled: Bool = Task.isCancelled) throws(BusError) {
        guard !isCancelled else {
            self.bus.node.count(.startCancelled)
            throw BusError(.cancelled, "cancelled before \(self.method) started")
        }
        try self.checkTimeAndRight()
    }

    /// The same, where no task tells whether the caller gave up.
    func checkTimeAndRight() throws(BusError) {
        guard self.bus.node.clock.now() < self.delivered.deadline else {
            self.bus.node.count(.startExpired)
            throw BusError(.expired, "the deadline passed before \(self.method) started")
        }
        guard self.bus.node.mayStart(self.delivered) else {
            self.bus.node.count(.startRevoked)
            throw BusError(
                .denied, "the reference was revoked before \(self.method) started")
        }
    }

    /// The arguments, if there are `count`; else throws `invalid`.
    public func arguments(_ count: Int) throws -> ArgumentReader {
        var decoder = PayloadDecoder(self.bus, self.delivered.message)
        if let place { decoder.move(to: place.offset) }
        let found: Int
        do {
            found = try decoder.arrayCount()
        } catch {
            throw BusError(.invalid, "\(self.method): \(error)")
        }
        guard found == count else {
            throw BusError(
                .invalid, "\(self.method) takes \(count) arguments, the call has \(found)")
        }
        return ArgumentReader(decoder: decoder, method: self.method)
    }

    /// Encodes a result.
    public func result<Value: Encodable & Sendable>(_ value: Value) throws -> CallResult {
        var encoder = PayloadEncoder(self.bus, self.place)
        do {
            try encoder.append(value)
        } catch {
            throw BusError(
                .invalid, executed: .yes, "the result of \(self.method): \(describe(error))")
        }
        return CallResult(encoder: encoder)
    }

    /// The result of a method that has none.
    public func result() -> CallResult {
        var encoder = PayloadEncoder(self.bus, self.place)
        encoder.append(byte: 0xF6)
        return CallResult(encoder: encoder)
    }
}

/// Reads a call's arguments one after another.
public struct ArgumentReader {
    var decoder: PayloadDecoder
    let method: String
    private var position = 0

    init(decoder: PayloadDecoder, method: String) {
        self.decoder = decoder
        self.method = method
    }

    /// Decodes the next argument; throws `invalid`, naming it, if it has another type.
    public mutating func next<Value: Decodable & Sendable>(
        _ label: String, as type: Value.Type = Value.self
    ) throws -> Value {
        self.position += 1
        do {
            return try self.decoder.next(type)
        } catch {
            throw BusError(
                .invalid,
                "argument \(self.position) (\(label)) of \(self.method): \(describe(error))")
        }
    }
}

/// A result that is ready to be sent.
public struct CallResult: Sendable {
    /// Keeps what the result refers to until it has been sent.
    var encoder: PayloadEncoder
}

/// What a user can understand of a decoding or encoding error.
func describe(_ error: any Error) -> String {
    func path(_ keys: [any CodingKey]) -> String {
        keys.isEmpty
            ? ""
            : " at "
                + keys.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
    }
    switch error {
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
        DecodingError.keyNotFound(_, let context), DecodingError.dataCorrupted(let context):
        return context.debugDescription + path(context.codingPath)
    case EncodingError.invalidValue(_, let context):
        return context.debugDescription + path(context.codingPath)
    case let error as BusError:
        return error.message
    default:
        return "\(error)"
    }
}
