// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusSimulation

/// What goes wrong in a simulated world; no choice of them harms a call that expects an answer.
public struct SimulatedFaults: OptionSet, Hashable, Sendable {
    /// One bit per kind.
    public let rawValue: Int

    /// Makes a choice from its bits.
    public init(rawValue: Int) {
        self.rawValue = rawValue
    }

    /// A node loses its link: of what is under way in either direction a part arrives, or nothing.
    public static let linkLosses = SimulatedFaults(rawValue: 1 << 0)
    /// One message vanishes, which is noticed when the next one comes.
    public static let lostMessages = SimulatedFaults(rawValue: 1 << 1)
    /// A link stands still for up to 20 ms.
    public static let delays = SimulatedFaults(rawValue: 1 << 2)
    /// The broker dies and starts again with nothing but its key; all links are lost.
    public static let brokerRestarts = SimulatedFaults(rawValue: 1 << 3)

    /// Everything that there is.
    public static let all: SimulatedFaults = [
        .linkLosses, .lostMessages, .delays, .brokerRestarts,
    ]

    /// As a list in which a kind stands the more often the more likely it is.
    var shares: [SimulatedNetwork.Fault] {
        var shares: [SimulatedNetwork.Fault] = []
        if self.contains(.linkLosses) { shares += [.linkLoss, .linkLoss, .linkLoss] }
        if self.contains(.lostMessages) { shares += [.gap] }
        if self.contains(.delays) { shares += [.stall] }
        if self.contains(.brokerRestarts) { shares += [.brokerRestart, .brokerRestart] }
        return shares
    }
}

/// What has gone wrong in a simulated world so far.
public struct SimulationReport: Hashable, Sendable {
    /// Messages that have arrived at a node or at the broker.
    public let messages: Int
    /// Links that were lost by themselves; a restart of the broker ends all others too.
    public let linksLost: Int
    /// How often the broker died and was started again.
    public let brokerRestarts: Int
    /// What arrived when, as one number: equal for runs that took the same course.
    public let digest: UInt64
}
