// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock; all randomness comes from the seed.

package import BusBrokerCore
import BusKernel
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
    /// What the applications do, instead of acting by chance.
    package var script: SimulationScript?
    /// What goes wrong at the boundaries of the script's messages.
    package var boundaryFaults: [BoundaryFault] = []
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
        if faults == nil { self.faults.drawTampering(from: &random) }
        // So is a credit of a few messages.
        if random.below(3) == 0 {
            self.brokerLimits.waitingBytesPerNode = 300 + Int(random.below(2_000))
        }
        // Drawn last, so that seeds of the time before tell the same stories without it.
        if faults == nil { self.faults.drawEnds(from: &random) }
    }

    /// A plan in which the applications do what `script` says, and nothing goes wrong but
    /// `faults`; the seed decides how long each message takes.
    package init(_ script: SimulationScript, seed: UInt64, faults: [BoundaryFault] = []) {
        self.seed = seed
        self.steps = .max
        self.nodes = script.nodes
        self.faults = FaultRates()
        self.script = script
        self.boundaryFaults = faults
        self.checkInterval = 1
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
