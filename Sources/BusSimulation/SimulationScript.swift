// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

import BusWire

/// What the applications of a small world do, step by step, so that one thing can be looked at.
///
/// Objects, names and calls have names of the script's own. Steps follow each other at once, so
/// that their messages cross, unless one of them waits.
package struct SimulationScript: Sendable {
    package enum Step: Sendable {
        /// A node makes an object and keeps it.
        case make(String, at: Int)
        /// The object's owner keeps it no longer; others may.
        case forget(String)
        /// A node publishes its object under the object's name.
        case publish(String)
        /// The owner withdraws the object's name.
        case withdraw(String)
        /// A node finds an object by its name, and keeps it.
        case find(String, at: Int)
        case call(Call)
        /// The caller of a call gives it up.
        case cancel(String)
        /// A node lets go of an object that it holds.
        case drop(String, at: Int)
        case revoke(String)
        /// Waits until so many messages have been delivered, or there is nothing to wait for.
        case messages(Int)
        /// Waits until every call has ended.
        case calls
        /// Waits until every call is acknowledged, and what lives is what somebody can reach.
        case rest
        /// From here on messages are counted, and what shall go wrong goes wrong.
        case begin
    }

    /// One call, with what its handler does, and how it may end.
    package struct Call: Sendable {
        package let name: String
        let caller: Int
        let target: String
        let passed: [String]
        var isOneWay = false
        /// Whether the callee keeps what was passed to it.
        var keeps = false
        /// What the handler calls before it goes on.
        var inner: [Call] = []
        /// What the handler returns; a name that means nothing yet becomes a new object, which
        /// nobody but the caller holds.
        var returned: [String] = []
        /// What the callee lets go of as soon as it has answered.
        var dropped: [String] = []
        /// Whether the handler goes on until it is cancelled.
        var runsUntilCancelled = false
        /// Whether the caller keeps what is returned to it.
        var takes = false
        /// The errors with which it may end. If there are none, it must be answered.
        var failures: [BusError.Kind] = []
        /// Whether it must end with an error.
        var mustFail = false

        init(_ name: String, by caller: Int, of target: String, passing passed: [String] = []) {
            self.name = name
            self.caller = caller
            self.target = target
            self.passed = passed
        }

        /// The same, changed.
        func with(_ change: (inout Call) -> Void) -> Call {
            var call = self
            change(&call)
            return call
        }
    }

    package let name: String
    package let nodes: Int
    /// All that is done, with the waiting in between.
    let steps: [Step]

    /// - Parameters:
    ///   - setting: Done before anything goes wrong.
    ///   - steps: What is looked at.
    init(_ name: String, nodes: Int, setting: [Step], steps: [Step]) {
        self.name = name
        self.nodes = nodes
        self.steps = setting + [.calls, .rest, .begin] + steps + [.calls, .rest]
    }
}
