// Part of objbus. SPDX-License-Identifier: Apache-2.0

package import BusKernel
package import BusNodeCore
package import BusWire
package import BusZeroMQ
package import Logging
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// What a node needs to know before it starts.
package struct NodeConfiguration: Sendable {
    /// Where the broker listens: `tcp://127.0.0.1:7420`, `ipc:///run/bus`, `inproc://name`.
    package var endpoint: String
    /// What listings call this node.
    package var name: String
    package var program: String
    package var limits = NodeLimits()
    package var logger: Logger
    /// Shared with the broker where both are in one process; nil for the process's own.
    package var context: Context?
    /// Print every message to standard error.
    package var dumps = false
    /// Carries the node instead of sockets, threads and the machine's clock; nil for none.
    package var host: (any NodeHost)?
    /// Where the core's random choices come from; nil for chance.
    package var seed: UInt64?

    package init(endpoint: String, name: String, program: String, logger: Logger) {
        self.endpoint = endpoint
        self.name = name
        self.program = program
        self.logger = logger
    }
}

/// Runs a node's core: sockets, clock, threads, and the tokens of what is held.
///
/// Every input goes through `step`: lock, step the core, queue what is to be sent, unlock, send,
/// and run the other effects. All methods may be called on any thread.
package final class Node: @unchecked Sendable {
    package let configuration: NodeConfiguration
    package let executor = NodeExecutor()
    package let clock: NodeClock
    private let host: (any NodeHost)?
    /// Set once, before `start`. It must not keep this node.
    package var delegate: (any NodeDelegate)?

    private let lock = Lock()
    private let core: OwnMemory<NodeStateMachine>
    /// The core's next deadline, in nanoseconds.
    private let deadline = Atomic<UInt64>(.max)
    /// The core's incarnation; 0 before the first, since that is the broker's.
    private let incarnationNumber = Atomic<UInt64>(0)
    private var tokens: [Reference: WeakToken] = [:]
    /// For two steps at a time: whom a step resumes may take another one before the first is over.
    private let spareEffects = (SpareEffects(), SpareEffects())

    private let deadTokens = Locked<[(Reference, TokenGeneration)]>([])
    private let deadTokenCount = Atomic<Int>(0)
    let outbox = Outbox()
    private let loop = NodeLoop()
    let starts = StartGate()
    /// Whether any own object was revoked: until then all calls may start.
    private let hasRevoked = Atomic<Bool>(false)
    private let metrics = Locked(NodeMetrics())

    private struct WeakToken {
        weak var token: Token?
        var generation: TokenGeneration
    }

    package init(_ configuration: NodeConfiguration) {
        self.configuration = configuration
        self.host = configuration.host
        self.clock = NodeClock(configuration.host)
        var random = SystemRandomNumberGenerator()
        self.core = OwnMemory(
            NodeStateMachine(
                name: configuration.name, program: configuration.program,
                processID: Int64(getpid()), limits: configuration.limits,
                seed: configuration.seed ?? random.next()))
    }

    /// Starts the threads and begins to link; `delegate.report` tells when it is done.
    package func start() throws(ZeroMQError) {
        if let host { host.started(self) } else { try self.loop.start(self) }
        self.step { core, now, effects in core.started(at: now, into: &effects) }
    }

    /// Says goodbye, fails what is under way, and lets the threads end.
    package func close() {
        self.step { core, now, effects in core.closed(at: now, into: &effects) }
        self.metrics.withLock { $0.update(self.drops) }
        guard let host else { return self.loop.stop() }
        host.ended(self)
        self.loop.end.reached()
    }

    /// Waits until the threads have closed every socket; call after `close`. False if
    /// `stopWaitingForEnd` came first.
    package func waitForEnd() async -> Bool { await self.loop.end.wait() }

    /// Lets `waitForEnd` return although a thread still runs a handler.
    package func stopWaitingForEnd() { self.loop.end.giveUp() }

    package var incarnation: IncarnationID? {
        let number = self.incarnationNumber.load(ordering: .sequentiallyConsistent)
        return number == 0 ? nil : IncarnationID(rawValue: number)
    }

    package var isLinked: Bool { self.read { $0.isLinked } }

    /// Of the present link, or of the last one.
    package var epoch: Epoch { self.read { $0.epoch } }

    /// Calls issued and not settled; for tests and tools.
    package var questionCount: Int { self.read { $0.questionCount } }

    /// References held; for tests and tools.
    package var importCount: Int { self.read { $0.imports.count } }

    /// Own objects that others hold; for tests and tools.
    package var exportCount: Int { self.read { $0.exports.count } }

    /// What was refused, dropped or lost here since the start.
    package var drops: Tally<NodeDrop> { self.read { $0.drops } }

    /// Counts what the core can't see.
    package func count(_ drop: NodeDrop) { self.read { $0.count(drop) } }

    // MARK: Calls

    /// Issues a call; see `NodeStateMachine.callIssued`.
    package func call(_ request: inout CallRequest) throws(BusError) -> CallNumber? {
        if self.outbox.isStalled, self.outbox.count > 100_000 {
            throw BusError(.overloaded, "100000 messages wait for the broker")
        }
        var outcome: Result<CallNumber?, BusError> = .success(nil)
        self.step { core, now, effects in
            do throws(BusError) {
                outcome = .success(try core.callIssued(&request, at: now, into: &effects))
            } catch {
                outcome = .failure(error)
            }
        }
        return try outcome.get()
    }

    /// Lets a task whose call was not issued go on.
    package func resume(_ waiter: CallWaiter, _ error: BusError) {
        self.resuming(1)
        waiter.resume(.failed(error))
    }

    /// A task that was resumed with the outcome of its call goes on; once for each.
    package func wentOn() {
        if self.host == nil, self.outbox.wentOn() { self.sendQueued() }
    }

    package func cancel(_ number: CallNumber) {
        self.step { core, now, effects in core.callCancelled(number, at: now, into: &effects) }
    }

    package func reply(to identity: CallIdentity, _ request: consuming ReplyRequest) {
        var moved: ReplyRequest? = consume request
        self.step { core, _, effects in
            guard let request = moved.take() else { return }
            core.replied(to: identity, consume request, into: &effects)
        }
    }

    /// Whether a call that was delivered here has not been answered.
    package func isRunning(_ identity: CallIdentity) -> Bool {
        self.read { $0.isRunning(identity) }
    }

    /// What a handler waits for; see `NodeStateMachine.awaited`.
    package func awaited(
        by handled: Extensions.ParentCall, _ chain: ChainID?
    ) -> [AwaitedCall] {
        var awaited: [AwaitedCall] = []
        self.step { core, _, _ in awaited = core.awaited(by: handled, chain: chain) }
        return awaited
    }

    // MARK: References

    /// The token of a reference that this process holds: the living one or a new one. Nil if the
    /// reference is not held.
    package func token(for reference: Reference) -> Token? {
        self.read { core in
            // One of an earlier incarnation keeps nothing here, though it may live on.
            if let known = self.tokens[reference],
                core.imports.isCurrent(known.generation, of: reference),
                let token = known.token
            {
                return token
            }
            guard let generation = core.makeToken(reference) else { return nil }
            let token = Token(reference, generation, self)
            self.tokens[reference] = WeakToken(token: token, generation: generation)
            return token
        }
    }

    /// Gives back the references of a delivered call or an outcome, once tokens have been made.
    package func unpin(_ references: [Reference]) {
        guard !references.isEmpty else { return }
        self.step { core, _, effects in core.unpin(references, into: &effects) }
    }

    /// The entry of a held reference, with its seal, as it would travel.
    package func entry(of reference: Reference) -> ReferenceEntry? {
        self.read { core in
            core.imports[reference].map {
                ReferenceEntry(reference: reference, generation: $0.generation, seal: $0.seal)
            }
        }
    }

    package func published(
        _ name: String, _ object: ObjectNumber, interface: String, replicas: ReplicaPolicy?
    ) {
        self.step { core, _, _ in
            core.published(name, object, interface: interface, replicas: replicas)
        }
    }

    /// Names that this node has published, with their objects, sorted by name.
    package var publications: [HelloBody.Name] { self.read { $0.published } }

    /// HELLO restates the name no longer. Returns whether it did.
    package func withdrawn(_ name: String) -> Bool {
        var wasPublished = false
        self.step { core, _, _ in wasPublished = core.withdrawn(name) }
        return wasPublished
    }

    /// HELLO restates no name any longer.
    package func withdrewAll() {
        self.step { core, _, _ in core.allWithdrawn() }
    }

    /// Refuses new calls from now on; see `NodeStateMachine.drainBegan`.
    package func drain() {
        self.step { core, _, _ in core.drainBegan() }
    }

    func tokenDied(_ reference: Reference, _ generation: TokenGeneration) {
        self.deadTokenCount.add(1, ordering: .sequentiallyConsistent)
        self.deadTokens.withLock { $0.append((reference, generation)) }
        self.buryTokens()
    }

    /// Tells the core of dead tokens, unless another thread is in it, which then does.
    private func buryTokens() {
        while self.deadTokenCount.load(ordering: .sequentiallyConsistent) > 0 {
            guard self.lock.tryLock() else { return }
            self.locked { core, _, effects in
                let dead = self.deadTokens.withLock { list in
                    let all = list
                    list = []
                    return all
                }
                self.deadTokenCount.subtract(dead.count, ordering: .sequentiallyConsistent)
                for (reference, generation) in dead {
                    if self.tokens[reference]?.generation == generation {
                        self.tokens[reference] = nil
                    }
                    core.tokenDied(reference, generation, into: &effects)
                }
            }
        }
    }

    // MARK: Rights and deaths

    /// Makes every reference to an own object given out so far worthless: once this returns, no
    /// call of an earlier right starts.
    package func revoke(_ object: ObjectNumber) {
        self.step { core, now, effects in
            self.hasRevoked.store(true, ordering: .sequentiallyConsistent)
            core.revoked(object, at: now, into: &effects)
        }
    }

    /// Whether the right by which a call was delivered still stands.
    package func mayStart(_ call: DeliveredCall) -> Bool {
        guard self.hasRevoked.load(ordering: .sequentiallyConsistent) else { return true }
        return self.read { !$0.isRevoked(call) }
    }

    /// Tells the delegate by `died` when a reference is worth nothing to this node any more, once;
    /// returns why if it is so already.
    package func watch(_ reference: Reference) -> DeathReason? {
        var reason: DeathReason?
        self.step { core, _, _ in reason = core.watch(reference) }
        return reason
    }

    /// Tells the delegate by `unheld` whenever the last holder of an own object is gone.
    package func watchHolders(of object: ObjectNumber, _ wants: Bool) {
        self.step { core, _, _ in core.watchHolders(of: object, wants) }
    }

    // MARK: For a host

    /// A message arrived by the link of `epoch`.
    package func received(_ message: Message, on epoch: Epoch) {
        self.step { core, now, effects in
            core.received(message, on: epoch, at: now, into: &effects)
        }
    }

    /// The time of `nextDeadline` has come.
    package func timePassed() {
        self.step { core, now, effects in core.timePassed(at: now, into: &effects) }
        self.metrics.withLock { $0.update(self.drops) }
        let now = self.clock.now()
        if self.starts.lookDue <= now { self.delegate?.waited(self.starts.look(at: now)) }
    }

    /// Messages arrived by the link of `epoch`, the first one last; none are left.
    func received(reversed messages: inout [Message], on epoch: Epoch) {
        guard !messages.isEmpty else { return }
        self.step { core, now, effects in
            while let message = messages.popLast() {
                core.received(message, on: epoch, at: now, into: &effects)
            }
        }
    }

    // MARK: Stepping

    /// Looks at the core. `inout`, or a look at any of it would be given a copy of it all.
    private func read<Outcome>(_ body: (inout NodeStateMachine) -> Outcome) -> Outcome {
        self.lock.withLock { self.core.withValue(body) }
    }

    /// Steps the core and runs its effects.
    func step(_ body: (inout NodeStateMachine, Tick, inout [NodeEffect]) -> Void) {
        self.lock.lock()
        self.locked(body)
        if self.deadTokenCount.load(ordering: .sequentiallyConsistent) > 0 { self.buryTokens() }
    }

    /// Does the work of `step`; the lock is closed when it begins and open when it ends.
    private func locked(_ body: (inout NodeStateMachine, Tick, inout [NodeEffect]) -> Void) {
        var effects: [NodeEffect] = []
        let spare = self.spareEffects.0.lend(&effects) ?? self.spareEffects.1.lend(&effects)
        self.core.withValue { body(&$0, self.clock.now(), &effects) }
        var dropped: [AnyObject] = []
        var (sends, hasOthers, resumed) = (false, false, 0)
        for index in effects.indices {
            switch effects[index] {
            case .transmit:
                self.transmit(effects[index].take())
                sends = true
            case .retain(let object): self.retain(object)
            case .release(let object):
                if let last = self.release(object) { dropped.append(last) }
            case .resume(let waiter, _):
                if waiter.isTask { resumed += 1 }
                hasOthers = true
            case .openLink, .closeLink, .deliver, .cancelHandler, .died, .unheld, .report:
                hasOthers = true
            case .done: break
            }
        }
        let deadline = self.core.withValue { self.publish($0.outlook()) }
        self.lock.unlock()
        // To be asked after the message was appended: whoever goes on last looks for it after that.
        let waits = !hasOthers && self.outbox.expectsMore && !self.outbox.hasEnough
        if sends, self.host == nil, !waits { self.sendQueued() }
        if resumed > 0 { self.resuming(resumed) }
        if hasOthers { for index in effects.indices { self.run(effects[index].take()) } }
        if let host {
            host.notLater(than: deadline, self)
        } else {
            self.loop.notLater(than: deadline)
        }
        dropped.removeAll()
        spare?.takeBack(&effects)
    }

    // Not inline, as the next two: the effect would be copied, and the delegate be looked up for
    // every step.
    @inline(never)
    private func transmit(_ effect: consuming NodeEffect) {
        switch consume effect {
        case .transmit(let outgoing):
            guard let host else { return self.outbox.append(outgoing) }
            host.transmit(outgoing, from: self)
        default: break
        }
    }

    @inline(never)
    private func retain(_ object: ObjectNumber) { self.delegate?.retain(object) }

    @inline(never)
    private func release(_ object: ObjectNumber) -> AnyObject? { self.delegate?.release(object) }

    private func run(_ effect: consuming NodeEffect) {
        switch consume effect {
        case .resume(let waiter, let outcome): waiter.resume(outcome)
        case .deliver(let call): self.starts.arrived(call, self)
        case .cancelHandler(let identity): self.delegate?.cancelHandler(identity)
        case .died(let reference, let reason): self.delegate?.died(reference, reason)
        case .unheld(let object): self.delegate?.unheld(object)
        case .report(let notice): self.delegate?.report(notice)
        case .openLink(let epoch, let attach, let hello):
            if let host {
                host.openLink(epoch, attach: attach, hello: hello, of: self)
            } else {
                self.loop.request(.open(epoch, attach: attach, hello: hello))
            }
        case .closeLink(let epoch):
            if let host {
                host.closeLink(epoch, of: self)
            } else {
                self.loop.request(.close(epoch))
            }
        case .transmit, .retain, .release, .done: break
        }
    }

    private func resuming(_ count: Int) {
        guard self.host == nil, self.outbox.resuming(count) else { return }
        // If this is another thread than the leader's, which looks by itself.
        self.loop.notLater(than: self.clock.now().advanced(by: NodeLoop.corkTime))
    }

    /// Sends what waits in the outbox, as far as it can be sent.
    func sendQueued() {
        switch self.outbox.drain() {
        case .nothing: break
        case .stalled: self.loop.wake()
        case .failed(let epoch, let reason): self.failed(epoch, reason)
        }
    }

    /// A link can't be used any more.
    package func failed(_ epoch: Epoch, _ reason: String) {
        self.step { core, now, effects in
            core.linkFailed(epoch, reason, at: now, into: &effects)
        }
    }

    /// When `timePassed` is next wanted, as of the last step.
    package func nextDeadline() -> Tick {
        let due = Tick(nanoseconds: self.deadline.load(ordering: .sequentiallyConsistent))
        return min(due, self.starts.lookDue)
    }

    /// Tells of the core what is asked for without the lock; call under it, so that there is one
    /// writer. Returns the next deadline.
    private func publish(_ outlook: (incarnation: IncarnationID?, nextDeadline: Tick)) -> Tick {
        let incarnation = outlook.incarnation?.rawValue ?? 0
        if self.incarnationNumber.load(ordering: .relaxed) != incarnation {
            self.incarnationNumber.store(incarnation, ordering: .sequentiallyConsistent)
        }
        let deadline = outlook.nextDeadline
        if self.deadline.load(ordering: .relaxed) != deadline.nanoseconds {
            self.deadline.store(deadline.nanoseconds, ordering: .sequentiallyConsistent)
        }
        return deadline
    }
}

extension NodeEffect {
    /// Moves it out of its list, which spares a copy.
    fileprivate mutating func take() -> NodeEffect {
        let effect = consume self
        self = .done
        return effect
    }
}
