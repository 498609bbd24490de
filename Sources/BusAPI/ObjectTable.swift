// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusNodeCore
import BusWire
import BusZeroMQ
import DequeModule
import Distributed
import Synchronization

/// The objects of this process by number: weakly, and strongly while others hold them.
final class ObjectTable: Sendable {
    private struct Entry {
        weak var object: (any DistributedActor)?
        var retained: (any DistributedActor)?
        /// Who others hold before the actor is ready to be held.
        var isRetained = false
    }

    /// A retained object that dispatches its calls itself.
    private enum Dispatching {
        case object(any BusObjectProtocol)
        case mailbox(Mailbox)
    }

    private struct State {
        var last: UInt64 = 0
        var entries: [ObjectNumber: Entry] = [:]
        /// What is retained, as most calls want it: a cast, or a copy of an entry with its weak
        /// reference, for each call costs more.
        var dispatching: [ObjectNumber: Dispatching] = [:]
        /// Whose mailboxes were made, in this order; some have ended since.
        var mailboxes: Deque<ObjectNumber> = []

        mutating func retain(_ object: (any DistributedActor)?, _ number: ObjectNumber) {
            self.entries[number]?.retained = object
            if case .mailbox(let mailbox) = self.dispatching[number] {
                _ = mailbox.letGo(false)
            } else {
                self.dispatching[number] = (object as? any BusObjectProtocol).map { .object($0) }
            }
        }

        /// Ends the mailbox made first if there are many; returns what must be dropped under no
        /// lock.
        mutating func retireMailbox() -> Mailbox? {
            guard self.mailboxes.count > ObjectTable.mailboxesMax,
                let number = self.mailboxes.popFirst(),
                case .mailbox(let mailbox) = self.dispatching[number]
            else { return nil }
            if mailbox.endIfIdle() {
                self.dispatching[number] = .object(mailbox.object)
            } else {
                self.mailboxes.append(number)
            }
            return mailbox
        }
    }

    /// Mailboxes kept for objects without calls, each of which has a task that waits.
    static let mailboxesMax = 64

    private let state = Locked(State())
    /// Whether there are more; written under the lock.
    private let isCrowded = Atomic<Bool>(false)

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

    /// The mailbox of an object, if it has one.
    func mailbox(of number: ObjectNumber) -> Mailbox? {
        self.state.withLock { state in
            if case .mailbox(let mailbox) = state.dispatching[number] { mailbox } else { nil }
        }
    }

    /// Makes a mailbox for an object that has none, if others hold it and it dispatches calls
    /// itself. On the thread that receives.
    func makeMailbox(for number: ObjectNumber, _ bus: Bus) -> Mailbox? {
        let (made, retired) = self.state.withLock { state -> (Mailbox?, Mailbox?) in
            guard case .object(let object) = state.dispatching[number] else { return (nil, nil) }
            let mailbox = Mailbox(object, number, bus)
            state.dispatching[number] = .mailbox(mailbox)
            state.mailboxes.append(number)
            defer { self.noteCrowd(state) }
            return (mailbox, state.retireMailbox())
        }
        withExtendedLifetime(retired) {}
        made?.begin()
        return made
    }

    /// Whether a mailbox without calls has ended, since many objects had calls at once. For its
    /// task, before it waits.
    func endsInCrowd(_ mailbox: Mailbox, _ number: ObjectNumber) -> Bool {
        guard self.isCrowded.load(ordering: .relaxed) else { return false }
        return self.state.withLock { state in
            guard state.mailboxes.count > Self.mailboxesMax, mailbox.endIfWithoutCalls() else {
                return false
            }
            if case .mailbox(let current) = state.dispatching[number], current === mailbox {
                state.dispatching[number] = .object(mailbox.object)
            }
            state.mailboxes.removeAll { $0 == number }
            self.noteCrowd(state)
            return true
        }
    }

    private func noteCrowd(_ state: State) {
        self.isCrowded.store(state.mailboxes.count > Self.mailboxesMax, ordering: .relaxed)
    }

    /// Cancels a call, if a mailbox is in it.
    func cancel(_ identity: CallIdentity) {
        for mailbox in self.mailboxes { mailbox.cancel(identity) }
    }

    /// Cancels the calls that mailboxes are in.
    func cancelAll() {
        for mailbox in self.mailboxes { mailbox.cancelRunning() }
    }

    var mailboxCount: Int { self.mailboxes.count }

    private var mailboxes: [Mailbox] {
        self.state.withLock { state in
            state.mailboxes.compactMap { number in
                if case .mailbox(let mailbox) = state.dispatching[number] { mailbox } else { nil }
            }
        }
    }

    /// Whether a mailbox without calls has ended. For its task.
    func ends(_ mailbox: Mailbox, _ number: ObjectNumber) -> Bool {
        self.state.withLock { state in
            guard mailbox.endIfLetGo() else { return false }
            if case .mailbox(let current) = state.dispatching[number], current === mailbox {
                state.dispatching[number] = nil
            }
            return true
        }
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
            let object = state.entries[number]?.retained.take()
            guard case .mailbox(let mailbox) = state.dispatching[number] else {
                state.dispatching[number] = nil
                return object
            }
            // Else it goes when its last call has started.
            if mailbox.letGo(true) { state.dispatching[number] = nil }
            return mailbox
        }
    }

    /// Stops keeping anything alive; returns what must be dropped under no lock.
    func releaseAll() -> [AnyObject] {
        let numbers = self.state.withLock { Array($0.dispatching.keys) }
        // Order-free: each by itself.
        let dispatching = numbers.compactMap { self.release($0) }
        return dispatching
            + self.state.withLock { state in
                let others = state.entries.values.compactMap(\.retained)
                for number in state.entries.keys { state.entries[number]?.retained = nil }
                return others
            }
    }
}
