// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/broker.md §8. Pure: no I/O, no clock, no randomness.

package import BusKernel
package import BusWire

/// A message that passed the broker, or did not, as those who watch are told: who asked whom for
/// what, and how it ended. Nothing of what was passed.
package struct Observation: Hashable, Sendable {
    /// What a watcher may choose among; the raw value is the word on the wire.
    package enum Kind: String, CaseIterable, Sendable {
        case call, oneWay, reply, failure, dropped, cancel, acknowledge
    }

    package var kind: Kind
    package var at: Tick
    /// The call that it is about; 0 if that was not seen.
    package var id: UInt64
    package var call: ObservedCall
    /// Nanoseconds since the call was forwarded; nil but for the end of one that was seen.
    package var nanoseconds: UInt64?
    /// The kind of a failure that the broker made, or why a message was dropped.
    package var reason: String?
    /// Of the message's first frame.
    package var byteCount: Int
}

/// What is known of a call without its arguments.
package struct ObservedCall: Hashable, Sendable {
    /// Names of the nodes.
    package var caller: String
    package var callee: String
    package var target: Reference
    /// By which the caller found the object, if it follows a name.
    package var name: String?
    package var method: String?
    package var chain: ChainID?
    /// The call in whose handler this one was made; 0 if there was none, or it was not seen.
    package var parent: UInt64 = 0
}

/// Which messages somebody wants to be told of: those to which all that is set applies.
package struct ObservationFilter: Hashable, Sendable {
    /// The name of caller or callee.
    package var node: String?
    /// A name, or a reference as text: calls by this name, and all others of the object that it
    /// means.
    package var object: String?
    /// A method's full name, or what stands before its parenthesis.
    package var method: String?
    /// What they are; all if nil.
    package var kinds: Set<Observation.Kind>?
    /// Also calls made in the handlers of those that are told, at whatever depth.
    package var nested = false

    package init() {}

    func takes(_ kind: Observation.Kind) -> Bool { self.kinds?.contains(kind) ?? true }

    /// Whether a call is one of those wanted, whatever becomes of it.
    ///
    /// - Parameter means: whether a name or a reference as text means the object called.
    func matches(_ call: ObservedCall, means: (String) -> Bool) -> Bool {
        if let node, node != call.caller, node != call.callee { return false }
        if let method {
            guard let full = call.method else { return false }
            guard full == method || full.prefix(while: { $0 != "(" }) == method else {
                return false
            }
        }
        guard let object, object != call.name else { return true }
        return means(object)
    }
}
