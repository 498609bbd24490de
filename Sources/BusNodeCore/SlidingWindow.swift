// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

/// A table whose keys are handed out in rising order and mostly removed in that order too.
///
/// Look-up is one index calculation while the key is among the newest `denseLimit` numbers. What
/// stays longer (a call that runs for minutes while a million others pass) moves to a dictionary,
/// so memory is proportional to the elements present, never to the numbers passed.
///
/// It lies in the module that uses it: generic code of another one is not specialised. And its
/// slots lie in an array, which lets one look at an element without copying it.
package struct SlidingWindow<Element: Sendable>: Sendable {
    /// What lets one reach an element where it lies, as `!` would.
    private struct Slot: Sendable {
        var element: Element

        borrowing func read<Outcome>(_ body: (borrowing Element) -> Outcome) -> Outcome {
            body(self.element)
        }

        mutating func update<Outcome>(_ change: (inout Element) -> Outcome) -> Outcome {
            change(&self.element)
        }
    }

    /// The key of the first dense slot, and how many of them there are.
    private var base: UInt64
    private var span = 0
    /// A ring of a power of two: the slot of a key is its remainder. Those of no key are empty.
    private var slots: [Slot?] = []
    private var stragglers: [UInt64: Element] = [:]
    private let denseLimit: Int
    /// How many elements are present.
    package private(set) var count = 0

    /// - Parameters:
    ///   - firstKey: the smallest key that will ever be inserted.
    ///   - denseLimit: how many of the newest keys are kept in slots rather than by hashing.
    package init(firstKey: UInt64 = 1, denseLimit: Int = 4_096) {
        precondition(denseLimit > 0, "a window needs at least one slot")
        self.base = firstKey
        self.denseLimit = denseLimit
    }

    package var isEmpty: Bool { self.count == 0 }

    package func contains(_ key: UInt64) -> Bool { self.read(key) { _ in true } ?? false }

    /// A copy; to look at a member only, `read` is cheaper.
    package subscript(key: UInt64) -> Element? { self.read(key) { $0 } }

    /// What `body` makes of the element at `key`; nil if absent.
    package func read<Outcome>(
        _ key: UInt64, _ body: (borrowing Element) -> Outcome
    ) -> Outcome? {
        guard let index = self.index(of: key) else {
            return key < self.base ? self.stragglers[key].map(body) : nil
        }
        return self.slots[index]?.read(body)
    }

    /// Adds or replaces the element at `key`.
    package mutating func insert(_ element: consuming Element, at key: UInt64) {
        if let index = self.index(of: key) {
            if self.slots[index] == nil { self.count += 1 }
            self.slots[index] = Slot(element: element)
        } else if key < self.base {
            if self.stragglers.updateValue(element, forKey: key) == nil { self.count += 1 }
        } else {
            self.append(element, at: key)
        }
    }

    /// Changes the element at `key` in place and returns what `change` returns; nil if absent.
    package mutating func update<Outcome>(
        _ key: UInt64, _ change: (inout Element) -> Outcome
    ) -> Outcome? {
        if let index = self.index(of: key) { return self.slots[index]?.update(change) }
        guard key < self.base, let position = self.stragglers.index(forKey: key) else { return nil }
        return change(&self.stragglers.values[position])
    }

    @discardableResult
    package mutating func remove(at key: UInt64) -> Element? {
        if let index = self.index(of: key) {
            guard let slot = self.slots[index].take() else { return nil }
            self.count -= 1
            self.trimFront()
            return slot.element
        }
        guard key < self.base, let element = self.stragglers.removeValue(forKey: key) else {
            return nil
        }
        self.count -= 1
        return element
    }

    /// Removes every element whose key lies in `range` and gives it to `body`, in rising order of
    /// keys.
    package mutating func removeAll(in range: ClosedRange<UInt64>, _ body: (Element) -> Void) {
        if !self.stragglers.isEmpty {
            for key in self.stragglers.keys.filter({ range.contains($0) }).sorted() {
                guard let element = self.stragglers.removeValue(forKey: key) else { continue }
                self.count -= 1
                body(element)
            }
        }
        let end = self.base + UInt64(self.span)
        var key = max(range.lowerBound, self.base)
        while key < end, key <= range.upperBound {
            if let slot = self.slots[self.place(of: key)].take() {
                self.count -= 1
                body(slot.element)
            }
            key += 1
        }
        self.trimFront()
    }

    /// The keys present, in rising order.
    package var keys: [UInt64] {
        self.stragglers.keys.sorted()
            + (self.base..<self.base + UInt64(self.span)).filter {
                self.slots[self.place(of: $0)] != nil
            }
    }

    private mutating func append(_ element: consuming Element, at key: UInt64) {
        if self.span == 0 || key - self.base >= UInt64(2 * self.denseLimit) {
            while self.span > 0 { self.retireFront() }
            self.base = key
        }
        let span = Int(key - self.base) + 1
        if span > self.slots.count { self.grow(to: span) }
        self.span = span
        self.slots[self.place(of: key)] = Slot(element: element)
        self.count += 1
        while self.span > self.denseLimit { self.retireFront() }
        self.trimFront()
    }

    /// Moves the elements into a ring of at least `count` slots.
    private mutating func grow(to count: Int) {
        var former = self.slots
        let mask = UInt64(max(former.count, 1) - 1)
        let size = max(8, 1 << (Int.bitWidth - (count - 1).leadingZeroBitCount))
        self.slots = []
        self.slots.reserveCapacity(size)
        for _ in 0..<size { self.slots.append(nil) }
        for key in self.base..<self.base + UInt64(self.span) {
            self.slots[self.place(of: key)] = former[Int(key & mask)].take()
        }
    }

    private func place(of key: UInt64) -> Int { Int(key & UInt64(self.slots.count - 1)) }

    private func index(of key: UInt64) -> Int? {
        guard key >= self.base, key - self.base < UInt64(self.span) else { return nil }
        return self.place(of: key)
    }

    private mutating func retireFront() {
        if let slot = self.slots[self.place(of: self.base)].take() {
            self.stragglers[self.base] = slot.element
        }
        self.dropFront()
    }

    private mutating func trimFront() {
        while self.span > 0, self.slots[self.place(of: self.base)] == nil { self.dropFront() }
    }

    private mutating func dropFront() {
        self.base += 1
        self.span -= 1
    }
}
