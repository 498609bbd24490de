// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/calls.md §11. Pure: no I/O, no clock, no randomness.

/// Who may use what is left of a node's credit once half of it is used up, so that one caller can't
/// take all of it from the others.
///
/// A round lasts from one word of the node to the next. Of n callers in this round or the one
/// before each may use as much of the room that was left at its beginning as if they were n + 1: so
/// there is always some left for whoever comes next.
struct CreditShares: Sendable {
    private var room: UInt64
    /// Bytes of each caller in this round; at most one entry for each node.
    private var used: [NodeSlot: UInt64] = [:]
    private var formerCount = 0

    init(room: UInt64) {
        self.room = room
    }

    /// Takes a message of `sender` in, unless it has used up its share.
    mutating func admit(_ sender: NodeSlot, _ byteCount: Int) -> Bool {
        let already = self.used[sender]
        let count = max(self.used.count + (already == nil ? 1 : 0), self.formerCount)
        guard already ?? 0 < max(1, self.room / UInt64(count + 1)) else { return false }
        self.used[sender] = (already ?? 0) &+ UInt64(byteCount)
        return true
    }

    /// The node has taken something in.
    mutating func nextRound(room: UInt64) {
        (self.formerCount, self.room, self.used) = (self.used.count, room, [:])
    }
}
