// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusWire
import BusZeroMQ
import Distributed

/// The objects of this process by number: weakly, and strongly while others hold them.
final class ObjectTable: Sendable {
    private struct Entry {
        weak var object: (any DistributedActor)?
        var retained: (any DistributedActor)?
        /// Who others hold before the actor is ready to be held.
        var isRetained = false
    }

    private struct State {
        var last: UInt64 = 0
        var entries: [ObjectNumber: Entry] = [:]
        /// What is retained, as most calls want it: a cast, or a copy of an entry with its weak
        /// reference, for each call costs more.
        var dispatching: [ObjectNumber: any BusObjectProtocol] = [:]

        mutating func retain(_ object: (any DistributedActor)?, _ number: ObjectNumber) {
            self.entries[number]?.retained = object
            self.dispatching[number] = object as? any BusObjectProtocol
        }
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
                state.retain(object, number)
            }
        }
    }

    func resign(_ number: ObjectNumber) {
        self.state.withLock { state in
            state.entries[number] = nil
            state.dispatching[number] = nil
        }
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
        self.state.withLock { $0.dispatching[number] }
    }

    func retain(_ number: ObjectNumber) {
        self.state.withLock { state in
            state.entries[number]?.isRetained = true
            state.retain(state.entries[number]?.object, number)
        }
    }

    /// Returns what must be dropped under no lock.
    func release(_ number: ObjectNumber) -> AnyObject? {
        self.state.withLock { state in
            state.entries[number]?.isRetained = false
            state.dispatching[number] = nil
            return state.entries[number]?.retained.take()
        }
    }

    /// Stops keeping anything alive; returns what must be dropped under no lock.
    func releaseAll() -> [any DistributedActor] {
        self.state.withLock { state in
            let all = state.entries.values.compactMap(\.retained)
            for number in state.entries.keys { state.entries[number]?.retained = nil }
            state.dispatching = [:]
            return all
        }
    }
}
