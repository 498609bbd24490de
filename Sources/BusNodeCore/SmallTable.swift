// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

/// A dictionary that mostly has a few keys: comparing these is several times cheaper than hashing.
/// Values are changed where they lie, by index; an index holds until a key is removed.
///
/// It lies in the module that uses it: generic code of another one is not specialised.
struct SmallTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    /// With more keys than these there is an index, until there are fewer than half as many.
    private static var scannedMax: Int { 8 }

    private(set) var keys: [Key] = []
    var values: [Value] = []
    /// Where each key is; empty while keys are compared.
    private var places: [Key: Int] = [:]

    var count: Int { self.keys.count }

    /// A copy; by index, values can be read and changed in place.
    subscript(key: Key) -> Value? { self.index(of: key).map { self.values[$0] } }

    func index(of key: Key) -> Int? {
        guard self.places.isEmpty else { return self.places[key] }
        for index in self.keys.indices where self.keys[index] == key { return index }
        return nil
    }

    /// Adds a key that is not there yet; returns its index.
    @discardableResult
    mutating func append(_ value: Value, for key: Key) -> Int {
        let index = self.keys.count
        self.keys.append(key)
        self.values.append(value)
        if !self.places.isEmpty {
            self.places[key] = index
        } else if index >= Self.scannedMax {
            for (index, key) in self.keys.enumerated() { self.places[key] = index }
        }
        return index
    }

    /// The last key takes the index that comes free.
    mutating func remove(at index: Int) {
        let key = self.keys[index]
        self.keys.swapAt(index, self.keys.count - 1)
        self.values.swapAt(index, self.values.count - 1)
        self.keys.removeLast()
        self.values.removeLast()
        guard !self.places.isEmpty else { return }
        guard self.keys.count >= Self.scannedMax / 2 else { return self.places = [:] }
        self.places[key] = nil
        if index < self.keys.count { self.places[self.keys[index]] = index }
    }
}
