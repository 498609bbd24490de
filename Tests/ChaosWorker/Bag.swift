// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import BusZeroMQ
import ChaosChecks

/// The objects that a process holds, its own and others'.
final class Bag: Sendable {
    /// More than these are dropped.
    private static let most = 64

    struct Entry: Sendable {
        let parcel: Parcel
        /// In which incarnation it came; nil if the object is this process's own.
        let incarnation: IncarnationID?
    }

    private let bus: Bus
    private let journal: Journal
    private let entries = Locked<[Entry]>([])

    init(_ bus: Bus, _ journal: Journal) {
        (self.bus, self.journal) = (bus, journal)
    }

    func make() -> Parcel { Parcel(self.journal, actorSystem: self.bus) }

    func put(_ parcel: Parcel) {
        let present = self.bus.incarnation
        let isOwn = parcel.id.reference.owner == present
        let dropped = self.entries.withLock { entries in
            entries.append(Entry(parcel: parcel, incarnation: isOwn ? nil : present))
            return entries.count > Self.most ? entries.remove(at: 0) : nil
        }
        // Not under the lock: it may be the last to hold it.
        withExtendedLifetime(dropped) {}
    }

    /// One of them; what came in an incarnation that has ended is worth nothing, and forgotten.
    func pick() -> Entry? { self.choose { $0[$1] } }

    /// The same, and it is not kept any more.
    func take() -> Entry? { self.choose { $0.remove(at: $1) } }

    private func choose(_ body: (inout [Entry], Int) -> Entry) -> Entry? {
        let present = self.bus.incarnation
        var worthless: [Entry] = []
        let entry = self.entries.withLock { entries -> Entry? in
            worthless = entries.filter { $0.incarnation != nil && $0.incarnation != present }
            if !worthless.isEmpty {
                entries.removeAll { $0.incarnation != nil && $0.incarnation != present }
            }
            return entries.indices.randomElement().map { body(&entries, $0) }
        }
        withExtendedLifetime(worthless) {}
        return entry
    }

    func callSome() async {
        if let entry = self.pick() { await self.call(entry) }
    }

    /// Calls all that is held, which is there.
    func check() async {
        _ = self.pick()
        for entry in self.entries.withLock({ $0 }) { await self.call(entry) }
    }

    /// Nothing is held any more.
    func clear() {
        let all = self.entries.withLock { entries in
            defer { entries = [] }
            return entries
        }
        withExtendedLifetime(all) {}
    }

    private func call(_ entry: Entry) async {
        let reference = entry.parcel.id.reference
        await self.attempt(with: entry) {
            let number = try await entry.parcel.number()
            guard number != Int(reference.object.rawValue) else { return }
            self.journal.refused(
                reference.owner, since: MonotonicClock.now(), .answered(number))
        }
    }

    /// Does something with what is held, and writes it down if it fails for no common reason.
    ///
    /// - Returns: Whether it succeeded.
    @discardableResult
    func attempt(with entry: Entry, _ body: () async throws -> Void) async -> Bool {
        let begun = MonotonicClock.now()
        do {
            try await body()
            return true
        } catch {
            let outcome = outcome(of: error)
            // Somebody has ended, stands still, or was killed while it called us.
            if case .failed(let kind, _) = outcome,
                [.disconnected, .overloaded, .cancelled].contains(kind)
            {
                return false
            }
            self.journal.refused(entry.parcel.id.reference.owner, since: begun, outcome)
        }
        return false
    }
}
