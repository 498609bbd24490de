// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/operating/configuration.md, quotas. Pure: no I/O, no clock, no randomness.

package import BusWire

/// A bound for the objects that are published under names that fit a pattern.
package struct ObjectQuotaRule: Hashable, Sendable {
    /// A name in which `*` stands for any characters.
    package let pattern: String
    /// Two-way calls under way to one such object; nil: as many as one likes.
    package var calls: Int?
    /// Bytes of these calls; nil: as many as one likes.
    package var bytes: Int?

    package init(pattern: String) {
        self.pattern = pattern
    }
}

/// Calls under way to objects with a quota: a row for each, since an answer does not say of which
/// object it is.
package struct ObjectQuotas: Sendable {
    /// One call, as its answer names it.
    private struct Key: Hashable, Sendable {
        let caller: IncarnationID
        let number: CallNumber
    }

    private struct Call: Sendable {
        let reference: Reference
        let byteCount: Int
    }

    private struct Limited: Sendable {
        /// Of each name of the object that has one; the smallest number counts.
        var rules: [ObjectQuotaRule] = []
        var calls = 0
        var bytes = 0

        /// What there is as much of as there may be, in words; else nil.
        var exhausted: String? {
            if let most = self.rules.compactMap(\.calls).min(), self.calls >= most {
                return "\(most) calls"
            }
            if let most = self.rules.compactMap(\.bytes).min(), self.bytes >= most {
                return "calls of \(most) bytes"
            }
            return nil
        }
    }

    /// Rows, whatever the rules allow; calls beyond are not counted.
    package static let callsMax = 262_144

    private let rules: [ObjectQuotaRule]
    /// Whose objects are in `limited`: asked for each call and answer.
    private var owners = SlotSet()
    private var limited: [Reference: Limited] = [:]
    private var calls: [Key: Call] = [:]

    package init(_ rules: [ObjectQuotaRule] = []) {
        self.rules = rules
    }

    /// Calls that are counted.
    package var count: Int { self.calls.count }

    /// Whether `owner` has objects with a quota.
    package func hasAny(of owner: NodeSlot) -> Bool { self.owners.contains(owner) }

    /// What `reference` has under way, in words, if that is as much as it may have; else nil.
    ///
    /// A call is let in while the bytes of those before it are below the bound, whatever its own
    /// size: a large one is not outrun for ever by small ones.
    package func exhausted(_ reference: Reference) -> String? {
        self.limited[reference]?.exhausted
    }

    /// `reference`, an object of `owner`, was published.
    package mutating func published(_ reference: Reference, as name: String, owner: NodeSlot) {
        guard let rule = self.rule(for: name) else { return }
        self.owners.insert(owner)
        self.limited[reference, default: Limited()].rules.append(rule)
    }

    /// The name was taken back.
    package mutating func withdrawn(_ reference: Reference, as name: String) {
        guard let rule = self.rule(for: name),
            let index = self.limited[reference]?.rules.firstIndex(of: rule)
        else { return }
        self.limited[reference]?.rules.remove(at: index)
        guard self.limited[reference]?.rules.isEmpty ?? false else { return }
        self.limited[reference] = nil
        self.forgetCalls { $1 == reference }
    }

    /// A call of `reference` was forwarded, perhaps once more.
    package mutating func began(
        _ caller: IncarnationID, _ number: CallNumber, _ reference: Reference, byteCount: Int
    ) {
        let key = Key(caller: caller, number: number)
        guard self.limited[reference] != nil, self.calls.count < Self.callsMax,
            self.calls[key] == nil
        else { return }
        self.calls[key] = Call(reference: reference, byteCount: byteCount)
        self.limited[reference]?.calls += 1
        self.limited[reference]?.bytes += byteCount
    }

    /// A call was answered by its callee, or in its name.
    package mutating func ended(
        _ caller: IncarnationID, _ number: CallNumber, by callee: IncarnationID
    ) {
        guard !self.calls.isEmpty else { return }
        let key = Key(caller: caller, number: number)
        guard self.calls[key]?.reference.owner == callee else { return }
        self.remove(key)
    }

    /// A node has ended, with its calls and its objects.
    package mutating func ended(_ incarnation: IncarnationID, _ slot: NodeSlot) {
        guard !self.limited.isEmpty else { return }
        self.owners.remove(slot)
        // Order-free: each goes.
        for reference in self.limited.keys where reference.owner == incarnation {
            self.limited[reference] = nil
        }
        self.forgetCalls { $0.caller == incarnation || $1.owner == incarnation }
    }

    private mutating func forgetCalls(_ isGone: (Key, Reference) -> Bool) {
        // Order-free: each goes, and is counted.
        for (key, call) in self.calls where isGone(key, call.reference) { self.remove(key) }
    }

    private mutating func remove(_ key: Key) {
        guard let call = self.calls.removeValue(forKey: key) else { return }
        self.limited[call.reference]?.calls -= 1
        self.limited[call.reference]?.bytes -= call.byteCount
    }

    private func rule(for name: String) -> ObjectQuotaRule? {
        self.rules.first { NamePattern($0.pattern).fits(name) }
    }
}
