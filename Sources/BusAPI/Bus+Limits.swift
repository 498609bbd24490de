// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/decisions/0014-limits.md.

import BusNode
import BusWire
public import Distributed

/// How many calls of an object run at a time.
extension Bus {
    /// Lets at most `count` calls of an own object run at a time; the others wait, callers taking
    /// turns.
    ///
    /// ```swift
    /// let ledger = Ledger(actorSystem: bus)
    /// try bus.limit(ledger, toConcurrentCalls: 1)
    /// try await bus.publish(ledger, as: "ledger")
    /// ```
    ///
    /// A call that waits for something still runs. So with a limit of 1 nothing else happens to the
    /// object between two lines of a method, wherever that has `await`; and a call that the object
    /// itself causes waits for the one that caused it, for ever: the bus finds that out, and lets
    /// it fail (see the guide on deadlocks). A limit is about calls that come over the bus, not
    /// about what this process calls directly. It may be changed at any time; set the first one
    /// before the object is handed out, since calls that already run are not counted.
    /// - Parameters:
    ///   - object: an object of this process; its limit ends with it.
    ///   - count: calls, at least 1.
    /// - Throws: `BusError` of kind `denied` if `object` lives elsewhere.
    public func limit<Object: DistributedActor>(
        _ object: Object, toConcurrentCalls count: Int
    ) throws where Object.ActorSystem == Bus {
        try self.limit(object.id, to: count)
    }

    /// The same for an object without types.
    public func limit(_ object: RemoteObject, toConcurrentCalls count: Int) throws {
        try self.limit(object.id, to: count)
    }

    /// The same for a function or collection.
    public func limit(_ reference: some ObjectReference, toConcurrentCalls count: Int) throws {
        try self.limit(reference.object.id, to: count)
    }

    private func limit(_ held: HeldReference, to count: Int) throws {
        precondition(count > 0, "an object with a limit of \(count) could never be called")
        self.node.limit(try self.ownNumber(of: held), to: count)
    }
}

extension BlockingBus {
    /// Lets at most `count` calls of an object of `makeObject` or `publish` run at a time; see
    /// `Bus.limit(_:toConcurrentCalls:)`. May be called anywhere.
    ///
    /// - Throws: `BusError` of kind `denied` if `object` lives elsewhere.
    public func limit(_ object: BlockingObject, toConcurrentCalls count: Int) throws {
        try self.bus.limit(object.remote, toConcurrentCalls: count)
    }
}
