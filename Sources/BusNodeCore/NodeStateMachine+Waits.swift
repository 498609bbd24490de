// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/waits.md §1, §3. Pure: no I/O, no clock, no randomness.

package import BusWire

/// A call that a handler made and that is not answered.
package struct AwaitedCall: Hashable, Sendable {
    package let call: CallIdentity
    package let object: ObjectNumber
    package let method: String

    package init(_ call: CallIdentity, _ object: ObjectNumber, _ method: String) {
        (self.call, self.object, self.method) = (call, object, method)
    }
}

/// Who waits for whom, as far as this node sees it (rules R23).
extension NodeStateMachine {
    /// Calls awaited by one handler that are told.
    package static let awaitedMax = 16

    /// The calls made from here in the handler of a call that are neither answered nor given up;
    /// those to the broker, which lets nobody wait for others, are not among them.
    ///
    /// - Parameter chain: of a one-way call, which no call names as its parent.
    package func awaited(
        by handled: Extensions.ParentCall, chain: ChainID? = nil
    ) -> [AwaitedCall] {
        guard let incarnation else { return [] }
        var awaited: [AwaitedCall] = []
        for number in self.questions.keys where awaited.count < Self.awaitedMax {
            guard let question = self.questions[number], question.callee != .broker,
                question.state != .abandoned, self.isMade(question, in: handled, chain)
            else { continue }
            let method = (try? question.message.extensions().method) ?? ""
            awaited.append(
                AwaitedCall(
                    CallIdentity(
                        caller: incarnation, callee: question.callee,
                        number: CallNumber(rawValue: number)),
                    question.message.header.object, method))
        }
        return awaited
    }

    private func isMade(
        _ question: Question, in handled: Extensions.ParentCall, _ chain: ChainID?
    ) -> Bool {
        let flags = question.message.header.flags
        guard let chain else {
            guard flags.contains(.parent) else { return false }
            return (try? question.message.extensions().parent) == handled
        }
        guard !flags.contains(.parent) else { return false }
        return (try? question.message.extensions().chain) == chain
    }
}
