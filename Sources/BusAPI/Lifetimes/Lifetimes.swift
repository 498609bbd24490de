// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusNode
import BusWire
import BusZeroMQ

/// Who wants to hear of the death of what this process holds or owns, and of the last holders of
/// what it owns.
final class Lifetimes: Sendable {
    typealias DeathBody = @Sendable (DeathReason) async -> Void
    typealias UnheldBody = @Sendable () async -> Void

    private struct State {
        var last = 0
        /// By who is watched; own objects under no incarnation, as they outlive one.
        var deaths: [Reference: [Int: DeathBody]] = [:]
        var unheld: [ObjectNumber: [Int: UnheldBody]] = [:]

        mutating func next() -> Int {
            self.last += 1
            return self.last
        }
    }

    private let state = Locked(State())
    private let node: Node

    init(_ node: Node) {
        self.node = node
    }

    /// Where an own object is watched.
    static func key(_ object: ObjectNumber) -> Reference {
        Reference(owner: .broker, object: object)
    }

    func addDeath(of key: Reference, _ body: @escaping DeathBody) -> LifetimeWatch {
        let number = self.state.withLock { state in
            let number = state.next()
            state.deaths[key, default: [:]][number] = body
            return number
        }
        return LifetimeWatch { [weak self] in
            _ = self?.state.withLock { Self.remove(number, of: key, from: &$0.deaths) }
        }
    }

    func addUnheld(of object: ObjectNumber, _ body: @escaping UnheldBody) -> LifetimeWatch {
        let number = self.state.withLock { state in
            let number = state.next()
            state.unheld[object, default: [:]][number] = body
            return number
        }
        self.node.watchHolders(of: object, true)
        return LifetimeWatch { [weak self] in
            _ = self?.state.withLock { Self.remove(number, of: object, from: &$0.unheld) }
        }
    }

    /// What is removed is returned, to be dropped outside of the lock.
    private static func remove<Key: Hashable, Body>(
        _ number: Int, of key: Key, from bodies: inout [Key: [Int: Body]]
    ) -> Body? {
        let body = bodies[key]?.removeValue(forKey: number)
        if bodies[key]?.isEmpty == true { bodies[key] = nil }
        return body
    }

    func died(_ key: Reference, _ reason: DeathReason) {
        let bodies = self.state.withLock { $0.deaths.removeValue(forKey: key) ?? [:] }
        for (_, body) in bodies.sorted(by: { $0.key < $1.key }) {
            Task(executorPreference: self.node.executor) { await body(reason) }
        }
    }

    func unheld(_ object: ObjectNumber) {
        let bodies = self.state.withLock { $0.unheld[object] ?? [:] }
        for (_, body) in bodies.sorted(by: { $0.key < $1.key }) {
            Task(executorPreference: self.node.executor) { await body() }
        }
        if bodies.isEmpty { self.node.watchHolders(of: object, false) }
    }

    /// An own object is gone. Under whatever lock its last user had: nothing is called here.
    func resigned(_ object: ObjectNumber) {
        let dropped = self.state.withLock { $0.unheld.removeValue(forKey: object) }
        withExtendedLifetime(dropped) {}
        self.died(Self.key(object), .released)
    }

    /// The bus is closed: what is left is released.
    func closed() {
        let keys = self.state.withLock { $0.deaths.keys.sorted() }
        for key in keys { self.died(key, .released) }
    }
}

/// What stops a callback of `onDeath` or `onUnheld`; dropping it does not.
public final class LifetimeWatch: Sendable {
    private let end: @Sendable () -> Void

    init(_ end: @escaping @Sendable () -> Void) {
        self.end = end
    }

    /// The callback is not run from now on, unless it has been begun. Once more does no harm.
    public func cancel() { self.end() }
}
