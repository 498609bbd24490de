// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/operating/configuration.md, quotas. Pure: no I/O, no clock, no randomness.

package import BusWire

/// A bound for the objects that are published under names that fit a pattern.
package struct ObjectQuotaRule: Hashable, Sendable {
    /// A name in which `*` stands for any characters.
    package let pattern: String
    /// Two-way calls under way to one such object.
    package var calls: Int

    package init(pattern: String, calls: Int) {
        (self.pattern, self.calls) = (pattern, calls)
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

    private struct Limited: Sendable {
        /// Of each name of the object that has one; the smallest counts.
        var bounds: [Int]
        var underWay = 0
    }

    /// Rows, whatever the rules allow; calls beyond are not counted.
    package static let callsMax = 262_144

    private let rules: [ObjectQuotaRule]
    /// Whose objects are in `limited`: asked for each call and answer.
    private var owners = SlotSet()
    private var limited: [Reference: Limited] = [:]
    private var calls: [Key: Reference] = [:]

    package init(_ rules: [ObjectQuotaRule] = []) {
        self.rules = rules
    }

    /// Calls that are counted.
    package var count: Int { self.calls.count }

    /// Whether `owner` has objects with a quota.
    package func hasAny(of owner: NodeSlot) -> Bool { self.owners.contains(owner) }

    /// As many calls as may be under way to `reference`, if there are so many; else nil.
    package func exhausted(_ reference: Reference) -> Int? {
        guard let limited = self.limited[reference], let most = limited.bounds.min(),
            limited.underWay >= most
        else { return nil }
        return most
    }

    /// `reference`, an object of `owner`, was published.
    package mutating func published(_ reference: Reference, as name: String, owner: NodeSlot) {
        guard let bound = self.bound(of: name) else { return }
        self.owners.insert(owner)
        self.limited[reference, default: Limited(bounds: [])].bounds.append(bound)
    }

    /// The name was taken back.
    package mutating func withdrawn(_ reference: Reference, as name: String) {
        guard let bound = self.bound(of: name),
            let index = self.limited[reference]?.bounds.firstIndex(of: bound)
        else { return }
        self.limited[reference]?.bounds.remove(at: index)
        guard self.limited[reference]?.bounds.isEmpty ?? false else { return }
        self.limited[reference] = nil
        self.forgetCalls { $1 == reference }
    }

    /// A call of `reference` was forwarded, perhaps once more.
    package mutating func began(
        _ caller: IncarnationID, _ number: CallNumber, _ reference: Reference
    ) {
        let key = Key(caller: caller, number: number)
        guard self.limited[reference] != nil, self.calls.count < Self.callsMax,
            self.calls.updateValue(reference, forKey: key) == nil
        else { return }
        self.limited[reference]?.underWay += 1
    }

    /// A call was answered by its callee, or in its name.
    package mutating func ended(
        _ caller: IncarnationID, _ number: CallNumber, by callee: IncarnationID
    ) {
        guard !self.calls.isEmpty else { return }
        let key = Key(caller: caller, number: number)
        guard self.calls[key]?.owner == callee else { return }
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
        for (key, reference) in self.calls where isGone(key, reference) { self.remove(key) }
    }

    private mutating func remove(_ key: Key) {
        guard let reference = self.calls.removeValue(forKey: key) else { return }
        self.limited[reference]?.underWay -= 1
    }

    private func bound(of name: String) -> Int? {
        self.rules.first { NamePattern($0.pattern).fits(name) }?.calls
    }
}
