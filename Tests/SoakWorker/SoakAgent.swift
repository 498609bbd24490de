// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import Foundation
import TestPrograms

/// What an agent has done, and what it found wrong.
struct SoakReport: Codable, Sendable {
    var steps = 0
    var calls = 0
    /// Calls to somebody who had ended.
    var disconnected = 0
    var cancelled = 0
    var violations: [String] = []
}

/// What an agent has when it rests.
struct SoakInventory: Codable, Sendable {
    /// Its own items that live, whoever holds them.
    var living: [String] = []
    /// All items in its bag that somebody owns.
    var held: [String] = []
    var violations: [String] = []
}

/// A node of the soak: has a bag of items, its own and others', and does with them whatever chance
/// says.
distributed actor Agent {
    typealias ActorSystem = Bus

    /// More items than this are dropped.
    private static let bagMax = 100

    private struct Entry {
        let item: Item
        let isOwn: Bool
    }

    private let index: Int
    private let count: Int
    private var bag: [Entry] = []
    private var peers: [Agent] = []
    private var random: SplitMix
    private var report = SoakReport()
    private var incarnation: IncarnationID

    init(index: Int, of count: Int, seed: UInt64, actorSystem: Bus) {
        self.actorSystem = actorSystem
        self.index = index
        self.count = count
        self.random = SplitMix(state: seed)
        self.incarnation = actorSystem.incarnation
    }

    /// Takes so many steps, some at a time, and says what came of them.
    distributed func run(_ steps: Int) async throws -> SoakReport {
        self.report = SoakReport()
        for index in 0..<self.count where self.peers.count < self.count - 1 && index != self.index {
            self.peers.append(
                try await self.actorSystem.find(Agent.self, named: "agent/\(index)"))
        }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask { for _ in 0..<steps / 4 { await self.step() } }
            }
        }
        return self.report
    }

    /// Keeps an item, or hands it on to another agent.
    distributed func take(_ item: Item, hops: Int) async throws {
        guard hops > 0, let peer = self.peers.randomElement(using: &self.random) else {
            self.keep(item)
            return
        }
        let before = self.actorSystem.incarnation
        do {
            try await peer.take(item, hops: hops - 1)
        } catch {
            guard self.actorSystem.incarnation == before else {
                throw BusError(.disconnected, "the agent between was cut off for too long")
            }
            throw error
        }
    }

    /// One of its items; often it is the last time that this agent sees it.
    distributed func give() -> Item? {
        guard let place = self.bag.indices.randomElement(using: &self.random) else { return nil }
        let item = self.bag[place].item
        if Bool.random(using: &self.random) { self.bag.remove(at: place) }
        return item
    }

    /// What there is, when all has come to rest.
    distributed func inventory() async -> SoakInventory {
        self.report = SoakReport()
        self.forgetIfEnded()
        var marks: Set<String> = []
        for entry in self.bag {
            if let mark = await self.mark(of: entry.item) { marks.insert(mark) }
        }
        return SoakInventory(
            living: ItemLife.marks.sorted(), held: marks.sorted(),
            violations: self.report.violations)
    }

    /// Cuts this process's connections to the broker.
    distributed func cut() { shutDownConnections() }

    // MARK: Steps

    private func step() async {
        self.report.steps += 1
        self.forgetIfEnded()
        switch Int.random(in: 0..<100, using: &self.random) {
        case 0..<15: self.keep(Item(actorSystem: self.actorSystem))
        case 15..<40: await self.callOne()
        case 40..<60: await self.pass(hops: 0)
        case 60..<70: await self.pass(hops: 1)
        case 70..<80: await self.fetch()
        case 80..<85: await self.passOneWay()
        case 85..<88: await self.passAndCancel()
        default: self.dropOne()
        }
    }

    private func keep(_ item: Item) {
        let isOwn = item.id.reference.owner == self.actorSystem.incarnation
        self.bag.append(Entry(item: item, isOwn: isOwn))
        while self.bag.count > Self.bagMax { self.dropOne() }
    }

    private func dropOne() {
        guard let place = self.bag.indices.randomElement(using: &self.random) else { return }
        self.bag.remove(at: place)
    }

    private func callOne() async {
        guard let item = self.bag.randomElement(using: &self.random)?.item else { return }
        _ = await self.mark(of: item)
    }

    private func mark(of item: Item) async -> String? {
        self.report.calls += 1
        let before = self.actorSystem.incarnation
        do {
            return try await item.mark()
        } catch {
            self.judge(error, "calling \(item.id)", before)
            self.bag.removeAll { $0.item.id == item.id }
            return nil
        }
    }

    private func pass(hops: Int) async {
        guard let item = self.bag.randomElement(using: &self.random)?.item,
            let peer = self.peers.randomElement(using: &self.random)
        else { return }
        self.report.calls += 1
        let before = self.actorSystem.incarnation
        do {
            try await peer.take(item, hops: hops)
        } catch {
            self.judge(error, "passing \(item.id) to \(peer.id)", before)
        }
    }

    /// What goes is let go at once: nothing but the order of the link holds it.
    private func passOneWay() async {
        guard let place = self.bag.indices.randomElement(using: &self.random),
            let peer = self.peers.randomElement(using: &self.random)
        else { return }
        self.report.calls += 1
        let before = self.actorSystem.incarnation
        do {
            try await peer.oneway.take(self.bag.remove(at: place).item, hops: 0)
        } catch {
            self.judge(error, "passing one-way", before)
        }
    }

    private func passAndCancel() async {
        guard let item = self.bag.randomElement(using: &self.random)?.item,
            let peer = self.peers.randomElement(using: &self.random)
        else { return }
        self.report.calls += 1
        let before = self.actorSystem.incarnation
        let call = Task { try await peer.take(item, hops: 1) }
        if Bool.random(using: &self.random) { await Task.yield() }
        call.cancel()
        do {
            try await call.value
        } catch {
            self.judge(error, "passing and cancelling", before)
        }
    }

    private func fetch() async {
        guard let peer = self.peers.randomElement(using: &self.random) else { return }
        self.report.calls += 1
        let before = self.actorSystem.incarnation
        do {
            if let item = try await peer.give() { self.keep(item) }
        } catch {
            self.judge(error, "asking \(peer.id)", before)
        }
    }

    // MARK: Judging

    /// An incarnation that ended because it was cut off for too long holds nothing any more.
    private func forgetIfEnded() {
        let present = self.actorSystem.incarnation
        guard present != self.incarnation else { return }
        self.incarnation = present
        self.bag.removeAll { !$0.isOwn }
    }

    /// Whoever ended explains much; but what is held must be there.
    private func judge(_ error: any Error, _ what: String, _ before: IncarnationID) {
        switch (error as? BusError)?.kind {
        case .disconnected, .recovering: self.report.disconnected += 1
        case .cancelled: self.report.cancelled += 1
        case .overloaded: break
        case .notFound where what.hasPrefix("passing") || what.hasPrefix("asking"):
            // The name of a peer whose process is just being replaced.
            self.report.disconnected += 1
        default:
            guard self.actorSystem.incarnation == before, self.report.violations.count < 10 else {
                return
            }
            self.report.violations.append("agent \(self.index), \(what): \(error)")
        }
    }
}

extension Agent: BusObjectProtocol {
    static let busInterface = Interface(
        name: "Agent", documentation: "",
        methods: ["run(_:)", "take(_:hops:)", "give()", "inventory()", "cut()"]
            .map { .init(name: $0) })

    static func busDispatch(
        _ call: IncomingCall, on object: isolated Agent
    ) async throws -> CallResult? {
        switch call.method {
        case "run(_:)":
            var arguments = try call.arguments(1)
            let steps = try arguments.next("steps", as: Int.self)
            return try call.result(try await object.run(steps))
        case "take(_:hops:)":
            var arguments = try call.arguments(2)
            let item = try arguments.next("item", as: Item.self)
            let hops = try arguments.next("hops", as: Int.self)
            try await object.take(item, hops: hops)
            return call.result()
        case "give()":
            _ = try call.arguments(0)
            return try call.result(object.give())
        case "inventory()":
            _ = try call.arguments(0)
            return try call.result(await object.inventory())
        case "cut()":
            _ = try call.arguments(0)
            object.cut()
            return call.result()
        default:
            return nil
        }
    }
}
