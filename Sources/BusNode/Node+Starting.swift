// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements rules: calls, R17.

package import BusNodeCore
package import BusWire

/// Which calls start when; see `StartGate`.
extension Node {
    /// A call that was delivered has started at its object, or will not. Once for each.
    package func started(_ object: ObjectNumber) {
        // Only the leader delivers, so that there is one order.
        if self.starts.started(object) { self.executor.ring() }
    }

    /// The same, where one task runs the calls of `object` in their order: what it is to run behind
    /// those that it was given before. Nil if nothing waits for the object.
    package func startedNext(_ object: ObjectNumber) -> DeliveredCall? {
        self.starts.startedNext(object, self)
    }

    /// The handler of a delivered call has ended.
    package func ended(_ call: DeliveredCall) {
        guard call.identity == nil || self.starts.hasLimits else { return }
        if self.starts.ended(call) { self.executor.ring() }
    }

    /// At most `count` calls of an own object run at a time from now on.
    package func limit(_ object: ObjectNumber, to count: Int) {
        if self.starts.limit(object, to: count) { self.executor.ring() }
    }

    /// Takes out a call that was delivered and waits for its object; nil if it does not wait any
    /// more. Who takes it answers it.
    package func take(_ call: CallIdentity, of object: ObjectNumber) -> DeliveredCall? {
        self.starts.take(call, of: object)
    }

    /// An own object is gone.
    package func resigned(_ object: ObjectNumber) {
        if self.starts.hasLimits, self.starts.forget(object) { self.executor.ring() }
    }

    /// Whether `deliverWaiting` has something to do.
    package var mayDeliver: Bool { self.starts.mayDeliver }

    /// Delivers calls whose turn has come. On the thread that receives, and by no two at a time.
    package func deliverWaiting() { self.starts.deliverWaiting(self) }
}
