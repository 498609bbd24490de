// Part of objbus. SPDX-License-Identifier: Apache-2.0

package import BusKernel
package import BusNodeCore
package import BusWire
import BusZeroMQ

/// What carries a node in place of sockets, threads and a clock of its own: a simulated world.
///
/// Its methods may be called on any thread. The host hands back what arrives by
/// `Node.received(_:on:)`, `Node.failed(_:_:)` and `Node.timePassed()`, runs the jobs of the
/// node's executor, and must not call the node from inside of `transmit`.
package protocol NodeHost: AnyObject, Sendable {
    /// The time that the node lives in.
    func now() -> Tick

    /// The node begins: its jobs and timers are served, and it is kept alive, until `ended`.
    func started(_ node: Node)

    /// The node was closed, and has said what it had to say. May come more than once.
    func ended(_ node: Node)

    /// Joins the node to the broker anew; `attach` and `hello` are the first messages.
    func openLink(_ epoch: Epoch, attach: Message, hello: Outgoing, of node: Node)

    /// Forgets the link, if it is the present one.
    func closeLink(_ epoch: Epoch, of node: Node)

    /// Sends a message, in the order of these calls. Under the node's lock.
    func transmit(_ outgoing: Outgoing, from node: Node)

    /// The node wants `timePassed` no later than at `deadline`.
    func notLater(than deadline: Tick, _ node: Node)
}

/// The time that a node lives in: the machine's, unless a host has another.
package struct NodeClock: Sendable {
    private let host: (any NodeHost)?

    init(_ host: (any NodeHost)?) {
        self.host = host
    }

    /// The present; never earlier than what the same node was told before.
    package func now() -> Tick {
        if let host { return host.now() }
        return Tick(nanoseconds: MonotonicClock.now())
    }
}
