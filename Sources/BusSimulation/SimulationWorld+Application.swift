// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock; all randomness comes from the seed.

import BusKernel
import BusNodeCore
import BusValue
import BusWire

/// What a node's application does of its own accord.
extension SimulationWorld {
    mutating func act(_ index: Int) {
        guard self.nodes[index].canAct else { return }
        switch self.random.below(32) {
        case 0..<3: self.createObject(index)
        case 3: self.unrootObject(index)
        case 4..<18: self.callSomething(index)
        case 18..<22: self.findSomething(index)
        case 22, 23: self.publishSomething(index)
        case 24:
            if let name = self.pick(self.nodes[index].names.sorted()) {
                self.callBroker(index, .withdraw(name))
            }
        case 25: self.callBroker(index, .ping)
        case 26..<30:
            if let token = self.pick(self.nodes[index].tokens) {
                self.dropUse(index, token.reference)
            }
        case 30: self.revokeObject(index)
        default: break
        }
    }

    private mutating func createObject(_ index: Int) {
        self.nodes[index].objects.append(SimulatedObject())
        self.nodes[index].objectsAlive += 1
    }

    /// The application forgets one of its objects; others may still hold it.
    private mutating func unrootObject(_ index: Int) {
        let rooted = self.nodes[index].objects.indices.filter {
            self.nodes[index].objects[$0].isRooted
        }
        guard let object = self.pick(rooted) else { return }
        self.unroot(index, object)
    }

    mutating func unroot(_ index: Int, _ object: Int) {
        self.nodes[index].objects[object].isRooted = false
        self.freeIfUnused(ObjectNumber(rawValue: UInt64(object + 1)), at: index)
    }

    private mutating func revokeObject(_ index: Int) {
        guard let object = self.pick(self.ownObjects(index)), self.chance(1, of: 4) else { return }
        self.trace("n\(index): revokes \(object)")
        self.revoked.insert(object)
        self.withCore(index) { core, effects, now in
            core.revoked(object.object, at: now, into: &effects)
        }
    }

    /// Objects that the application can name: it keeps them itself.
    func ownObjects(_ index: Int) -> [Reference] {
        guard let owner = self.nodes[index].core?.incarnation else { return [] }
        let node = self.nodes[index]
        return node.objects.indices.filter { node.objects[$0].isRooted }.map {
            Reference(owner: owner, object: ObjectNumber(rawValue: UInt64($0 + 1)))
        }
    }

    /// A few references that the application may pass on.
    mutating func someReferences(_ index: Int) -> [Reference] {
        guard self.chance(1, of: 2) else { return [] }
        let choice =
            self.ownObjects(index)
            + self.nodes[index].tokens.filter { $0.uses > 0 }.map(\.reference)
        var references: [Reference] = []
        for _ in 0...self.random.below(3) {
            if let reference = self.pick(choice) { references.append(reference) }
        }
        return references
    }

    private mutating func callSomething(_ index: Int) {
        let held = self.nodes[index].tokens.filter { $0.uses > 0 }
        guard let target = self.pick(held)?.reference else {
            self.findSomething(index)
            return
        }
        let isOneWay = self.chance(1, of: 6)
        let named = self.chance(1, of: 3) ? self.aimByName(index) : nil
        self.call(
            index, named?.0 ?? target, self.someReferences(index), isOneWay: isOneWay,
            aim: named?.1, parent: nil)
    }

    private mutating func findSomething(_ index: Int) {
        self.callBroker(index, .find(self.pick(["a", "b", "c"]) ?? "a"))
    }

    /// Issues one call to an object.
    @discardableResult
    mutating func call(
        _ index: Int, _ target: Reference, _ references: [Reference], isOneWay: Bool = false,
        aim: SimulatedAim? = nil, script: SimulationScript.Call? = nil, parent: Int?,
        chain: ChainID? = nil
    ) -> Int? {
        var extensions = Extensions()
        extensions.method = "run(_:)"
        extensions.name = aim?.name
        // Nobody answers a one-way call, so its caller asks for nothing that may be refused.
        extensions.members = isOneWay ? 0 : aim?.members ?? 0
        if aim != nil { self.statistics.callsByName += 1 }
        // Only a node that is about to end asks for it.
        if self.plan.faults.drain > 0 { extensions.chain = chain ?? self.nextChain(index) }
        var request = self.request(target, references)
        request.extensions = extensions
        if isOneWay || script?.isOneWay ?? false { request.flags = .oneWay }
        guard script == nil else {
            return self.issue(index, &request, .object, script: script, parent: parent)
        }
        // Handlers on both sides that wait for calls which wait for a small window would wait for
        // each other.
        let mayBlock = parent != nil && self.plan.nodeLimits.callsPerPeer < 100
        if mayBlock || self.chance(1, of: 8) {
            request.deadline = self.later(.milliseconds(20))
        }
        return self.issue(index, &request, .object, aim, parent: parent)
    }

    private mutating func publishSomething(_ index: Int) {
        // Who is about to end has taken all its names back.
        guard self.nodes[index].drain == nil, let reference = self.pick(self.ownObjects(index)),
            let name = self.pick(["a", "b", "c"])
        else { return }
        self.nodes[index].names.insert(name)
        self.callBroker(index, .publish(name, reference.object))
    }

    /// One of the names that are published by chance is that of replicas.
    static func policy(of name: String) -> ReplicaPolicy? { name == "c" ? .roundRobin : nil }

    @discardableResult
    mutating func callBroker(_ index: Int, _ purpose: SimulatedCall.Purpose) -> Int? {
        guard let incarnation = self.nodes[index].core?.incarnation else { return nil }
        var extensions = Extensions()
        var references: [Reference] = []
        let arguments: [Value]
        switch purpose {
        case .publish(let name, let object):
            let policy = Self.policy(of: name)
            extensions.method =
                policy == nil ? "publish(_:as:interface:)" : "publish(_:as:interface:replicas:)"
            references = [Reference(owner: incarnation, object: object)]
            arguments =
                [.reference(ReferenceSlot(0)), .string(name), .string("Thing")]
                + (policy.map { [.string($0.rawValue)] } ?? [])
        case .withdraw(let name):
            self.nodes[index].core?.withdrawn(name)
            extensions.method = "withdraw(_:)"
            arguments = [.string(name)]
        case .withdrawAll:
            self.nodes[index].core?.allWithdrawn()
            extensions.method = "withdrawAll()"
            arguments = []
        case .find(let name):
            extensions.method = "find(_:)"
            arguments = [.string(name)]
        case .ping, .object:
            extensions.method = "ping()"
            arguments = []
        }
        var builder = MessageBuilder()
        builder.frame.append(contentsOf: (try? Value.array(arguments).encoded()) ?? [])
        var request = CallRequest(
            target: Reference(owner: .broker, object: .root), builder: builder)
        request.extensions = extensions
        request.references = references
        return self.issue(index, &request, purpose, parent: nil)
    }

    /// A call's arguments: its number in the world, and the references.
    private func request(_ target: Reference, _ references: [Reference]) -> CallRequest {
        var request = CallRequest(
            target: target, builder: payload(self.calls.count, references.count))
        request.references = references
        return request
    }

    @discardableResult
    private mutating func issue(
        _ index: Int, _ request: inout CallRequest, _ purpose: SimulatedCall.Purpose,
        _ aim: SimulatedAim? = nil, script: SimulationScript.Call? = nil, parent: Int?
    ) -> Int? {
        guard let caller = self.nodes[index].core?.incarnation else { return nil }
        let id = self.calls.count
        let isOneWay = request.flags.contains(.oneWay)
        self.calls.append(
            SimulatedCall(
                id: id, node: index, caller: caller, target: request.target,
                references: request.references, purpose: purpose, isOneWay: isOneWay, aim: aim,
                issuedAt: self.now, script: script, chain: request.extensions.chain,
                parent: parent))
        self.nodes[index].drain?.chains.formUnion([request.extensions.chain].compactMap { $0 })
        if !isOneWay { request.waiter = .receiver(SimulatedWaiter(call: id)) }
        self.statistics.calls += 1
        self.trace("n\(index): calls \(request.target) as call \(id)")
        var final = request
        do throws(BusError) {
            let number = try self.withCore(index) { core, effects, now throws(BusError) in
                try core.callIssued(&final, at: now, into: &effects)
            }
            self.calls[id].number = number ?? nil
        } catch {
            self.trace("n\(index): call \(id) is not made: \(error)")
            self.calls[id].isEnded = true
            self.calls[id].error = error
            self.calls[id].mustNotStart = true
            return nil
        }
        if let number = self.calls[id].number, self.phase == .busy, self.plan.script == nil,
            self.chance(1, of: 12)
        {
            self.events.add(
                .cancels(index, run: self.nodes[index].run, number),
                due: self.later(.milliseconds(3)))
        }
        return id
    }

    // MARK: Tokens

    /// The application puts a held reference into a variable for a while.
    mutating func use(_ index: Int, _ reference: Reference) {
        if let position = self.nodes[index].position(of: reference),
            self.nodes[index].tokens[position].uses > 0
        {
            self.nodes[index].tokens[position].uses += 1
        } else {
            guard let token = self.nodes[index].core?.makeToken(reference) else { return }
            // A dying token is replaced, as a weak reference that is nil already.
            self.nodes[index].tokens.removeAll { $0.reference == reference }
            self.nodes[index].tokens.append(
                SimulatedToken(reference: reference, generation: token, uses: 1))
        }
        // A script says itself what is let go.
        guard self.plan.script == nil else { return }
        self.events.add(
            .drops(index, run: self.nodes[index].run, reference), due: self.later(.milliseconds(40))
        )
    }

    /// One variable goes out of scope; with the last one the token dies, a little later.
    mutating func dropUse(_ index: Int, _ reference: Reference) {
        guard let position = self.nodes[index].position(of: reference),
            self.nodes[index].tokens[position].uses > 0
        else { return }
        self.nodes[index].tokens[position].uses -= 1
        guard self.nodes[index].tokens[position].uses == 0 else { return }
        let token = self.nodes[index].tokens.remove(at: position)
        self.events.add(
            .tokenDies(index, run: self.nodes[index].run, reference, token.generation),
            due: self.later(Span(nanoseconds: 100_000)))
    }
}

/// An array of a number and of as many reference slots.
func payload(_ number: Int, _ references: Int) -> MessageBuilder {
    let value = Value.array(
        [.integer(Int64(number))] + (0..<references).map { .reference(ReferenceSlot(UInt32($0))) })
    var builder = MessageBuilder()
    builder.frame.append(contentsOf: (try? value.encoded()) ?? [])
    return builder
}
