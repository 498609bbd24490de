// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusNode
import BusNodeCore
import BusSimulation
import BusWire
import BusZeroMQ

/// Carries nodes over a simulated network, and runs their jobs and the test's one at a time.
///
/// Whatever can happen next is a job of the test, a job of a node, the arrival of a message, or a
/// timer. Jobs and arrivals are chosen by dice from the seed; timers fire in their order. So the
/// same seed takes the same course, as far as all that happens is a job of this world.
///
/// Its clock stands still while a job runs, but for a microsecond, jumps to the next arrival when
/// that is chosen, and goes with the machine's when there is nothing to do but to wait for a timer:
/// others, of whom this world knows nothing, may be at work then.
final class SimulatedWorld: NodeHost, @unchecked Sendable {
    /// How long a job may keep the thread before others go on beside it: 100 ms, in nanoseconds.
    private static let patience: UInt64 = 100_000_000
    /// What a job takes of the world's time.
    private static let jobTime = Span(nanoseconds: 1_000)

    /// Runs the test.
    let executor = NodeExecutor()
    let seed: UInt64
    private let crew: Crew
    private let lock = Lock()
    private let condition = Condition()
    private let isTraced: Bool

    /// Guarded by the lock, as all that follows.
    private var network: SimulatedNetwork
    private var random: RandomSource
    private var seeds: RandomSource
    private var clock = Tick(nanoseconds: 1_000_000_000)
    private var wait: Wait?
    private var nap: Nap?
    /// Somebody has added something since the last look.
    private var hasNews = false
    private var isStopped = false
    /// Whether the test has run its first job; until then this world's time stands still, for how
    /// long the machine takes to begin would else be seen in all that follows.
    private var hasBegun = false
    /// By number, in the order of their beginning; nil when they have ended.
    private var nodes: [Node?] = []
    private var numbers: [ObjectIdentifier: Int] = [:]
    /// The test's, then the nodes'; a node's goes on after its end, for handlers that still run.
    private var executors: [NodeExecutor]

    /// The leader waits for a timer, and the world's time goes with the machine's.
    private struct Wait {
        let since: UInt64
        let until: Tick
    }

    /// One of those that may go on does not for a while, as if its machine were busy: else none
    /// would ever fall far behind.
    private struct Nap {
        /// The place in `executors`; behind them the network.
        let place: Int
        let until: Tick
    }

    private enum Choice {
        case timers([Node], broker: Bool)
        case job(NodeExecutor)
        case arrival
        case nothing
    }

    init(seed: UInt64, faults: SimulatedFaults, isTraced: Bool) throws {
        self.seed = seed
        self.isTraced = isTraced
        var random = RandomSource(seed: seed)
        var plan = SimulatedNetwork.Plan(seed: random.next(), faults: faults.shares)
        plan.isTraced = isTraced
        self.seeds = RandomSource(seed: random.next())
        self.random = random
        self.network = SimulatedNetwork(plan, at: self.clock)
        self.executors = [self.executor]
        self.crew = Crew(name: "objbus-world", patience: Self.patience)
        self.executor.setWake { [weak self] in self?.wake() }
        try self.crew.start { [self] member in self.lead(member) }
    }

    /// Ends the threads. What still runs goes on at Swift's own.
    func stop() {
        // A bus that the test made by itself and left open would wait for ever.
        for node in self.lock.withLock({ self.nodes }) { node?.close() }
        let executors = self.lock.withLock {
            self.isStopped = true
            self.condition.broadcast()
            return self.executors
        }
        self.crew.stop()
        for executor in executors { executor.stop() }
    }

    var report: SimulationReport {
        self.lock.withLock {
            let statistics = self.network.statistics
            return SimulationReport(
                messages: statistics.messages, linksLost: statistics.linksBroken,
                brokerRestarts: statistics.brokerRestarts, digest: self.network.digest.value)
        }
    }

    /// What a new node draws its numbers from.
    func nextSeed() -> UInt64 { self.lock.withLock { self.seeds.next() } }

    // MARK: What nodes ask for

    func now() -> Tick { self.lock.withLock { self.present } }

    func started(_ node: Node) {
        self.lock.withLock {
            self.numbers[ObjectIdentifier(node)] = self.nodes.count
            self.nodes.append(node)
            self.executors.append(node.executor)
        }
        node.executor.setWake { [weak self] in self?.wake() }
    }

    func ended(_ node: Node) {
        self.change(node) { number in
            self.nodes[number] = nil
            self.numbers[ObjectIdentifier(node)] = nil
            self.network.ended(number, at: self.present)
        }
    }

    func openLink(_ epoch: Epoch, attach: Message, hello: Outgoing, of node: Node) {
        self.change(node) { number in
            self.network.opened(
                epoch, attach: attach, hello: hello, by: number, at: self.present)
        }
    }

    func closeLink(_ epoch: Epoch, of node: Node) {
        self.change(node) { self.network.closed(epoch, by: $0, at: self.present) }
    }

    func transmit(_ outgoing: Outgoing, from node: Node) {
        self.change(node) { self.network.sent(outgoing, by: $0, at: self.present) }
    }

    func notLater(than deadline: Tick, _ node: Node) {
        self.lock.withLock {
            // A leader that does not wait yet may have asked the node before.
            if deadline < self.wait?.until ?? .distantFuture { self.rouse() }
        }
    }

    private func change(_ node: Node, _ body: (_ number: Int) -> Void) {
        self.lock.withLock {
            guard let number = self.numbers[ObjectIdentifier(node)] else { return }
            body(number)
            self.rouse()
        }
    }

    private func wake() { self.lock.withLock { self.rouse() } }

    /// Makes the leader look around; with the lock closed.
    private func rouse() {
        self.hasNews = true
        if self.wait != nil { self.condition.signal() }
    }

    /// The world's time; with the lock closed.
    private var present: Tick {
        guard let wait else { return self.clock }
        let gone = Span(nanoseconds: MonotonicClock.now() - wait.since)
        return min(self.clock.advanced(by: gone), wait.until)
    }

    // MARK: What happens

    /// One round of the member that leads: one thing happens, or the world waits.
    private func lead(_ member: Int) {
        let nodes = self.lock.withLock {
            self.hasNews = false
            return self.nodes
        }
        // Before a job is run, after which another member may lead: only one thread may deliver.
        for node in nodes { node?.deliverWaiting() }
        // Outside of the lock, which nodes close inside of theirs.
        let deadlines = nodes.map { $0?.nextDeadline() ?? .distantFuture }
        switch self.choose(nodes, deadlines, mayRunJobs: self.crew.mayRunJobs) {
        case .timers(let nodes, let isBroker):
            if isBroker { self.lock.withLock { self.network.timePassed(at: self.clock) } }
            for node in nodes { node.timePassed() }
        case .job(let executor):
            _ = self.crew.watched { executor.runOne() }
        case .arrival:
            self.takeArrival()
        case .nothing:
            break
        }
        self.printTrace()
    }

    /// What happens next, and at what time. Waits, for a while, if there is nothing.
    private func choose(_ nodes: [Node?], _ deadlines: [Tick], mayRunJobs: Bool) -> Choice {
        self.lock.withLock {
            guard !self.isStopped else { return .nothing }
            let timer = min(deadlines.min() ?? .distantFuture, self.network.nextTimer)
            let arrival = self.network.nextArrival
            if timer > self.clock, let place = self.pick(mayRunJobs, arrival != nil) {
                if place < self.executors.count {
                    self.hasBegun = true
                    self.clock = self.clock.advanced(by: Self.jobTime)
                    return .job(self.executors[place])
                }
                if let arrival, arrival <= timer {
                    self.clock = max(self.clock, arrival)
                    return .arrival
                }
            } else if timer > self.clock {
                let end = self.hasBegun ? timer : .distantFuture
                guard self.waitForNews(until: end) else { return .nothing }
            }
            self.clock = max(self.clock, timer)
            let due = zip(nodes, deadlines).compactMap { $1 <= self.clock ? $0 : nil }
            return .timers(due, broker: self.network.nextTimer <= self.clock)
        }
    }

    /// Draws an executor that has a job, or the network; nil if nothing can go on.
    private func pick(_ mayRunJobs: Bool, _ hasArrival: Bool) -> Int? {
        var places = mayRunJobs ? self.executors.indices.filter { self.executors[$0].hasJobs } : []
        if hasArrival { places.append(self.executors.count) }
        guard !places.isEmpty else { return nil }
        if let nap, nap.until <= self.clock { self.nap = nil }
        if self.nap == nil, self.random.below(64) == 0 {
            let length = Span(nanoseconds: self.random.below(5_000_000))
            self.nap = Nap(place: self.draw(places), until: self.clock.advanced(by: length))
        }
        let awake = places.filter { $0 != self.nap?.place }
        // Where only the one that naps could go on, it does.
        return self.draw(awake.isEmpty ? places : awake)
    }

    private func draw(_ places: [Int]) -> Int {
        places[Int(self.random.below(UInt64(places.count)))]
    }

    /// Waits with the lock open; whether the time came without news.
    private func waitForNews(until timer: Tick) -> Bool {
        guard !self.hasNews else { return false }
        let start = MonotonicClock.now()
        self.wait = Wait(since: start, until: timer)
        let end = start.addingReportingOverflow(timer.since(self.clock).nanoseconds)
        let deadline = end.overflow || timer == .distantFuture ? nil : end.partialValue
        var isInTime = true
        while !self.hasNews, !self.isStopped, isInTime {
            isInTime = self.condition.wait(on: self.lock, until: deadline)
        }
        if self.hasBegun { self.clock = isInTime ? self.present : timer }
        self.wait = nil
        return !isInTime
    }

    private func takeArrival() {
        let (arrival, node) = self.lock.withLock {
            () -> (SimulatedNetwork.Arrival?, Node?) in
            let arrival = self.network.takeArrival(at: self.clock)
            switch arrival {
            case .message(_, let number, _), .end(let number, _, _):
                return (arrival, self.nodes[number])
            case nil:
                return (nil, nil)
            }
        }
        switch arrival {
        case .message(let message, _, let epoch): node?.received(message, on: epoch)
        case .end(_, let epoch, let reason): node?.failed(epoch, reason)
        case nil: break
        }
    }

    private func printTrace() {
        guard self.isTraced else { return }
        let lines = self.lock.withLock { self.network.takeLines() }
        for line in lines { StandardError.print("objbus world \(self.seed): \(line)") }
    }
}
