// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusWire
import BusZeroMQ
import Distributed

/// The objects of this process by number: weakly, and strongly while others hold them.
final class ObjectTable: Sendable {
    private struct Entry {
        weak var object: (any DistributedActor)?
        var retained: (any DistributedActor)? {
            didSet { self.dispatching = self.retained as? any BusObjectProtocol }
        }
        /// What is retained, as what most calls want it: a cast for each call costs more.
        private(set) var dispatching: (any BusObjectProtocol)?
        /// Who others hold before the actor is ready to be held.
        var isRetained = false
    }

    private struct State {
        var last: UInt64 = 0
        var entries: [ObjectNumber: Entry] = [:]
    }

    private let state = Locked(State())

    func assign() -> ObjectNumber {
        self.state.withLock { state in
            state.last += 1
            let number = ObjectNumber(rawValue: state.last)
            state.entries[number] = Entry()
            return number
        }
    }

    func ready(_ object: any DistributedActor, _ number: ObjectNumber) {
        self.state.withLock { state in
            state.entries[number]?.object = object
            if state.entries[number]?.isRetained ?? false {
                state.entries[number]?.retained = object
            }
        }
    }

    func resign(_ number: ObjectNumber) {
        self.state.withLock { $0.entries[number] = nil }
    }

    func object(_ number: ObjectNumber) -> (any DistributedActor)? {
        self.state.withLock { state in
            guard let index = state.entries.index(forKey: number) else { return nil }
            // Without a look at the weak one, if that can be spared.
            return state.entries.values[index].retained ?? state.entries.values[index].object
        }
    }

    /// An object that others hold, if it dispatches calls itself.
    func dispatching(_ number: ObjectNumber) -> (any BusObjectProtocol)? {
        self.state.withLock { state in
            guard let index = state.entries.index(forKey: number) else { return nil }
            return state.entries.values[index].dispatching
        }
    }

    func retain(_ number: ObjectNumber) {
        self.state.withLock { state in
            guard var entry = state.entries[number] else { return }
            entry.isRetained = true
            entry.retained = entry.object
            state.entries[number] = entry
        }
    }

    /// Returns what must be dropped under no lock.
    func release(_ number: ObjectNumber) -> AnyObject? {
        self.state.withLock { state in
            state.entries[number]?.isRetained = false
            return state.entries[number]?.retained.take()
        }
    }

    /// Stops keeping anything alive; returns what must be dropped under no lock.
    func releaseAll() -> [any DistributedActor] {
        self.state.withLock { state in
            let all = state.entries.values.compactMap(\.retained)
            for number in state.entries.keys { state.entries[number]?.retained = nil }
            return all
        }
    }
}
