// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/operating/counters.md. Pure: no I/O, no clock, no randomness.

import BusKernel

/// Why a node did not do what somebody wanted. Each is counted since its start; their names are
/// those of docs/operating/counters.md, which says what to do about them.
package enum NodeDrop: Int, TallyReason {
    // Calls from here that never left.
    case issuedRevoked, issuedExpired, issuedTooLarge, issuedCrowd, oneWayUnlinked, oneWayBehind
    case oneWayOverCredit
    // Calls from here that nobody waits for any more, or will be answered.
    case waitExpired, waitCancelled, calleeEnded
    // Answers that nobody waits for.
    case answerUnexpected, answerOutdated
    // Calls that came and were not delivered.
    case beyondWindow, late, revoked, draining, numberInvalid, oneWayCrowd, oneWayRevoked
    // Calls that came again: they ran once.
    case duplicateRunning, duplicateAnswered, duplicateSettled
    // Calls that were delivered and did not start.
    case startExpired, startCancelled, startRevoked, startDeadlocked
    case unreadable
    // Links.
    case linkGap, linkSilence, linkFailed, linkRefused, brokerStopped, kindUnknown
}
