// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock; all randomness comes from the seed.

import BusKernel
import BusNodeCore
import BusWire

/// How far a script has come.
struct ScriptRun: Sendable {
    struct Object: Sendable {
        let node: Int
        /// The process that made it.
        let run: Int
        let reference: Reference
    }

    /// The next step.
    var position = 0
    var objects: [String: Object] = [:]
    /// Numbers in the world of the calls made, by the script's names.
    var numbers: [String: Int] = [:]
    /// Messages since `begin`; heartbeats and what opens links are not counted.
    var delivered = 0
    var hasBegun = false
    /// Places of the faults that have happened.
    var happened: Set<Int> = []
    /// Calls that will be made once more.
    var repetitions = 0
    /// Things that the script could not do, because a process had died.
    var skipped = 0
}

/// Applications that do what a script says.
extension SimulationWorld {
    /// Whether anything is to be done before the world is left to heal.
    var isBusy: Bool {
        guard let script = self.plan.script else { return self.stepCount < self.plan.steps }
        return self.script.position < script.steps.count
    }

    /// Does all steps that need not wait.
    mutating func advanceScript() {
        guard let script = self.plan.script else { return }
        while self.violation == nil, self.script.position < script.steps.count {
            let step = script.steps[self.script.position]
            guard self.isReady(for: step) else { return }
            self.script.position += 1
            self.perform(step)
        }
    }

    private func isReady(for step: SimulationScript.Step) -> Bool {
        switch step {
        case .make, .find, .call, .publish:
            self.nodes.allSatisfy { $0.canAct }
        case .messages(let count):
            self.script.delivered >= count || self.unfinished == nil
        case .calls:
            self.unfinished == nil
        case .rest:
            self.unfinished == nil && self.unsettled == nil && self.unreachable == nil
        case .forget, .withdraw, .cancel, .drop, .revoke, .begin:
            true
        }
    }

    private mutating func perform(_ step: SimulationScript.Step) {
        switch step {
        case .make(let name, let index):
            self.makeObject(name, at: index)
        case .find(let name, let index):
            self.callBroker(index, .find(name))
        case .call(let call):
            self.issue(call, parent: nil)
        case .cancel(let name):
            guard let id = self.script.numbers[name], let number = self.calls[id].number,
                !self.calls[id].isOrphan
            else { return }
            self.withCore(self.calls[id].node) { core, effects, now in
                core.callCancelled(number, at: now, into: &effects)
            }
        case .drop(let name, let index):
            if let object = self.script.objects[name] { self.dropUse(index, object.reference) }
        case .begin:
            self.script.hasBegun = true
            self.goWrong(isLate: false)
        case .forget(let name), .publish(let name), .withdraw(let name), .revoke(let name):
            guard let object = self.script.objects[name],
                self.isRunning(object.node, object.run)
            else {
                self.script.skipped += 1
                return
            }
            self.perform(step, name, object)
        case .messages, .calls, .rest:
            break
        }
    }

    /// What an owner does with its object.
    private mutating func perform(
        _ step: SimulationScript.Step, _ name: String, _ object: ScriptRun.Object
    ) {
        switch step {
        case .forget:
            self.unroot(object.node, Int(object.reference.object.rawValue) - 1)
        case .publish:
            self.nodes[object.node].names.insert(name)
            self.callBroker(object.node, .publish(name, object.reference.object))
        case .withdraw:
            self.callBroker(object.node, .withdraw(name))
        case .revoke:
            self.revoked.insert(object.reference)
            self.withCore(object.node) { core, effects, now in
                core.revoked(object.reference.object, at: now, into: &effects)
            }
        default:
            break
        }
    }

    private mutating func makeObject(_ name: String, at index: Int) {
        guard let owner = self.nodes[index].core?.incarnation else { return }
        self.nodes[index].objects.append(SimulatedObject())
        self.nodes[index].objectsAlive += 1
        let number = ObjectNumber(rawValue: UInt64(self.nodes[index].objects.count))
        self.script.objects[name] = ScriptRun.Object(
            node: index, run: self.nodes[index].run,
            reference: Reference(owner: owner, object: number))
    }

    /// Makes a scripted call; nil if a process that it needs has died.
    @discardableResult
    mutating func issue(_ call: SimulationScript.Call, parent: Int?) -> Int? {
        let passed = call.passed.compactMap { self.script.objects[$0]?.reference }
        guard let target = self.script.objects[call.target]?.reference,
            passed.count == call.passed.count, self.nodes[call.caller].canAct,
            ([target] + passed).allSatisfy({ self.hasRight(to: $0, at: call.caller) })
        else {
            self.script.skipped += 1
            return nil
        }
        let id = self.calls.count
        self.script.numbers[call.name] = id
        return self.call(call.caller, target, passed, script: call, parent: parent)
    }

    /// Whether a node owns what a reference names, or has it in its hands.
    private func hasRight(to reference: Reference, at index: Int) -> Bool {
        guard let core = self.nodes[index].core else { return false }
        return reference.owner == core.incarnation || core.imports[reference] != nil
    }

    // MARK: Handlers

    /// What a scripted handler calls before it goes on.
    mutating func callInner(of call: SimulationScript.Call, handler: Int) -> Int? {
        for inner in call.inner {
            if let id = self.issue(inner, parent: handler), !self.calls[id].isEnded {
                return id
            }
        }
        return nil
    }

    /// What a scripted handler returns; makes what does not exist yet.
    mutating func returned(by call: SimulationScript.Call, at index: Int) -> [Reference] {
        for name in call.returned where self.script.objects[name] == nil {
            self.makeObject(name, at: index)
        }
        return call.returned.compactMap { self.script.objects[$0]?.reference }
            .filter { self.hasRight(to: $0, at: index) }
    }

    /// A scripted handler has answered.
    mutating func hasReplied(_ call: SimulationScript.Call, at index: Int) {
        for name in call.dropped {
            guard let object = self.script.objects[name] else { continue }
            if object.node == index {
                self.unroot(index, Int(object.reference.object.rawValue) - 1)
            } else {
                self.dropUse(index, object.reference)
            }
        }
    }

    /// A scripted application asks again for what a new run of the broker does not know yet.
    mutating func findAgain(after error: BusError, _ call: SimulatedCall) {
        guard self.plan.script != nil, error.kind == .recovering,
            case .find(let name) = call.purpose
        else { return }
        self.script.repetitions += 1
        self.events.add(
            .findsAgain(call.node, run: self.nodes[call.node].run, name),
            due: self.later(.milliseconds(2)))
    }

    // MARK: Faults

    /// A message is about to be delivered, or has been.
    mutating func goWrong(isLate: Bool) {
        guard self.script.hasBegun, self.phase == .busy else { return }
        for (place, fault) in self.plan.boundaryFaults.enumerated()
        where fault.isLate == isLate && fault.after == self.script.delivered {
            guard self.script.happened.insert(place).inserted else { continue }
            self.happen(fault.kind)
        }
    }

    private mutating func happen(_ fault: BoundaryFault.Kind) {
        switch fault {
        case .cut(let index, let remainder):
            guard let id = self.livingLink(of: index) else { return }
            self.trace("fault: link \(id) breaks")
            self.cut(
                id, arrivingUp: remainder == .up || remainder == .both,
                arrivingDown: remainder == .down || remainder == .both, tells: true)
            self.events.add(.nodeNotices(link: id), due: self.later(.milliseconds(3)))
        case .silence(let index):
            guard let id = self.livingLink(of: index) else { return }
            self.trace("fault: link \(id) breaks in silence")
            self.cut(id, arrivingUp: false, arrivingDown: false, tells: false)
        case .restart:
            self.killBroker()
        case .crash(let index):
            guard self.nodes.indices.contains(index), self.nodes[index].core != nil else { return }
            self.trace("fault: n\(index) crashes")
            self.endNode(index)
        }
    }

    private func livingLink(of index: Int) -> Int? {
        guard self.nodes.indices.contains(index), let id = self.nodes[index].link,
            !self.links[id].isBroken
        else { return nil }
        return id
    }

    // MARK: Ends

    /// Every call of the script has ended as it should.
    mutating func checkEndings() {
        guard let script = self.plan.script, self.violation == nil,
            !self.plan.boundaryFaults.contains(where: \.endsProcess)
        else { return }
        // Two faults may cut an incarnation off for longer than it is kept.
        guard self.plan.boundaryFaults.count < 2 || self.ended.isEmpty else { return }
        if self.script.skipped > 0 { self.fail("the script could not be followed") }
        for call in self.calls where !call.isOneWay {
            let failures = call.script?.failures ?? []
            if let error = call.error {
                guard !failures.contains(error.kind) else { continue }
                // As the API takes it: a new run of the broker has not heard of the name at all.
                if case .withdraw = call.purpose, error.kind == .notFound { continue }
                if case .find = call.purpose, error.kind == .recovering { continue }
                self.fail("call \(call.label) of \(script.name) failed: \(error)")
            } else if call.script?.mustFail ?? false {
                self.fail("call \(call.label) of \(script.name) was answered")
            }
        }
        guard self.plan.boundaryFaults.isEmpty else { return }
        for call in self.calls where call.isOneWay && call.starts != 1 {
            self.fail("call \(call.label) of \(script.name) was lost")
        }
    }
}

extension SimulatedCall {
    fileprivate var label: String { self.script?.name ?? "\(self.purpose)" }
}
