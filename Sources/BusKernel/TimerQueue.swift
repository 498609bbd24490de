// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

/// Things that fall due, soonest first; equal ticks in the order in which they were added.
///
/// A binary heap. There is no removal: an entry that no longer matters is recognised by its owner
/// when it comes out (its subject is gone or has a later deadline).
package struct TimerQueue<Subject: Sendable>: Sendable {
    private struct Entry: Sendable {
        var due: Tick
        var order: UInt64
        var subject: Subject

        func isBefore(_ other: Entry) -> Bool {
            (self.due, self.order) < (other.due, other.order)
        }
    }

    private var heap: [Entry] = []
    private var added: UInt64 = 0

    package init() {}

    package var count: Int { self.heap.count }

    /// When the soonest entry is due; nil when there is none. Stored, since generic code of another
    /// module is not specialised, and cores are asked for it after each step.
    package private(set) var nextDue: Tick?

    package mutating func add(_ subject: Subject, due: Tick) {
        self.added += 1
        self.heap.append(Entry(due: due, order: self.added, subject: subject))
        var child = self.heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard self.heap[child].isBefore(self.heap[parent]) else { break }
            self.heap.swapAt(child, parent)
            child = parent
        }
        self.nextDue = self.heap[0].due
    }

    /// Takes the soonest entry if it is due at `now`.
    package mutating func popDue(at now: Tick) -> Subject? {
        guard let nextDue, nextDue <= now else { return nil }
        let first = self.heap[0]
        let last = self.heap.removeLast()
        if !self.heap.isEmpty {
            self.heap[0] = last
            self.siftDown()
        }
        self.nextDue = self.heap.first?.due
        return first.subject
    }

    private mutating func siftDown() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < self.heap.count && self.heap[child].isBefore(self.heap[least]) {
                least = child
            }
            guard least != parent else { return }
            self.heap.swapAt(parent, least)
            parent = least
        }
    }
}
