// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

package import BusKernel
package import BusWire

/// Whoever waits for a call's outcome; the core only keeps it and gives it back.
package enum CallWaiter: Sendable {
    /// A task that is suspended until then; as it is, since an object would be one for each call.
    case task(UnsafeContinuation<CallOutcome, Never>)
    /// Anybody else, such as the application of a simulated world.
    case receiver(any OutcomeReceiver)

    package var isTask: Bool {
        if case .task = self { true } else { false }
    }

    /// For the shell to call, once, on any thread and under no lock.
    package func resume(_ outcome: consuming CallOutcome) {
        switch self {
        case .task(let continuation): continuation.resume(returning: outcome)
        case .receiver(let receiver): receiver.resume(outcome)
        }
    }
}

/// Gets a call's outcome.
package protocol OutcomeReceiver: AnyObject, Sendable {
    /// Called once, on any thread and under no lock.
    func resume(_ outcome: CallOutcome)
}

/// How a call ended.
package enum CallOutcome: Sendable {
    /// REPLY or FAILURE. Its references are counted and pinned: give them back by `unpin`.
    case answered(Message)
    /// The node itself knows that there will be no answer.
    case failed(BusError)

    /// Whether it is REPLY.
    package var isReply: Bool {
        if case .answered(let message) = self { message.header.kind == .reply } else { false }
    }
}

/// A message for the broker, with the header fields that belong to this transmission only.
package struct Outgoing: Sendable {
    package let message: Message
    /// The link it belongs to: with another one it is dropped.
    package let epoch: Epoch
    package var flags: MessageFlags
    package var behind: UInt32 = 0
    package var peerEpoch: Epoch = .none
    package var remaining: UInt64 = 0

    package init(_ message: Message, epoch: Epoch) {
        self.message = message
        self.epoch = epoch
        self.flags = message.header.flags
    }

    /// Writes the fields into a copy of the message's first frame.
    package func patch(_ frame: inout MutableRawSpan, sequence: UInt64) {
        Transmission(epoch: self.epoch, sequence: sequence).patch(&frame)
        frame.put(self.flags.rawValue, at: FrameOffset.flags)
        frame.put(self.behind, at: FrameOffset.behind)
        frame.put(self.peerEpoch.rawValue, at: FrameOffset.peerEpoch)
        frame.put(self.remaining, at: FrameOffset.remaining)
    }
}

/// A call to run: its references are counted and pinned until `unpin`.
package struct DeliveredCall: Sendable {
    /// Whom to answer; nil for a one-way call.
    package let identity: CallIdentity?
    package let caller: IncarnationID
    package let object: ObjectNumber
    package let message: Message
    /// After that it must not start.
    package let deadline: Tick
    /// The object's when the call arrived: with a later one its right is revoked.
    package let generation: Generation

    package init(
        identity: CallIdentity?, caller: IncarnationID, object: ObjectNumber, message: Message,
        deadline: Tick, generation: Generation = .first
    ) {
        self.identity = identity
        self.caller = caller
        self.object = object
        self.message = message
        self.deadline = deadline
        self.generation = generation
    }
}

/// What the shell does for the core, in this order, skipping none.
package enum NodeEffect: Sendable {
    /// Make two new sockets, send `attach` on the receiving and `hello` on the sending one.
    indirect case openLink(Epoch, attach: Message, hello: Outgoing)
    /// Close the sockets of this link and forget what waits to be sent on it.
    case closeLink(Epoch)
    case transmit(Outgoing)
    case deliver(DeliveredCall)
    /// The caller gave up: cancel the handler if it still runs.
    case cancelHandler(CallIdentity)
    case resume(CallWaiter, CallOutcome)
    /// Keep the object alive, or stop doing so.
    case retain(ObjectNumber)
    case release(ObjectNumber)
    /// What was watched is worth nothing to this node any more; it is watched no longer.
    case died(Reference, DeathReason)
    /// Nobody else holds an own object that is watched.
    case unheld(ObjectNumber)
    case report(NodeNotice)
    /// One that the shell has taken out.
    case done
}

/// What the log, and those who wait for the link, may want to know.
package enum NodeNotice: Hashable, Sendable {
    case linked(IncarnationID, Epoch, brokerRun: UInt64)
    case linkLost(String)
    /// The link is gone because the broker was told to end; the next one is waited for.
    case brokerStops
    /// The broker does not want us: now, or never with this version.
    case refused(BusError, isFinal: Bool)
    /// References held and given out are void; published objects go on in a new incarnation.
    case incarnationEnded(IncarnationID)
    case peerEnded(IncarnationID, reason: UInt64)
}
