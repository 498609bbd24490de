// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusNodeCore
import BusValue
import BusWire
import BusZeroMQ
import DequeModule
import Synchronization

/// What the leading thread does, round by round: change links, receive, run handlers, wait.
final class NodeLoop: @unchecked Sendable {
    enum Request: Sendable {
        case open(Epoch, attach: Message, hello: Outgoing)
        case close(Epoch)
    }

    /// Handlers between two looks at the socket, and messages between two looks at the handlers:
    /// more of these, so that what waits does so by caller (`StartQueue`), not in the socket.
    private static let batch = 64
    private static let receiveBatch = 1_024
    /// How long messages are taken in between two looks at timers and handlers, which must not wait
    /// for so many large ones: 20 ms, in nanoseconds.
    private static let receiveTime: UInt64 = 20_000_000
    /// Messages that the core is given at one time: fewer locks, and whoever waited for an answer
    /// is resumed when the others' are there too, so that their next calls leave together.
    private static let stepBatch = 32
    /// How long handlers are run between two looks at the socket: 1 ms, in nanoseconds. Who has
    /// few calls under way sends the next ones meanwhile, and would miss turns that go to whoever
    /// has many waiting.
    private static let batchTime: UInt64 = 1_000_000
    /// How long messages of handlers may wait for those of others, to be sent together: 200 us, in
    /// nanoseconds; some twenty short handlers.
    private static let gatherTime: UInt64 = 200_000
    /// How soon a full pipe is tried again: 1 ms, in nanoseconds.
    private static let stallRetry: UInt64 = 1_000_000

    private unowned let node: Node
    /// Keeps the node while its threads run.
    private var keptNode: Node?
    private let crew: Crew
    private let alarm = Alarm()
    private let requests = Locked<Deque<Request>>([])
    private let requested = Atomic<Int>(0)
    private let isStopped = Atomic<Bool>(false)
    /// Reached when the last round is over and the sockets are closed.
    let end = LoopEnd()
    /// When the present wait ends by itself.
    private let waitsUntil = Atomic<UInt64>(0)

    /// The leader's: handed over with the lead, which is a lock.
    private var link: LinkSockets?
    private var poller = Poller()
    /// Whether the link may have a message: news of one came, or not all were taken then.
    private var mayReceive = false
    /// Received, and not yet given to the core.
    private var taken: [Message] = []

    init(_ node: Node) {
        self.node = node
        self.crew = Crew(name: "objbus-node")
        if let waker = self.alarm.waker { _ = self.poller.add(waker) }
    }

    func start() throws(ZeroMQError) {
        guard self.alarm.waker != nil else { throw .tooManySockets }
        self.keptNode = self.node
        self.node.executor.setWake { [alarm] in alarm.ring() }
        try self.crew.start { [self] member in self.lead(member) }
    }

    func stop() {
        self.isStopped.store(true, ordering: .sequentiallyConsistent)
        self.crew.stop()
        self.alarm.waker?.wake()
    }

    /// Makes the leader look around, if it waits.
    func wake() { self.alarm.ring() }

    /// Makes sure that the leader does not sleep past `deadline`.
    func notLater(than deadline: Tick) {
        // In one order with the deadline's store before it: the leader, which stores this and then
        // loads that, sees the deadline or is woken.
        if self.waitsUntil.load(ordering: .sequentiallyConsistent) > deadline.nanoseconds {
            self.wake()
        }
    }

    func request(_ request: Request) {
        self.requests.withLock { $0.append(request) }
        self.requested.add(1, ordering: .sequentiallyConsistent)
        self.wake()
    }

    /// One round of the member that leads.
    private func lead(_ member: Int) {
        if self.isStopped.load(ordering: .sequentiallyConsistent) {
            // A second round may come; the node may be gone by then.
            guard self.keptNode != nil else { return }
            self.fulfilRequests()
            self.closeLink()
            self.node.executor.stop()
            self.keptNode = nil
            self.end.reached()
            return
        }
        // The one who led before may be in a handler still, and must not keep back what it sends.
        self.node.outbox.stopGathering()
        self.fulfilRequests()
        let received = self.mayReceive ? self.receive() : 0
        self.node.deliverWaiting()
        if self.node.outbox.count > 0 { self.node.outbox.drain() }
        let now = MonotonicClock.now()
        if self.node.nextDeadline().nanoseconds <= now {
            self.node.timePassed()
        }
        self.runJobs(member)
        guard self.crew.isLeader(member), received < Self.receiveBatch else { return }
        self.wait()
    }

    /// Runs some handlers. What they send leaves together, unless one of them takes its time.
    private func runJobs(_ member: Int) {
        guard self.node.executor.hasJobs, self.crew.mayRunJobs else { return }
        let outbox = self.node.outbox
        var gatheredSince: UInt64?
        let end = MonotonicClock.now() + Self.batchTime
        outbox.gather()
        for _ in 0..<Self.batch {
            // Calls that waited for these: their answers leave together too.
            if !self.node.executor.hasJobs { self.node.deliverWaiting() }
            guard self.crew.watched({ self.node.executor.runOne() }) else { break }
            // The next one has stopped the gathering, and may gather itself.
            guard self.crew.isLeader(member) else { return outbox.drain() }
            let now = MonotonicClock.now()
            guard now < end else { break }
            guard outbox.count > 0 else { continue }
            let since = gatheredSince ?? now
            gatheredSince = since
            guard now - since >= Self.gatherTime else { continue }
            gatheredSince = nil
            outbox.stopGathering()
            outbox.drain()
            outbox.gather()
        }
        outbox.stopGathering()
        outbox.drain()
    }

    private func wait() {
        let deadline = self.node.nextDeadline().nanoseconds
        self.waitsUntil.store(deadline, ordering: .sequentiallyConsistent)
        self.alarm.isSet.store(true, ordering: .sequentiallyConsistent)
        defer {
            self.alarm.isSet.store(false, ordering: .sequentiallyConsistent)
            self.waitsUntil.store(0, ordering: .sequentiallyConsistent)
        }
        // Whoever added work before the flag was up did not wake us.
        let isBusy =
            self.requested.load(ordering: .sequentiallyConsistent) > 0
            || (self.node.executor.hasJobs && self.crew.mayRunJobs)
            || self.node.mayDeliver || self.mayReceive
            || self.isStopped.load(ordering: .sequentiallyConsistent)
        let now = MonotonicClock.now()
        let due = self.node.nextDeadline().nanoseconds
        var timeout = isBusy || due <= now ? 0 : due - now
        if self.node.outbox.isStalled { timeout = min(timeout, Self.stallRetry) }
        do {
            let ready = try self.poller.wait(timeout: timeout)
            if ready.contains(1) { self.mayReceive = true }
            if ready.contains(2) || ready.contains(3) { self.checkLink() }
        } catch {
            self.failLink("polling: \(error)")
        }
    }

    private func receive() -> Int {
        self.mayReceive = false
        guard let link else { return 0 }
        var count = 0
        let end = MonotonicClock.now() + Self.receiveTime
        repeat {
            let taken = self.take(from: link)
            self.node.received(self.taken, on: link.epoch)
            self.taken.removeAll(keepingCapacity: true)
            count += taken.count
            if let failure = taken.failure {
                self.failLink(failure)
                return 0
            }
            if taken.count < Self.stepBatch { return count }
        } while count < Self.receiveBatch && MonotonicClock.now() < end
        self.mayReceive = true
        return count
    }

    /// Fills `taken` with the next messages.
    private func take(from link: LinkSockets) -> (count: Int, failure: String?) {
        for count in 0..<Self.stepBatch {
            let frame: [UInt8]
            let buffers: [Bytes]
            do {
                guard let received = try link.receive() else { return (count, nil) }
                (frame, buffers) = received
            } catch {
                return (count, "receiving: \(error)")
            }
            do throws(FrameError) {
                self.taken.append(try Message(frame: frame, buffers: buffers))
            } catch {
                return (count, "the broker sent garbage: \(error.message)")
            }
            if self.node.configuration.dumps {
                StandardError.dump("<-", frame.span.bytes, buffers)
            }
        }
        return (Self.stepBatch, nil)
    }

    // MARK: Links

    private func fulfilRequests() {
        guard self.requested.load(ordering: .sequentiallyConsistent) > 0 else { return }
        while let request = self.requests.withLock({ $0.popFirst() }) {
            self.requested.subtract(1, ordering: .sequentiallyConsistent)
            switch request {
            case .open(let epoch, let attach, let hello):
                self.openLink(epoch, attach, hello)
            case .close(let epoch):
                if self.link?.epoch == epoch { self.closeLink() }
            }
        }
    }

    private func openLink(_ epoch: Epoch, _ attach: Message, _ hello: Outgoing) {
        self.closeLink()
        do {
            let context = try self.node.configuration.context ?? Context.shared()
            let link = try LinkSockets(
                epoch, endpoint: self.node.configuration.endpoint, context: context,
                dumps: self.node.configuration.dumps)
            try self.setPoller { poller throws(ZeroMQError) in
                try link.addReceiving(to: &poller)
            }
            try link.attach(attach)
            guard case .sent = link.send(hello) else { throw ZeroMQError.again }
            self.link = link
            self.mayReceive = true
            _ = self.node.outbox.use(link)
            // libzmq reports news only to those who have found nothing before.
            self.checkLink()
        } catch {
            self.node.failed(epoch, "connecting to \(self.node.configuration.endpoint): \(error)")
        }
    }

    private func closeLink() {
        self.link = nil
        let former = self.node.outbox.use(nil)
        self.setPoller { _ in }
        withExtendedLifetime(former) {}
    }

    private func setPoller<Failure: Error>(
        _ fill: (inout Poller) throws(Failure) -> Void
    ) throws(Failure) {
        self.poller = Poller()
        if let waker = self.alarm.waker { _ = self.poller.add(waker) }
        try fill(&self.poller)
    }

    private func checkLink() {
        guard let link else { return }
        do {
            if try link.isBroken() { self.failLink("the connection to the broker ended") }
        } catch {
            self.failLink("watching: \(error)")
        }
    }

    private func failLink(_ reason: String) {
        guard let epoch = self.link?.epoch else { return }
        self.node.failed(epoch, reason)
    }
}

/// Wakes the leader while it waits, and costs next to nothing while it does not.
final class Alarm: Sendable {
    /// Nil if the process is out of descriptors; then the loop does not start.
    let waker = try? Waker()
    /// Set before the last look for work that precedes a wait.
    let isSet = Atomic<Bool>(false)

    /// Call after the work has been made visible.
    func ring() {
        if self.isSet.load(ordering: .sequentiallyConsistent) { self.waker?.wake() }
    }
}

extension Context {
    private static let common = Locked<Context?>(nil)

    /// The context of this process's nodes; made at the first call.
    static func shared() throws(ZeroMQError) -> Context {
        try Self.common.withLock { (context) throws(ZeroMQError) in
            if let context { return context }
            let made = try Context()
            context = made
            return made
        }
    }
}
