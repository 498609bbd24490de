// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusNode
public import BusWire

/// What a handler may know of the call that it runs for.
///
/// Calls made inside the handler belong to the same chain and end by the same deadline.
public struct CallContext: Sendable {
    /// The context of the handler that this task runs; nil outside handlers.
    @TaskLocal public static var current: CallContext?

    /// The chain of calls made outside handlers, while a thread waits for them (rules R18).
    @TaskLocal static var outermostChain: ChainID?

    /// The node that made this call.
    public let caller: IncarnationID
    /// The object called.
    public let object: Reference
    /// The method's full name.
    public let method: String
    /// The published name that the caller found the object by, if it did.
    public let name: String?
    /// The tree of calls that one outermost call caused.
    public let chain: ChainID
    let number: CallNumber?
    let deadline: Tick
    let clock: NodeClock

    /// The same for one call of a batch.
    func with(method: String) -> CallContext {
        CallContext(
            caller: self.caller, object: self.object, method: method, name: self.name,
            chain: self.chain, number: self.number, deadline: self.deadline, clock: self.clock)
    }

    /// How long the caller still waits; nil if it set no deadline.
    public var remaining: Duration? {
        guard self.deadline != .distantFuture else { return nil }
        let span = self.deadline.since(self.clock.now())
        return .nanoseconds(Int64(clamping: span.nanoseconds))
    }

    /// Whether the caller gave up, or somebody up its chain; the handler's task is cancelled then.
    public var isCancelled: Bool { Task.isCancelled || HandlerRun.current?.isCancelled ?? false }
}
