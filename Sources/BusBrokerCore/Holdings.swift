// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

import BusWire

/// Who holds one reference, sorted by node. Mostly it is one node, for which nothing is allocated.
package struct Holdings: RandomAccessCollection, Hashable, Sendable {
    private static let none = HolderTable.Holding(
        node: NodeSlot(Int(UInt32.max)), generation: .none, count: 0)
    /// The first one; `none` if there are none.
    private var head = Self.none
    private var tail: [HolderTable.Holding] = []

    package init() {}

    package var startIndex: Int { 0 }
    package var endIndex: Int { self.head.node == Self.none.node ? 0 : self.tail.count + 1 }

    package subscript(index: Int) -> HolderTable.Holding {
        index == 0 ? self.head : self.tail[index - 1]
    }

    package subscript(node: NodeSlot) -> HolderTable.Holding? {
        if self.head.node == node { return self.head }
        let (index, found) = self.place(of: node)
        return found ? self.tail[index] : nil
    }

    /// Changes what `node` holds; false if it holds nothing.
    mutating func change(
        _ node: NodeSlot, _ body: (inout HolderTable.Holding) -> Void
    ) -> Bool {
        if self.head.node == node {
            body(&self.head)
            return true
        }
        let (index, found) = self.place(of: node)
        if found { body(&self.tail[index]) }
        return found
    }

    mutating func changeAll(_ body: (inout HolderTable.Holding) -> Void) {
        if !self.isEmpty { body(&self.head) }
        for index in self.tail.indices { body(&self.tail[index]) }
    }

    /// Adds a holding of a node that has none.
    mutating func insert(_ holding: HolderTable.Holding) {
        if self.isEmpty {
            self.head = holding
        } else if holding.node < self.head.node {
            self.tail.insert(self.head, at: 0)
            self.head = holding
        } else {
            self.tail.insert(holding, at: self.place(of: holding.node).index)
        }
    }

    mutating func remove(_ node: NodeSlot) {
        if self.head.node == node {
            self.head = self.tail.isEmpty ? Self.none : self.tail.removeFirst()
        } else if case (let index, true) = self.place(of: node) {
            self.tail.remove(at: index)
        }
    }

    private func place(of node: NodeSlot) -> (index: Int, found: Bool) {
        var low = 0
        var high = self.tail.count
        while low < high {
            let middle = (low + high) / 2
            if self.tail[middle].node < node { low = middle + 1 } else { high = middle }
        }
        return (low, low < self.tail.count && self.tail[low].node == node)
    }
}
