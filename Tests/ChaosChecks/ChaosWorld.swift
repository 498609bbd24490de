// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

/// How many processes a bus under chaos has, and of what.
package struct ChaosLayout: Hashable, Sendable {
    package var workers = 3
    /// That each worker has; the last of them is called with large arguments only.
    package var objects = 5
    package var clients = 2

    package init() {}

    /// All places for processes, the broker's first.
    package var slots: [ChaosSlot] {
        [.broker] + (0..<self.workers).map { .worker($0) } + (0..<self.clients).map { .client($0) }
    }

    /// Which place in a network a worker or a client has, counted from 0; nil for the broker.
    package func place(of slot: ChaosSlot) -> Int? {
        switch slot {
        case .broker: nil
        case .worker(let index): index
        case .client(let index): self.workers + index
        }
    }

    package var lanes: Int { self.workers * self.objects }

    /// The worker whose object has this number.
    package func worker(ofLane lane: Int) -> Int { lane / self.objects }

    /// Whether the object is called with large arguments, when its worker stands still.
    package func isBulk(_ lane: Int) -> Bool { lane % self.objects == self.objects - 1 }

    /// Whether callers stay with one owner of the object. Else they follow its name, and then the
    /// order of calls is not promised across a move (calls.md §8).
    package func isPinned(_ lane: Int) -> Bool { lane % 2 == 0 || self.isBulk(lane) }

    package func name(ofLane lane: Int) -> String {
        "chaos/\(self.worker(ofLane: lane))/\(lane % self.objects)"
    }

    /// The name of the object by which a worker makes and keeps others.
    package func market(of worker: Int) -> String { "chaos/\(worker)/market" }
}

/// A place that one process after another takes.
package enum ChaosSlot: Hashable, Sendable, CustomStringConvertible {
    case broker
    case worker(Int)
    case client(Int)

    package var role: String {
        switch self {
        case .broker: "broker"
        case .worker: "worker"
        case .client: "client"
        }
    }

    package var description: String {
        switch self {
        case .broker: "broker"
        case .worker(let index): "worker \(index)"
        case .client(let index): "client \(index)"
        }
    }
}

/// One process that there was.
package struct ChaosProcess: Hashable, Sendable {
    /// Among all processes.
    package var id: UInt16
    package var slot: ChaosSlot
    /// When a fault killed it, in nanoseconds; nil if none did.
    package var killed: UInt64?

    package init(id: UInt16, slot: ChaosSlot, killed: UInt64? = nil) {
        (self.id, self.slot, self.killed) = (id, slot, killed)
    }
}

/// One thing that went wrong.
package struct ChaosFault: Hashable, Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        /// SIGKILL, and another process soon after.
        case kill
        /// SIGSTOP, and SIGCONT after a while.
        case stop
        /// All connections of the process are shut down; or its cable is pulled for a while.
        case cut
        /// A worker stands still while clients send it all that its pipes take.
        case flood
        /// All processes are killed and started again, one after another.
        case turn
    }

    package var kind: Kind
    /// What it is done to; of `turn` the broker.
    package var slot: ChaosSlot
    /// From when until when, in nanoseconds.
    package var begin: UInt64
    package var end: UInt64

    package init(_ kind: Kind, _ slot: ChaosSlot, begin: UInt64, end: UInt64) {
        (self.kind, self.slot, self.begin, self.end) = (kind, slot, begin, end)
    }

    /// For people, and to count by.
    package var name: String {
        switch self.kind {
        case .turn: "turn"
        default: "\(self.kind.rawValue) \(self.slot.role)"
        }
    }

    /// Whether what was done can end an incarnation of the process in `slot`.
    func touches(_ slot: ChaosSlot) -> Bool {
        self.kind == .turn || self.slot == slot || self.slot == .broker
    }
}
