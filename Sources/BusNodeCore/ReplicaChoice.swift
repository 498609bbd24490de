// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/names.md §7. Pure: no I/O, no clock, no randomness.

package import BusWire

/// Chooses for each call one of the replicas that a name means, as one caller knows them.
package struct ReplicaChoice: Sendable {
    private struct Member: Sendable {
        let reference: Reference
        /// Calls that were given to it and have not ended; not counted by `roundRobin`.
        var outstanding = 0
    }

    package private(set) var policy: ReplicaPolicy
    /// In the order of the broker; never empty.
    private var members: [Member]
    /// Whose turn it is.
    private var next: Int

    /// - Parameters:
    ///   - members: at least one, all different.
    ///   - start: whose turn is first, counted on past the last; other ones for other callers, so
    ///     that many who call once do not all call the same one.
    package init(_ policy: ReplicaPolicy, _ members: [Reference], start: UInt64) {
        precondition(!members.isEmpty, "there is nothing to choose from")
        self.policy = policy
        self.members = members.map { Member(reference: $0) }
        self.next = Int(start % UInt64(members.count))
    }

    /// The place of the member whose turn it is.
    package var turn: Int { self.next }

    /// Gives a call to a member, and returns its place.
    ///
    /// - Parameter avoided: not this one, if there is another.
    package mutating func choose(avoiding avoided: Reference? = nil) -> Int {
        let count = self.members.count
        var chosen: Int?
        for step in 0..<count {
            let place = (self.next + step) % count
            let member = self.members[place]
            if member.reference == avoided { continue }
            if let best = chosen, self.members[best].outstanding <= member.outstanding { continue }
            chosen = place
            if self.policy == .roundRobin { break }
        }
        let place = chosen ?? self.next
        if self.policy == .leastOutstanding { self.members[place].outstanding += 1 }
        self.next = (place + 1) % count
        return place
    }

    /// A call that was given to `reference` has ended; only `leastOutstanding` needs to hear it.
    package mutating func ended(at reference: Reference) {
        guard let place = self.members.firstIndex(where: { $0.reference == reference }),
            self.members[place].outstanding > 0
        else { return }
        self.members[place].outstanding -= 1
    }

    /// The name means these now: who was there keeps its calls, and the one whose turn it is its
    /// turn.
    package mutating func replace(_ policy: ReplicaPolicy, _ members: [Reference]) {
        precondition(!members.isEmpty, "there is nothing to choose from")
        let former = self.members
        let turns = former.indices.map { former[(self.next + $0) % former.count].reference }
        self.policy = policy
        self.members = members.map { reference in
            former.first { $0.reference == reference } ?? Member(reference: reference)
        }
        let first = turns.lazy.compactMap { members.firstIndex(of: $0) }.first
        self.next = first ?? self.next % members.count
    }
}
