// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

/// A bug planted between core and transport. Each must be found, or the checkers are worth nothing.
package enum Canary: String, CaseIterable, Sendable {
    /// As if the broker forgot to count a copy now and then.
    case uncountedCopy = "uncounted-copy"
    /// HELLO says that one copy of each reference came, however many did.
    case helloSaysOne = "hello-says-one"
    /// As if the broker forgot a Release.
    case forgottenRelease = "forgotten-release"
    /// A call overtakes the one before it.
    case overtaking
    /// An answer is not sent, although its link lives.
    case swallowedAnswer = "swallowed-answer"
    /// A call is delivered a second time under another number.
    case repeatedCall = "repeated-call"
    /// A RELEASE overtakes what is on its way, as if it had a channel of its own.
    case overtakingRelease = "overtaking-release"
    /// The broker forgets to give exports back to their owner.
    case swallowedUnref = "swallowed-unref"
    /// A call that was executed is reported as not executed.
    case lyingFailure = "lying-failure"
    /// The hostile peer knows the secret of another node.
    case leakedSecret = "leaked-secret"
    /// A node that is about to end lets new calls in.
    case deafDrain = "deaf-drain"
    /// A node that ends says that it has answered everything, which it has not.
    case hastyGoodbye = "hasty-goodbye"
    /// A broker that ends has told so, and then says something else.
    case wordAfterStopping = "word-after-stopping"
}
