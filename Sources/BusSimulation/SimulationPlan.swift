// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock; all randomness comes from the seed.

package import BusBrokerCore
package import BusKernel
package import BusNodeCore

/// Everything that decides what a simulated world does: two runs of one plan are alike.
package struct SimulationPlan: Sendable {
    /// From where every random choice comes.
    package var seed: UInt64
    /// Events until the world is left to heal; healing comes on top.
    package var steps: Int
    /// Nodes at one broker, each with an application.
    package var nodes: Int
    /// How often what goes wrong.
    package var faults: FaultRates
    /// A bug to plant, which the checkers must find.
    package var canary: Canary?
    /// Whether lines are kept beside the digest.
    package var isTraced = false
    /// The counters are compared after each so-many-th event.
    package var checkInterval = 8
    package var brokerLimits = SimulationPlan.shortBrokerLimits
    package var nodeLimits = SimulationPlan.shortNodeLimits

    /// A plan whose faults are drawn from the seed: each seed tries another mixture.
    package init(seed: UInt64, steps: Int = 1_000, nodes: Int = 4, faults: FaultRates? = nil) {
        precondition((1...64).contains(nodes), "a world has 1 to 64 nodes")
        var random = RandomSource(seed: seed ^ 0x6661_756C_7473)
        self.seed = seed
        self.steps = steps
        self.nodes = nodes
        self.faults = faults ?? FaultRates(drawnFrom: &random)
        // Small windows fill; they are as legal as large ones.
        if random.below(3) == 0 { self.nodeLimits.callsPerPeer = 2 + Int(random.below(6)) }
        if random.below(4) == 0 { self.nodeLimits.idlePeers = 1 }
    }

    /// The broker's times, a hundredth of the real ones, so that few events pass between them.
    package static var shortBrokerLimits: BrokerLimits {
        var limits = BrokerLimits()
        limits.heartbeat = .milliseconds(10)
        limits.silence = .milliseconds(30)
        limits.resumeWindow = .milliseconds(25)
        limits.recoveryWindow = .milliseconds(60)
        limits.handshake = .milliseconds(30)
        return limits
    }

    /// The nodes' times, to match.
    package static var shortNodeLimits: NodeLimits {
        var limits = NodeLimits()
        limits.acknowledgeAfter = .milliseconds(3)
        limits.reconnectDelayMin = .milliseconds(1)
        limits.reconnectDelayMax = .milliseconds(8)
        limits.handshake = .milliseconds(20)
        return limits
    }
}

/// How often what goes wrong, each in events (or messages) per ten thousand.
package struct FaultRates: Hashable, Sendable {
    /// A link breaks: of what is under way a prefix arrives, or nothing.
    package var linkLoss: UInt64 = 0
    /// A link breaks and nobody is told.
    package var silentLoss: UInt64 = 0
    /// One message in the middle vanishes.
    package var gap: UInt64 = 0
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
}

/// A bug planted between core and transport. Each must be found, or the checkers are worth nothing.
package enum Canary: String, CaseIterable, Sendable {
    /// As if the broker forgot to count a copy now and then.
    case uncountedCopy = "uncounted-copy"
    /// HELLO says that one copy of each reference came, however many did.
    case helloSaysOne = "hello-says-one"
    /// As if the broker forgot a Release.
    case forgottenRelease = "forgotten-release"
    /// A call overtakes the one before it.
    case overtaking
    /// An answer is not sent, although its link lives.
    case swallowedAnswer = "swallowed-answer"
    /// A call is delivered a second time under another number.
    case repeatedCall = "repeated-call"
}
