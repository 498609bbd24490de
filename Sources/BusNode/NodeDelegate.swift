// Part of objbus. SPDX-License-Identifier: Apache-2.0

package import BusNodeCore
package import BusWire

/// What the API layer does for a node.
package protocol NodeDelegate: AnyObject, Sendable {
    /// Starts a handler. On the loop's thread, in order, and must not block: whatever order the
    /// calls of this method have is the order in which handlers start (rules R17).
    func deliver(_ call: DeliveredCall)

    /// A call has arrived that will be delivered, now or later. On the loop's thread.
    func arrived(_ call: DeliveredCall)

    /// What has waited for long, every second as long as anything waits, and once when nothing
    /// does any more. On the loop's thread.
    func waited(_ holdups: [Holdup])

    /// A one-way call will not be delivered, because too many of its caller wait or run: gives
    /// back what it carries. On the loop's thread.
    func dropped(_ call: DeliveredCall)

    /// Cancels a handler that may still run, or has yet to start. On the loop's thread.
    func cancelHandler(_ identity: CallIdentity)

    /// Keeps an own object alive. On any thread, under the node's lock: must not call back.
    func retain(_ object: ObjectNumber)

    /// Stops keeping an own object alive, and returns what must be dropped outside the lock. On
    /// any thread, under the node's lock: must not call back.
    func release(_ object: ObjectNumber) -> AnyObject?

    /// What `Node.watch` was told of is worth nothing any more. On any thread.
    func died(_ reference: Reference, _ reason: DeathReason)

    /// Nobody else holds an own object that is watched. On any thread.
    func unheld(_ object: ObjectNumber)

    /// Tells of links and incarnations. On the loop's thread.
    func report(_ notice: NodeNotice)
}
