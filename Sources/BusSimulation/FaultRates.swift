// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock; all randomness comes from the seed.

package import BusKernel

/// How often what goes wrong, each in events (or messages) per ten thousand.
package struct FaultRates: Hashable, Sendable {
    /// What can go wrong, by the names that the command uses.
    package enum Kind: String, CaseIterable, Sendable {
        case linkLoss = "link-loss"
        case silentLoss = "silent-loss"
        case gap
        case duplicate
        case swap
        case garble
        case stall
        case brokerRestart = "broker-restart"
        case crash
        case goodbye
        case fullPipe = "full-pipe"
        case hostile
        case brokerStop = "broker-stop"
        case drain
    }

    /// A link breaks: of what is under way a prefix arrives, or nothing.
    package var linkLoss: UInt64 = 0
    /// A link breaks and nobody is told.
    package var silentLoss: UInt64 = 0
    /// One message in the middle vanishes.
    package var gap: UInt64 = 0
    /// One message in the middle comes twice.
    package var duplicate: UInt64 = 0
    /// Two messages change places.
    package var swap: UInt64 = 0
    /// One message becomes unreadable.
    package var garble: UInt64 = 0
    /// A link stands still for up to the length of a silence.
    package var stall: UInt64 = 0
    /// The broker dies and comes back after a while, with nothing but its key.
    package var brokerRestart: UInt64 = 0
    /// A node's process dies; another one starts later.
    package var crash: UInt64 = 0
    /// A node says goodbye; another one starts later.
    package var goodbye: UInt64 = 0
    /// A message of the broker meets a full pipe.
    package var fullPipe: UInt64 = 0
    /// A hostile peer sends something.
    package var hostile: UInt64 = 0
    /// The broker is told to end, tells all nodes, and comes back after a while.
    package var brokerStop: UInt64 = 0
    /// A node is told to end: what runs may finish, and then it says goodbye; another one starts.
    package var drain: UInt64 = 0

    /// Nothing goes wrong.
    package init() {}

    /// Each kind of fault is left out by half of all seeds.
    package init(drawnFrom random: inout RandomSource) {
        func rate(_ most: UInt64) -> UInt64 {
            random.below(2) == 0 ? 0 : 1 + random.below(most)
        }
        self.linkLoss = rate(200)
        self.silentLoss = rate(60)
        self.gap = rate(60)
        self.stall = rate(100)
        self.brokerRestart = rate(50)
        self.crash = rate(50)
        self.goodbye = rate(50)
        self.fullPipe = rate(60)
        self.hostile = rate(2_000)
    }

    /// What no transport does, and a hostile peer might: each is left out by three of four seeds.
    mutating func drawTampering(from random: inout RandomSource) {
        func rate(_ most: UInt64) -> UInt64 {
            random.below(4) > 0 ? 0 : 1 + random.below(most)
        }
        self.duplicate = rate(60)
        self.swap = rate(60)
        self.garble = rate(60)
    }

    /// Ends in good order: each is left out by half of all seeds.
    mutating func drawEnds(from random: inout RandomSource) {
        func rate(_ most: UInt64) -> UInt64 {
            random.below(2) == 0 ? 0 : 1 + random.below(most)
        }
        self.brokerStop = rate(50)
        self.drain = rate(60)
    }

    /// The rate of one kind.
    package subscript(kind: Kind) -> UInt64 {
        get { self[keyPath: Self.place(of: kind)] }
        set { self[keyPath: Self.place(of: kind)] = newValue }
    }

    /// The kinds that may happen.
    package var kinds: Set<Kind> { Set(Kind.allCases.filter { self[$0] > 0 }) }

    /// Leaves out all other kinds.
    package mutating func keep(_ kinds: Set<Kind>) {
        for kind in Kind.allCases where !kinds.contains(kind) { self[kind] = 0 }
    }

    private static func place(of kind: Kind) -> WritableKeyPath<FaultRates, UInt64> {
        switch kind {
        case .linkLoss: \.linkLoss
        case .silentLoss: \.silentLoss
        case .gap: \.gap
        case .duplicate: \.duplicate
        case .swap: \.swap
        case .garble: \.garble
        case .stall: \.stall
        case .brokerRestart: \.brokerRestart
        case .crash: \.crash
        case .goodbye: \.goodbye
        case .fullPipe: \.fullPipe
        case .hostile: \.hostile
        case .brokerStop: \.brokerStop
        case .drain: \.drain
        }
    }
}
