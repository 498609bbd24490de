// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/names.md; rules R16.

import BusNodeCore
import BusWire
import BusZeroMQ

/// A name and what it was resolved to last, for references that follow their name.
final class NameBinding: Sendable {
    private struct Resolved {
        var found: FoundName
        /// Among the replicas that the name means; nil if it means one object.
        var choice: ReplicaChoice?

        /// What is passed on, watched, or looked at: it is nobody's turn for that.
        var present: HeldReference {
            self.choice.map { self.found.replicas[$0.turn] } ?? self.found.held
        }
    }

    let name: String
    private let bus: Bus
    private let resolved: Locked<Resolved>

    init(_ name: String, _ bus: Bus, _ found: FoundName) {
        self.name = name
        self.bus = bus
        let choice = found.policy.map {
            ReplicaChoice($0, found.replicas.map(\.reference), start: bus.nextStart())
        }
        self.resolved = Locked(Resolved(found: found, choice: choice))
    }

    var current: HeldReference { self.resolved.withLock { $0.present } }

    /// Whether the name meant replicas.
    var isGroup: Bool { self.resolved.withLock { $0.choice != nil } }

    /// The number of the head that the name meant then; nil for replicas, which have none.
    var fence: UInt64? { self.resolved.withLock { $0.choice == nil ? $0.found.fence : nil } }

    /// What the next call goes to.
    ///
    /// - Parameter avoided: of several replicas not this one.
    func aim(avoiding avoided: Reference? = nil) -> CallAim {
        self.resolved.withLock { resolved in
            guard let place = resolved.choice?.choose(avoiding: avoided) else {
                return CallAim(resolved.found.held)
            }
            var aim = CallAim(resolved.found.replicas[place])
            aim.members = resolved.found.fence
            if resolved.found.policy == .leastOutstanding {
                aim.turn = ReplicaTurn(self, aim.held.reference)
            }
            return aim
        }
    }

    /// Asks the broker again, unless somebody has since `former` failed; what the call goes to now.
    func resolve(after former: CallAim) async throws -> CallAim {
        if self.isPresent(former) {
            let found = try await self.bus.resolve(self.name)
            let replaced = self.replace(by: found)
            withExtendedLifetime(replaced) {}
        }
        return self.aim(avoiding: former.held.reference)
    }

    private func isPresent(_ former: CallAim) -> Bool {
        self.resolved.withLock { resolved in
            resolved.choice == nil
                ? resolved.found.held == former.held : resolved.found.fence == former.members
        }
    }

    /// Returns what it was resolved to before, whose tokens must not die under the lock.
    private func replace(by found: FoundName) -> FoundName {
        self.resolved.withLock { resolved in
            let old = resolved.found
            resolved.found = found
            let members = found.replicas.map(\.reference)
            switch (found.policy, resolved.choice) {
            case (nil, _): resolved.choice = nil
            case (let policy?, nil):
                resolved.choice = ReplicaChoice(policy, members, start: self.bus.nextStart())
            case (let policy?, _?): resolved.choice?.replace(policy, members)
            }
            return old
        }
    }

    /// A call that was given to a replica has ended.
    fileprivate func ended(at reference: Reference) {
        self.resolved.withLock { $0.choice?.ended(at: reference) }
    }
}

/// What one call goes to.
struct CallAim {
    var held: HeldReference
    /// The number of the replicas of which it was chosen; 0 if there was nothing to choose.
    var members: UInt64 = 0
    /// Of a replica whose outstanding calls are counted.
    var turn: ReplicaTurn?

    init(_ held: HeldReference) {
        self.held = held
    }
}

/// One call at one replica, from its choice to its end, which is that of this object.
final class ReplicaTurn: Sendable {
    private let binding: NameBinding
    private let reference: Reference

    init(_ binding: NameBinding, _ reference: Reference) {
        (self.binding, self.reference) = (binding, reference)
    }

    deinit {
        self.binding.ended(at: self.reference)
    }
}
