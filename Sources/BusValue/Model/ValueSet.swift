// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// Distinct values, kept in the order of their encodings so that equal sets look alike everywhere.
public struct ValueSet: Sendable, Hashable {
    /// The members in encoding order.
    public private(set) var members: [Value]

    /// Makes an empty set.
    public init() {
        members = []
    }

    /// Makes a set; members that occur again are dropped.
    public init(_ elements: some Sequence<Value>) {
        members = Array(elements)
        if ValueSet.isSorted(members) { return }
        members.sort { Value.canonicalOrder($0, $1) < 0 }
        var kept: [Value] = []
        kept.reserveCapacity(members.count)
        for member in members where kept.last != member { kept.append(member) }
        members = kept
    }

    /// Whether the value is a member.
    public func contains(_ member: Value) -> Bool {
        position(of: member).found
    }

    /// Adds a member; returns false when it was there already.
    @discardableResult public mutating func insert(_ member: Value) -> Bool {
        let place = position(of: member)
        if !place.found { members.insert(member, at: place.index) }
        return !place.found
    }

    /// Removes a member; returns false when it was not there.
    @discardableResult public mutating func remove(_ member: Value) -> Bool {
        let place = position(of: member)
        if place.found { members.remove(at: place.index) }
        return place.found
    }

    private func position(of member: Value) -> (index: Int, found: Bool) {
        binarySearch(count: members.count) { Value.canonicalOrder(members[$0], member) }
    }

    private static func isSorted(_ members: [Value]) -> Bool {
        zip(members, members.dropFirst()).allSatisfy { Value.canonicalOrder($0, $1) < 0 }
    }
}

extension ValueSet: RandomAccessCollection, ExpressibleByArrayLiteral {
    /// Always 0.
    public var startIndex: Int { 0 }

    /// The count.
    public var endIndex: Int { members.count }

    /// The member at a place in encoding order; the place must be within bounds.
    public subscript(position: Int) -> Value { members[position] }

    /// A set written out; members that occur again are dropped.
    public init(arrayLiteral elements: Value...) {
        self.init(elements)
    }
}

/// Finds the place of something in `count` sorted things; `order` compares the thing at a place
/// with it.
func binarySearch(count: Int, order: (Int) -> Int) -> (index: Int, found: Bool) {
    var (low, high) = (0, count)
    while low < high {
        let middle = (low + high) / 2
        let result = order(middle)
        if result == 0 { return (middle, true) }
        if result < 0 { low = middle + 1 } else { high = middle }
    }
    return (low, false)
}
