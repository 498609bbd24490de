// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore
import BusKernel
import BusValue
import BusWire
import Testing

/// Seals that no secret protects, but that differ as real ones do.
struct TestAuthority: SealAuthority {
    var key: UInt64 = 17

    func seal(_ message: [UInt8]) -> Seal {
        var random = RandomSource(seed: message.reduce(self.key) { $0 &* 31 &+ UInt64($1) })
        return Seal(high: random.next(), low: random.next())
    }
}

/// A broker's core with connections that are arrays: runs effects as the shell does, and checks
/// that what arrives on a link is numbered without a gap.
final class BrokerWorld {
    private(set) var core: BrokerStateMachine
    private(set) var now = Tick.zero
    private(set) var notices: [BrokerNotice] = []
    private(set) var watched: Set<ConnectionID> = []
    /// What the next run is told.
    private(set) var remembered: Set<IncarnationID>
    private(set) var fence: UInt64
    /// Connections that take nothing more, and why.
    var blocked: [ConnectionID: SendFailure] = [:]
    private var inboxes: [ConnectionID: [Message]] = [:]
    private var sequences: [ConnectionID: UInt64] = [:]
    private var connectionCount: UInt32 = 0
    private var effects: [BrokerEffect] = []

    /// - Parameter former: the run before, whose shell kept what it was told.
    init(
        after former: BrokerWorld? = nil, seed: UInt64 = 1, quotas: [QuotaRule] = [],
        objectQuotas: [ObjectQuotaRule] = [],
        _ change: (inout BrokerLimits) -> Void = { _ in }
    ) {
        var limits = BrokerLimits()
        change(&limits)
        self.remembered = former?.remembered ?? []
        self.fence = former?.fence ?? 0
        self.core = BrokerStateMachine(
            limits: limits, authority: TestAuthority(), seed: seed,
            returning: self.remembered, fence: self.fence, quotas: quotas,
            objectQuotas: objectQuotas, at: .zero)
    }

    func connect() -> ConnectionID {
        self.connectionCount += 1
        return ConnectionID(rawValue: self.connectionCount)
    }

    /// A message arrives at the broker, patched as its sender would.
    func deliver(_ message: Message, _ transmission: Transmission?, on connection: ConnectionID) {
        var frame = message.frame
        if let transmission { patch(&frame, transmission) }
        self.deliver(frame, buffers: message.buffers, on: connection)
    }

    /// Bytes arrive at the broker.
    func deliver(_ bytes: [UInt8], buffers: [Bytes] = [], on connection: ConnectionID) {
        var frame = bytes
        var span = frame.mutableSpan
        var raw = span.mutableBytes
        self.core.received(
            &raw, bufferCount: buffers.count, bufferBytes: Message.byteCount(of: buffers),
            from: connection, at: self.now, into: &self.effects)
        self.run(frame, buffers, from: connection)
    }

    /// The broker is told to end.
    func stop() {
        self.core.stopBegan(into: &self.effects)
        self.run([], [], from: ConnectionID(rawValue: 0))
    }

    func close(_ connections: ConnectionID...) {
        for connection in connections {
            self.core.connectionClosed(connection, at: self.now, into: &self.effects)
            self.run([], [], from: connection)
        }
    }

    /// Lets time pass, timer by timer.
    func pass(_ span: Span, doing work: () -> Void = {}) {
        let end = self.now.advanced(by: span)
        while self.core.nextDeadline <= end {
            self.now = max(self.now, self.core.nextDeadline)
            work()
            self.core.timePassed(at: self.now, into: &self.effects)
            self.run([], [], from: ConnectionID(rawValue: 0))
        }
        self.now = end
    }

    /// What arrived on a connection since it was last asked.
    func take(_ connection: ConnectionID) -> [Message] {
        self.inboxes.removeValue(forKey: connection) ?? []
    }

    /// Runs effects in order, reporting failures back, as the shell must.
    private func run(_ frame: [UInt8], _ buffers: [Bytes], from connection: ConnectionID) {
        var index = 0
        while index < self.effects.count {
            switch self.effects[index] {
            case .forward(let rx):
                if let failure = self.blocked[rx] {
                    self.core.forwardFailed(
                        failure, frame.span.bytes, bufferBytes: Message.byteCount(of: buffers),
                        from: connection, to: rx, at: self.now, into: &self.effects)
                } else {
                    self.arrive(frame, buffers, on: rx)
                }
            case .send(let message, let transmission, let rx):
                if let failure = self.blocked[rx] {
                    self.core.sendFailed(failure, to: rx, at: self.now, into: &self.effects)
                } else {
                    var frame = message.frame
                    patch(&frame, transmission)
                    self.arrive(frame, message.buffers, on: rx)
                }
            case .watch(let watched):
                self.watched.insert(watched)
            case .remember(let incarnation):
                self.remembered.insert(incarnation)
            case .forget(let incarnation):
                self.remembered.remove(incarnation)
            case .reserveFences(let fence):
                self.fence = fence
            case .log(let notice):
                self.notices.append(notice)
            }
            index += 1
        }
        self.effects.removeAll()
    }

    private func arrive(_ frame: [UInt8], _ buffers: [Bytes], on rx: ConnectionID) {
        guard let message = try? Message(frame: frame, buffers: buffers) else {
            Issue.record("the broker sent an unreadable frame")
            return
        }
        if message.header.epoch != .none {
            let expected = (self.sequences[rx] ?? 0) + 1
            #expect(message.header.sequence == expected, "\(message.line)")
            self.sequences[rx] = message.header.sequence
        }
        self.inboxes[rx, default: []].append(message)
    }
}

private func patch(_ frame: inout [UInt8], _ transmission: Transmission) {
    var span = frame.mutableSpan
    var raw = span.mutableBytes
    transmission.patch(&raw)
}

extension Message {
    var line: String {
        MessageDump.line(frame: self.frame.span.bytes, bufferByteCounts: self.buffers.map(\.count))
    }

    var kind: MessageKind { self.header.kind }

    /// The payload as a value; nil if it is none.
    var value: Value? { try? Value(cbor: Array(self.payload), buffers: self.buffers) }

    /// The error of a FAILURE or REFUSED.
    var error: BusError { FailureBody(payloadOf: self).error }
}

extension [Message] {
    var kinds: [MessageKind] { self.map(\.kind) }
}
