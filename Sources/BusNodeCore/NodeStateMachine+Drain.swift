// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/calls.md §5. Pure: no I/O, no clock, no randomness.

import BusKernel
import BusWire

/// A node that is about to end: what runs may finish, and nothing else begins.
extension NodeStateMachine {
    /// From now on new calls are refused, unless a call made from here waits for what they do:
    /// without those a running handler could not finish. One-way calls are taken as before,
    /// because nobody would hear of a refusal.
    package mutating func drainBegan() {
        guard self.awaitedChains == nil else { return }
        self.awaitedChains = []
        for number in self.questions.keys {
            guard let question = self.questions[number] else { continue }
            self.awaits(try? question.message.extensions().chain)
        }
    }

    /// A call made from here belongs to `chain`.
    mutating func awaits(_ chain: ChainID?) {
        guard self.awaitedChains != nil, let chain else { return }
        self.awaitedChains?.insert(chain)
    }

    /// Whether a call that was not here before is to be refused.
    func isTooLate(_ call: Message) -> Bool {
        guard let awaitedChains else { return false }
        guard let chain = try? call.extensions().chain else { return true }
        return !awaitedChains.contains(chain)
    }
}
