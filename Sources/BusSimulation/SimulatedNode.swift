// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

import BusKernel
import BusNodeCore
import BusWire

/// An object of a node's application.
struct SimulatedObject: Sendable {
    /// The application itself keeps it.
    var isRooted = true
    /// The core asked to keep it.
    var isRetained = false
    var isFreed = false
}

/// The one living token of a held reference, and how many variables of the application share it.
struct SimulatedToken: Sendable {
    let reference: Reference
    var generation: TokenGeneration
    var uses: Int
}

/// A call that runs.
struct SimulatedHandler: Sendable {
    let id: Int
    let call: Int
    /// Nil for a one-way call.
    let identity: CallIdentity?
    /// The call that it made and waits for.
    var awaits: Int?
    var isCancelled = false
}

/// A call as the one who made it sees it.
struct SimulatedCall: Sendable {
    enum Purpose: Hashable, Sendable {
        case object
        case find(String)
        case publish(String, ObjectNumber)
        case withdraw(String)
        case withdrawAll
        case ping
    }

    let id: Int
    let node: Int
    let caller: IncarnationID
    let target: Reference
    let references: [Reference]
    let purpose: Purpose
    let isOneWay: Bool
    /// Nil if it says nothing of a name.
    let aim: SimulatedAim?
    let issuedAt: Tick
    /// What a script says of it.
    let script: SimulationScript.Call?
    var number: CallNumber?
    var chain: ChainID?
    /// The handler that waits for it.
    var parent: Int?
    var isEnded = false
    /// How it ended, if not with an answer.
    var error: BusError?
    /// Its caller's process is gone.
    var isOrphan = false
    var starts = 0
    var isFinished = false
    /// Somebody said that it was not executed and will not be.
    var mustNotStart = false

    /// All incarnations whose end would explain its own.
    var concerned: [IncarnationID] {
        [self.caller, self.target.owner] + self.references.map(\.owner)
    }
}

/// One node: the core, and the state of a made-up application and shell around it.
struct SimulatedNode: Sendable {
    let index: Int
    /// Counts the processes that this node has been.
    var run = 0
    var core: NodeStateMachine?
    /// Where the shell's sockets are.
    var link: Int?
    /// By number; number 1 is the first.
    var objects: [SimulatedObject] = []
    var tokens: [SimulatedToken] = []
    var handlers: [SimulatedHandler] = []
    /// Every name that it has ever tried to publish.
    var names: Set<String> = []
    /// What names meant when it found them last.
    var bindings: [String: SimulatedBinding] = [:]
    var objectsAlive = 0
    /// Nil unless the node has been told to end.
    var drain: SimulatedDrain?

    init(index: Int) {
        self.index = index
    }

    subscript(object: ObjectNumber) -> SimulatedObject? {
        let index = Int(clamping: object.rawValue) - 1
        return self.objects.indices.contains(index) ? self.objects[index] : nil
    }

    func position(of reference: Reference) -> Int? {
        self.tokens.firstIndex { $0.reference == reference }
    }

    var canAct: Bool { self.core?.incarnation != nil }
}

/// Knows which call's outcome it waits for.
final class SimulatedWaiter: OutcomeReceiver {
    let call: Int

    init(call: Int) {
        self.call = call
    }

    /// Never called: the simulated shell gives outcomes to the world.
    func resume(_ outcome: CallOutcome) {}
}
