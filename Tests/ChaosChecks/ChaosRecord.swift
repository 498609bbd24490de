// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

package import BusWire

/// One entry of the journal that a process under chaos keeps.
///
/// A process that is killed loses nothing that it has written, so an entry is written before what
/// it tells of can be seen by anybody else: `begun` before the call leaves, `ran` before it is
/// answered.
package struct ChaosRecord: Hashable, Sendable {
    package enum Kind: UInt8, Sendable {
        /// The process has the incarnation `value` from now on.
        case joined = 1
        /// A client issues a call.
        case begun
        /// A call has its outcome; `value` is the result.
        case ended
        /// An object runs a call of `process`, whose incarnation is `value`.
        case ran
        /// A client has an outcome of all its calls, and makes no more.
        case finished
        /// A client issues a one-way call; `value` is the incarnation that it is for, 0 if that
        /// follows a name. It has no outcome unless it was not sent.
        case sent
        /// A link of the process has ended, some milliseconds ago at most.
        case unlinked
        /// `value` more one-way calls were dropped here, and counted.
        case dropped
        /// The process has made the object `call`, to be handed out.
        case made
        /// That object is gone.
        case gone
        /// A call of an object that the process holds, or one that passes it on, has failed:
        /// `value` is its owner's incarnation, `call` how many milliseconds it took, `process` the
        /// outcome.
        case refused
    }

    /// Bytes that an entry takes.
    package static let size = 24

    package var kind: Kind
    /// The number of the object called, all workers together.
    package var lane: UInt8
    /// Of `ran` the number of the client's process, of `ended` and `refused` the outcome.
    package var process: UInt16
    /// The number of the call among those of its client, or of an object in its process.
    package var call: UInt32
    /// Nanoseconds on the clock that all processes of a machine share.
    package var time: UInt64
    package var value: UInt64

    package init(
        _ kind: Kind, lane: UInt8 = 0, process: UInt16 = 0, call: UInt32 = 0, time: UInt64,
        value: UInt64 = 0
    ) {
        (self.kind, self.lane, self.process) = (kind, lane, process)
        (self.call, self.time, self.value) = (call, time, value)
    }

    /// The entry of a call that has ended.
    package init(lane: UInt8, call: UInt32, time: UInt64, _ outcome: ChaosOutcome) {
        self.init(.ended, lane: lane, process: outcome.code, call: call, time: time)
        if case .answered(let result) = outcome { self.value = UInt64(bitPattern: Int64(result)) }
    }

    /// The entry of an object's call that has failed.
    package init(refusedBy owner: UInt64, begun: UInt64, time: UInt64, _ outcome: ChaosOutcome) {
        let milliseconds = UInt32(clamping: (time - min(begun, time)) / 1_000_000)
        self.init(
            .refused, process: outcome.code, call: milliseconds, time: time, value: owner)
    }

    /// What came of a call that has ended; nil for other entries.
    package var outcome: ChaosOutcome? {
        guard self.kind == .ended || self.kind == .refused else { return nil }
        return ChaosOutcome(code: self.process, result: Int(truncatingIfNeeded: self.value))
    }

    package var bytes: [UInt8] {
        var bytes: [UInt8] = [self.kind.rawValue, self.lane]
        bytes.reserveCapacity(Self.size)
        append(UInt64(self.process), 2, to: &bytes)
        append(UInt64(self.call), 4, to: &bytes)
        append(self.time, 8, to: &bytes)
        append(self.value, 8, to: &bytes)
        return bytes
    }

    /// Reads the entry at `offset`; nil if there is none, or its end is missing.
    package init?(_ bytes: borrowing [UInt8], at offset: Int) {
        guard offset + Self.size <= bytes.count, let kind = Kind(rawValue: bytes[offset])
        else { return nil }
        func number(_ place: Int, _ size: Int) -> UInt64 {
            var number: UInt64 = 0
            for index in (0..<size).reversed() {
                number = number << 8 | UInt64(bytes[offset + place + index])
            }
            return number
        }
        self.init(
            kind, lane: bytes[offset + 1], process: UInt16(number(2, 2)),
            call: UInt32(number(4, 4)),
            time: number(8, 8), value: number(16, 8))
    }
}

private func append(_ number: UInt64, _ size: Int, to bytes: inout [UInt8]) {
    for index in 0..<size { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * index))) }
}

/// What came of a call.
package enum ChaosOutcome: Hashable, Sendable {
    case answered(Int)
    case failed(BusError.Kind, BusError.Executed)

    private static let executed: [BusError.Executed] = [.no, .yes, .maybe]

    /// Two bytes, without the result; kinds that we don't know are told as `failed`.
    var code: UInt16 {
        guard case .failed(let kind, let executed) = self else { return 0 }
        let place = BusError.Kind.registry.firstIndex { $0.kind == kind } ?? 0
        return UInt16(place + 1) << 8 | UInt16(Self.executed.firstIndex(of: executed) ?? 2)
    }

    init?(code: UInt16, result: Int) {
        guard code != 0 else {
            self = .answered(result)
            return
        }
        let (place, executed) = (Int(code >> 8) - 1, Int(code & 0xFF))
        guard BusError.Kind.registry.indices.contains(place),
            Self.executed.indices.contains(executed)
        else { return nil }
        self = .failed(BusError.Kind.registry[place].kind, Self.executed[executed])
    }
}

/// What the object must answer to the call of a client that is the `place`th that its process runs:
/// a number that no other call has for its answer.
package func chaosAnswer(client: UInt16, call: UInt32, place: Int) -> Int {
    var mixed = UInt64(client) << 32 | UInt64(call)
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return Int(truncatingIfNeeded: mixed >> 2) &+ place
}
