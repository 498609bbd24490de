// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

import DequeModule

/// A table whose keys are handed out in rising order and mostly removed in that order too.
///
/// Look-up is one index calculation while the key is among the newest `denseLimit` numbers. What
/// stays longer (a call that runs for minutes while a million others pass) moves to a dictionary,
/// so memory is proportional to the elements present, never to the numbers passed.
///
/// It lies in the module that uses it: generic code of another one is not specialised.
package struct SlidingWindow<Element: Sendable>: Sendable {
    /// The key of the first dense slot.
    private var base: UInt64
    private var slots: Deque<Element?> = []
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

    package func contains(_ key: UInt64) -> Bool { self[key] != nil }

    package subscript(key: UInt64) -> Element? {
        guard key >= self.base else { return self.stragglers[key] }
        guard let index = self.index(of: key) else { return nil }
        return self.slots[index]
    }

    /// Adds or replaces the element at `key`.
    package mutating func insert(_ element: Element, at key: UInt64) {
        if let index = self.index(of: key) {
            if self.slots[index] == nil { self.count += 1 }
            self.slots[index] = element
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
        if let index = self.index(of: key) {
            guard var element = self.slots[index].take() else { return nil }
            let outcome = change(&element)
            self.slots[index] = element
            return outcome
        }
        guard key < self.base, let position = self.stragglers.index(forKey: key) else { return nil }
        return change(&self.stragglers.values[position])
    }

    @discardableResult
    package mutating func remove(at key: UInt64) -> Element? {
        if let index = self.index(of: key) {
            guard let element = self.slots[index].take() else { return nil }
            self.count -= 1
            self.trimFront()
            return element
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
        let end = self.base + UInt64(self.slots.count)
        var key = max(range.lowerBound, self.base)
        while key < end, key <= range.upperBound {
            if let element = self.slots[Int(key - self.base)].take() {
                self.count -= 1
                body(element)
            }
            key += 1
        }
        self.trimFront()
    }

    /// The keys present, in rising order.
    package var keys: [UInt64] {
        self.stragglers.keys.sorted()
            + self.slots.indices.compactMap {
                self.slots[$0] == nil ? nil : self.base + UInt64($0)
            }
    }

    private mutating func append(_ element: Element, at key: UInt64) {
        if self.slots.isEmpty || key - self.base >= UInt64(2 * self.denseLimit) {
            while !self.slots.isEmpty { self.retireFront() }
            self.base = key
        }
        while self.base + UInt64(self.slots.count) < key { self.slots.append(nil) }
        self.slots.append(element)
        self.count += 1
        while self.slots.count > self.denseLimit { self.retireFront() }
        self.trimFront()
    }

    private func index(of key: UInt64) -> Int? {
        guard key >= self.base, key - self.base < UInt64(self.slots.count) else { return nil }
        return Int(key - self.base)
    }

    private mutating func retireFront() {
        if let element = self.slots.removeFirst() { self.stragglers[self.base] = element }
        self.base += 1
    }

    private mutating func trimFront() {
        while !self.slots.isEmpty, self.slots[0] == nil {
            self.slots.removeFirst()
            self.base += 1
        }
    }
}
