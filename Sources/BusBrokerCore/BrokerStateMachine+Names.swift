// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/names.md. Pure: no I/O, no clock, no randomness.

import BusKernel
import BusValue
import BusWire

/// Publishing and finding.
extension BrokerStateMachine {
    mutating func publish(
        _ arguments: [Value], _ replicas: ReplicaPolicy?, _ references: [ReferenceEntry],
        _ caller: IncarnationID, _ effects: inout [BrokerEffect]
    ) throws(BusError) -> Answer {
        let name = try text(arguments, 1)
        let interface = try text(arguments, 2)
        guard let slot = arguments.first?.referenceValue, Int(slot.index) < references.count else {
            throw BusError(.invalid, "publish needs a reference as its first argument")
        }
        let reference = references[Int(slot.index)].reference
        guard reference.owner == caller else {
            throw BusError(.denied, "only its owner may publish \(reference)")
        }
        guard isPublishable(name) else {
            throw BusError(
                .invalid, "a name has 1 to \(WireLimits.nameBytes) bytes without white space")
        }
        let most = self.nodes.slot(of: caller).map { self.nodes.quota(of: $0).names } ?? 0
        guard
            self.names.count(ownedBy: caller) < most
                || self.names.isPublished(name, by: caller)
        else {
            throw BusError(.overloaded, "this node may publish \(most) names")
        }
        let claim = NameTable.Claim(
            reference: reference, interface: interface, replicas: replicas)
        switch self.claim(name, claim, into: &effects) {
        case .head, .queued, .unchanged:
            return Answer()
        case .conflict(let other):
            throw BusError(.invalid, "this node has published \(other) as \(name) already")
        case .unlike(let policy):
            throw BusError(.invalid, "\(name) is \(kind(policy)), not \(kind(replicas))")
        case .full:
            throw BusError(
                .overloaded, "\(name) has \(NameTable.replicasMax) replicas, as many as it may")
        }
    }

    /// Puts a claim into the queue of `name`, or among its replicas.
    mutating func claim(
        _ name: String, _ claim: NameTable.Claim, into effects: inout [BrokerEffect]
    ) -> NameTable.Change {
        let change = self.names.publish(name, claim)
        if change == .head || change == .queued {
            self.holders.holdByName(claim.reference)
            if let owner = self.nodes.slot(of: claim.reference.owner) {
                self.objectQuotas.published(claim.reference, as: name, owner: owner)
            }
            effects.append(.log(.published(name, claim.reference)))
            self.claimsChanged(to: name, &effects)
        }
        return change
    }

    /// A HELLO restates claims. A member of a group can be called again, so its callers, who
    /// have been told of the others alone, ask anew.
    mutating func restateClaims(
        _ names: [HelloBody.Name], of owner: IncarnationID, atMost most: Int,
        _ effects: inout [BrokerEffect]
    ) {
        for row in names where isPublishable(row.name) {
            guard
                self.names.count(ownedBy: owner) < most
                    || self.names.isPublished(row.name, by: owner)
            else {
                self.count(.namesOverLimit)
                break
            }
            let claim = NameTable.Claim(
                reference: Reference(owner: owner, object: row.object), interface: row.interface,
                replicas: row.replicas)
            switch self.claim(row.name, claim, into: &effects) {
            case .head, .queued, .conflict: break
            case .unchanged:
                if claim.replicas != nil { self.numberClaims(to: row.name, &effects) }
            case .unlike, .full:
                self.count(.claimUnlike)
            }
        }
    }

    mutating func withdraw(
        _ name: String, _ caller: IncarnationID, isResent: Bool,
        _ effects: inout [BrokerEffect]
    ) throws(BusError) -> Answer {
        // The first copy of the call may have done it, or a new run of the broker.
        guard self.withdraw(name, of: caller, &effects) || isResent else {
            throw BusError(.notFound, "this node has not published \(name)")
        }
        return Answer()
    }

    mutating func withdrawAll(
        _ caller: IncarnationID, _ effects: inout [BrokerEffect]
    ) -> Answer {
        for name in self.names.names(ownedBy: caller) {
            self.withdraw(name, of: caller, &effects)
        }
        return Answer()
    }

    /// Takes the claim of `caller` to `name` back. False if it has none.
    @discardableResult
    private mutating func withdraw(
        _ name: String, of caller: IncarnationID, _ effects: inout [BrokerEffect]
    ) -> Bool {
        guard let claim = self.names.withdraw(name, by: caller) else { return false }
        self.holders.dropName(claim.reference)
        self.objectQuotas.withdrawn(claim.reference, as: name)
        effects.append(.log(.withdrawn(name, claim.reference)))
        self.claimsChanged(to: name, &effects)
        self.zeroCheck(claim.reference, &effects)
        return true
    }

    /// Hands a copy of the name's head to the caller, or one of each of its replicas (rules R12).
    mutating func find(
        _ name: String, _ slot: NodeSlot, _ caller: IncarnationID, _ now: Tick
    ) throws(BusError) -> Answer {
        guard let head = self.names.head(of: name) else {
            guard self.missing.isEmpty else {
                throw BusError(.recovering, "who has published '\(name)' may still come back")
            }
            throw self.noName(name)
        }
        let meant = head.replicas == nil ? [head] : self.callable(self.names.queue(of: name))
        try self.checkRoom(for: meant.map(\.reference), of: slot, caller)
        let entries = meant.map { claim in
            self.grantChecked(
                claim.reference, self.holders[claim.reference]?.generation ?? .first, to: slot,
                caller, HolderTable.Receipt(at: now, way: .find))
        }
        var value: [Value] = [
            .reference(ReferenceSlot(0)), .string(head.interface), Value(head.fence),
        ]
        if let replicas = head.replicas {
            value.append(.string(replicas.rawValue))
            value.append(.array(entries.indices.map { .reference(ReferenceSlot(UInt32($0))) }))
        }
        return Answer(value: .array(value), references: entries)
    }

    /// Those of a group whose nodes have a link; all, if none has.
    private func callable(_ members: [NameTable.Claim]) -> [NameTable.Claim] {
        let linked = members.filter { self.isLinked($0.reference.owner) }
        return linked.isEmpty ? members : linked
    }

    private func isLinked(_ incarnation: IncarnationID) -> Bool {
        self.nodes.slot(of: incarnation).flatMap { self.nodes[$0]?.link } != nil
    }

    /// Whether the name that `header` announces still leads to `target` (rules R16).
    ///
    /// Who has chosen among the present members of a group may call a member whose node has a link.
    /// The number is compared once only, when a call is first made: so somebody who finds the name
    /// again each time that a member comes or goes is not kept from calling.
    mutating func isMeant(
        _ target: Reference, by header: FrameHeader, _ frame: RawSpan
    ) -> Bool {
        guard let name = try? Extensions.nameRange(in: frame, header: header) else { return false }
        if header.flags.contains(.resent) { return true }
        switch self.names.meaning(of: target, byNameIn: frame, at: name) {
        case .head:
            return true
        case .member(let number):
            let chosen = Extensions.members(in: frame, header: header)
            return chosen == 0 || chosen == number && self.isLinked(target.owner)
        case .nothing:
            return self.missing.contains(target.owner) && !header.flags.contains(.members)
        }
    }

    func noName(_ name: String) -> BusError {
        let similar = self.names.similar(to: name)
        let others = self.names.count - similar.count
        let hint =
            similar.isEmpty
            ? "\(others) names are published"
            : "published is: \(similar.joined(separator: ", "))"
                + (others > 0 ? " and \(others) more" : "")
        return BusError(.notFound, "no object is published as '\(name)'; \(hint)")
    }
}

/// Whether an object may be published as `name`.
func isPublishable(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= WireLimits.nameBytes
        && name.unicodeScalars.allSatisfy { !$0.properties.isWhitespace && $0.value >= 0x20 }
}

func replicaPolicy(_ arguments: [Value], _ index: Int) throws(BusError) -> ReplicaPolicy {
    let text = try text(arguments, index)
    guard let policy = ReplicaPolicy(rawValue: text) else {
        let known = ReplicaPolicy.allCases.map(\.rawValue).joined(separator: ", ")
        throw BusError(.invalid, "'\(text)' is no policy of replicas; known are \(known)")
    }
    return policy
}

/// What a name is, in words.
private func kind(_ replicas: ReplicaPolicy?) -> String {
    replicas.map { "a group of replicas by \($0.rawValue)" } ?? "a queue with one head"
}
