// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock; all randomness comes from the seed.

import BusKernel
import BusNodeCore
import BusWire

/// Planted bugs: between core and transport, where they look like bugs of the cores.
extension SimulationWorld {
    /// What is really sent instead of `outgoing`.
    mutating func sabotaged(_ outgoing: Outgoing, on id: Int) -> [Outgoing] {
        guard let canary = self.plan.canary else { return [outgoing] }
        let header = outgoing.message.header
        let isObjectCall = header.kind == .call && header.peer != .broker
        switch canary {
        case .uncountedCopy:
            guard self.chance(1, of: 40), let held = self.heldSomewhere(id) else { break }
            let release = FrameHeader(
                kind: .release, peer: held.owner, object: held.object,
                call: CallNumber(rawValue: 1))
            return [outgoing, Outgoing(Message(release), epoch: outgoing.epoch)]
        case .helloSaysOne:
            guard header.kind == .hello else { break }
            return [self.counted(outgoing) { min($0, 1) }]
        case .forgottenRelease:
            if header.kind == .release, self.chance(1, of: 4) { return [] }
        case .overtaking:
            guard isObjectCall else { break }
            let waiting = self.heldBack.removeValue(forKey: id)
            guard waiting == nil, self.chance(1, of: 3) else {
                return [outgoing] + (waiting.map { [$0] } ?? [])
            }
            self.heldBack[id] = outgoing
            return []
        case .swallowedAnswer:
            if header.kind == .reply, self.chance(1, of: 20) { return [] }
        case .repeatedCall:
            guard isObjectCall, !header.flags.contains(.oneWay), self.chance(1, of: 20) else {
                break
            }
            return [outgoing, self.renumbered(outgoing)]
        }
        return [outgoing]
    }

    private func heldSomewhere(_ id: Int) -> Reference? {
        self.nodes[self.links[id].node].tokens.first { $0.uses > 0 }?.reference
    }

    private func counted(_ hello: Outgoing, _ change: (UInt64) -> UInt64) -> Outgoing {
        let message = hello.message
        guard
            var body = try? HelloBody(payloadOf: message.frame.span.bytes, message.header)
        else { return hello }
        for index in body.holdings.indices {
            body.holdings[index].count = change(body.holdings[index].count)
        }
        return Outgoing(Message(message.header, payload: body.encoded()), epoch: hello.epoch)
    }

    private func renumbered(_ call: Outgoing) -> Outgoing {
        var frame = call.message.frame
        var span = frame.mutableSpan
        var bytes = span.mutableBytes
        bytes.put(call.message.header.call.rawValue + 1_000_000, at: FrameOffset.call)
        guard let message = try? Message(frame: frame, buffers: call.message.buffers) else {
            return call
        }
        var copy = Outgoing(message, epoch: call.epoch)
        copy.flags = call.flags
        copy.peerEpoch = call.peerEpoch
        copy.remaining = call.remaining
        return copy
    }
}
