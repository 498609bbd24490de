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
    /// How long messages of callers may wait for those of others whose answers are there, and who
    /// don't get to run: 5 ms. On a busy machine these take a millisecond or two.
    static let corkTime = Span(nanoseconds: 5_000_000)
    /// So many such times are waited for callers that don't go on; their executor may be gone.
    private static let vainWaitsMax = 20
    /// How soon a full pipe is tried again: 1 ms, in nanoseconds.
    private static let stallRetry: UInt64 = 1_000_000

    private let crew = Crew(name: "objbus-node")
    private let alarm = Alarm()
    private let requests = Locked<Deque<Request>>([])
    private let requested = Atomic<Int>(0)
    private let isStopped = Atomic<Bool>(false)
    /// Reached when the last round is over and the sockets are closed.
    let end = LoopEnd()
    /// When the present wait ends by itself.
    private let waitsUntil = Atomic<UInt64>(0)

    /// The leader's, as the next ones are: handed over with the lead, which is a lock. It keeps the
    /// node while its threads run.
    private var node: Node?
    private var link: LinkSockets?
    private let poller = OwnMemory(Poller())
    /// Whether the link may have a message: news of one came, or not all were taken then.
    private var mayReceive = false
    /// Waits in a row in which nothing came while callers were expected to go on.
    private var vainWaits = 0
    /// Received, and not yet given to the core.
    private let taken = OwnMemory<[Message]>([])

    init() {
        self.setPoller { _ in }
    }

    func start(_ node: Node) throws(ZeroMQError) {
        guard self.alarm.waker != nil else { throw .tooManySockets }
        self.node = node
        node.executor.setWake { [alarm] in alarm.ring() }
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
        // A second round after the last may come.
        guard let node else { return }
        if self.isStopped.load(ordering: .sequentiallyConsistent) {
            self.fulfilRequests(node)
            self.closeLink(node)
            node.executor.stop()
            self.node = nil
            self.end.reached()
            return
        }
        // The one who led before may be in a handler still, and must not keep back what it sends.
        node.outbox.stopGathering()
        self.fulfilRequests(node)
        let received = self.mayReceive ? self.receive(node) : 0
        node.deliverWaiting()
        if node.outbox.count > 0 { node.sendQueued() }
        let now = MonotonicClock.now()
        if node.nextDeadline().nanoseconds <= now {
            node.timePassed()
        }
        self.runJobs(member, node)
        guard self.crew.isLeader(member), received < Self.receiveBatch else { return }
        self.wait(node)
    }

    /// Runs some handlers. What they send leaves together, unless one of them takes its time.
    private func runJobs(_ member: Int, _ node: Node) {
        guard node.executor.hasJobs, self.crew.mayRunJobs else { return }
        let outbox = node.outbox
        var gatheredSince: UInt64?
        let end = MonotonicClock.now() + Self.batchTime
        outbox.gather()
        for _ in 0..<Self.batch {
            // Calls that waited for these: their answers leave together too.
            if !node.executor.hasJobs { node.deliverWaiting() }
            guard self.crew.watched({ node.executor.runOne() }) else { break }
            // The next one has stopped the gathering, and may gather itself.
            guard self.crew.isLeader(member) else { return node.sendQueued() }
            let now = MonotonicClock.now()
            guard now < end else { break }
            guard outbox.count > 0 else { continue }
            let since = gatheredSince ?? now
            gatheredSince = since
            guard now - since >= Self.gatherTime else { continue }
            gatheredSince = nil
            outbox.stopGathering()
            node.sendQueued()
            outbox.gather()
        }
        outbox.stopGathering()
        node.sendQueued()
    }

    private func wait(_ node: Node) {
        let deadline = node.nextDeadline().nanoseconds
        self.waitsUntil.store(deadline, ordering: .sequentiallyConsistent)
        self.alarm.isSet.store(true, ordering: .sequentiallyConsistent)
        defer {
            self.alarm.isSet.store(false, ordering: .sequentiallyConsistent)
            self.waitsUntil.store(0, ordering: .sequentiallyConsistent)
        }
        // Whoever added work before the flag was up did not wake us.
        let isBusy =
            self.requested.load(ordering: .sequentiallyConsistent) > 0
            || (node.executor.hasJobs && self.crew.mayRunJobs)
            || node.mayDeliver || self.mayReceive
            || self.isStopped.load(ordering: .sequentiallyConsistent)
        let now = MonotonicClock.now()
        let due = node.nextDeadline().nanoseconds
        var timeout = isBusy || due <= now ? 0 : due - now
        if node.outbox.expectsMore { timeout = min(timeout, Self.corkTime.nanoseconds) }
        if node.outbox.isStalled { timeout = min(timeout, Self.stallRetry) }
        do {
            let ready = try self.poller.withValue { poller throws(ZeroMQError) in
                try poller.wait(timeout: timeout)
            }
            if ready.contains(1) { self.mayReceive = true }
            self.noteVain(ready.isEmpty && node.outbox.expectsMore, node)
            if ready.contains(2) || ready.contains(3) { self.checkLink(node) }
        } catch {
            self.failLink("polling: \(error)", node)
        }
    }

    private func noteVain(_ isVain: Bool, _ node: Node) {
        self.vainWaits = isVain ? self.vainWaits + 1 : 0
        guard self.vainWaits > Self.vainWaitsMax else { return }
        self.vainWaits = 0
        node.outbox.forgetResumed()
    }

    private func receive(_ node: Node) -> Int {
        self.mayReceive = false
        guard let link else { return 0 }
        var count = 0
        var end: UInt64?
        repeat {
            let taken = self.taken.withValue { messages in
                let taken = self.take(from: link, &messages, node)
                messages.reverse()
                node.received(reversed: &messages, on: link.epoch)
                return taken
            }
            count += taken.count
            if let failure = taken.failure {
                self.failLink(failure, node)
                return 0
            }
            if taken.count < Self.stepBatch { return count }
            let now = MonotonicClock.now()
            if let end, now >= end { break }
            end = end ?? now + Self.receiveTime
        } while count < Self.receiveBatch
        self.mayReceive = true
        return count
    }

    /// Appends the next messages to `taken`.
    private func take(
        from link: LinkSockets, _ taken: inout [Message], _ node: Node
    ) -> (count: Int, failure: String?) {
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
                taken.append(try Message(frame: frame, buffers: buffers))
            } catch {
                return (count, "the broker sent garbage: \(error.message)")
            }
            if node.configuration.dumps {
                StandardError.dump("<-", frame.span.bytes, buffers)
            }
        }
        return (Self.stepBatch, nil)
    }

    // MARK: Links

    private func fulfilRequests(_ node: Node) {
        guard self.requested.load(ordering: .sequentiallyConsistent) > 0 else { return }
        while let request = self.requests.withLock({ $0.popFirst() }) {
            self.requested.subtract(1, ordering: .sequentiallyConsistent)
            switch request {
            case .open(let epoch, let attach, let hello):
                self.openLink(epoch, attach, hello, node)
            case .close(let epoch):
                if self.link?.epoch == epoch { self.closeLink(node) }
            }
        }
    }

    private func openLink(
        _ epoch: Epoch, _ attach: Message, _ hello: Outgoing, _ node: Node
    ) {
        self.closeLink(node)
        do {
            let context = try node.configuration.context ?? Context.shared()
            let link = try LinkSockets(
                epoch, endpoint: node.configuration.endpoint, context: context,
                dumps: node.configuration.dumps)
            try self.setPoller { poller throws(ZeroMQError) in
                try link.addReceiving(to: &poller)
            }
            try link.attach(attach)
            guard case .sent = link.send(hello) else { throw ZeroMQError.again }
            self.link = link
            self.mayReceive = true
            _ = node.outbox.use(link)
            // libzmq reports news only to those who have found nothing before.
            self.checkLink(node)
        } catch {
            node.failed(epoch, "connecting to \(node.configuration.endpoint): \(error)")
        }
    }

    private func closeLink(_ node: Node) {
        self.link = nil
        let former = node.outbox.use(nil)
        self.setPoller { _ in }
        withExtendedLifetime(former) {}
    }

    private func setPoller<Failure: Error>(
        _ fill: (inout Poller) throws(Failure) -> Void
    ) throws(Failure) {
        try self.poller.withValue { poller throws(Failure) in
            poller = Poller()
            if let waker = self.alarm.waker { _ = poller.add(waker) }
            try fill(&poller)
        }
    }

    private func checkLink(_ node: Node) {
        guard let link else { return }
        do {
            if try link.isBroken() { self.failLink("the connection to the broker ended", node) }
        } catch {
            self.failLink("watching: \(error)", node)
        }
    }

    private func failLink(_ reason: String, _ node: Node) {
        guard let epoch = self.link?.epoch else { return }
        node.failed(epoch, reason)
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
