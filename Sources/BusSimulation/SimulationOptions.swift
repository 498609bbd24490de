// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

import BusWire

/// What the arguments of `objbus simulate` ask for.
struct SimulationOptions {
    static let usage = """
        simulate [--seed N] [--seeds COUNT] [--steps N] [--nodes N] [--only FAULT,FAULT] \
        [--canary NAME] [--shrink] [--script NAME|all] [--fault FAULT@N] [--boundaries 1|2] \
        [--brief] [--trace] [--quiet]
        """

    private(set) var seed: UInt64 = 1
    /// Nil unless asked for.
    private var count: UInt64?
    private(set) var steps = 1_000
    private(set) var nodes = 4
    private(set) var canary: Canary?
    /// The kinds of faults that may happen; nil for all.
    private(set) var faults: Set<FaultRates.Kind>?
    private(set) var scripts: [SimulationScript] = []
    private(set) var boundaryFaults: [BoundaryFault] = []
    /// How many faults are combined in a sweep; nil for no sweep.
    private(set) var depth: Int?
    private(set) var isBrief = false
    private(set) var shrinks = false
    private var wantsTrace = false
    private var isQuiet = false

    init(_ arguments: [String]) throws(BusError) {
        var rest = arguments[...]
        while let option = rest.popFirst() {
            if self.setFlag(option) { continue }
            guard let text = rest.popFirst() else {
                throw BusError(.invalid, "\(option) needs a value; usage: \(Self.usage)")
            }
            if try !self.setName(option, text) { try self.setNumber(option, text) }
        }
        if self.depth != nil, self.scripts.isEmpty { self.scripts = SimulationScript.all }
    }

    var seeds: Range<UInt64> { self.seed..<self.seed + (self.count ?? 1) }

    /// A line per event is what one wants of one story, and not of many.
    var isTraced: Bool {
        self.wantsTrace
            || !(self.isQuiet || self.count != nil || self.scripts.count > 1 || self.shrinks)
    }

    /// The plan of one seed, where nothing is scripted.
    func plan(_ seed: UInt64) -> SimulationPlan {
        var plan = SimulationPlan(seed: seed, steps: self.steps, nodes: self.nodes)
        if let faults { plan.faults.keep(faults) }
        plan.canary = self.canary
        plan.isTraced = self.isTraced
        return plan
    }

    private mutating func setFlag(_ option: String) -> Bool {
        switch option {
        case "--trace": self.wantsTrace = true
        case "--quiet": self.isQuiet = true
        case "--brief": self.isBrief = true
        case "--shrink": self.shrinks = true
        default: return false
        }
        return true
    }

    private mutating func setName(_ option: String, _ text: String) throws(BusError) -> Bool {
        switch option {
        case "--canary":
            self.canary = try Self.known(Canary(rawValue: text), text, Canary.allCases)
        case "--only" where text == "none":
            self.faults = []
        case "--only":
            var faults: Set<FaultRates.Kind> = []
            for name in text.split(separator: ",") {
                let kind = FaultRates.Kind(rawValue: String(name))
                faults.insert(try Self.known(kind, String(name), FaultRates.Kind.allCases))
            }
            self.faults = faults
        case "--script" where text == "all":
            self.scripts = SimulationScript.all
        case "--script":
            guard let script = SimulationScript.named(text) else {
                let all = SimulationScript.all.map(\.name).joined(separator: ", ")
                throw BusError(.invalid, "there is no script \(text), only \(all)")
            }
            self.scripts.append(script)
        case "--fault":
            guard let fault = BoundaryFault(text) else {
                throw BusError(
                    .invalid,
                    "\(text) is no fault; there are cut1@3, cut1/up@3, silence1@3, crash1@3, and "
                        + "restart@3; with a + behind, it happens just before the next message")
            }
            self.boundaryFaults.append(fault)
        default:
            return false
        }
        return true
    }

    private static func known<Name: RawRepresentable<String>>(
        _ name: Name?, _ text: String, _ all: [Name]
    ) throws(BusError) -> Name {
        if let name { return name }
        let names = all.map(\.rawValue).joined(separator: ", ")
        throw BusError(.invalid, "\(text) is not known, only \(names)")
    }

    private mutating func setNumber(_ option: String, _ text: String) throws(BusError) {
        guard let number = UInt64(text), number < 1 << 62 else {
            throw BusError(.invalid, "\(text) is not a number")
        }
        switch option {
        case "--seed": self.seed = number
        case "--seeds" where number > 0: self.count = number
        case "--steps": self.steps = Int(number)
        case "--nodes" where (1...64).contains(number): self.nodes = Int(number)
        case "--boundaries" where (1...2).contains(number): self.depth = Int(number)
        default: throw BusError(.invalid, "\(option) \(text) is not known; usage: \(Self.usage)")
        }
    }
}
