// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusNode
import BusNodeCore
import BusWire
import Distributed
import Logging
import Synchronization

/// Runs what arrives for a bus.
final class BusDelegate: NodeDelegate, @unchecked Sendable {
    /// Set once, before the node starts.
    weak var bus: Bus?
    /// Those of the bus: with them most calls need not look for it.
    private let objects: ObjectTable
    private let running: RunningCalls

    init(_ objects: ObjectTable, _ running: RunningCalls) {
        (self.objects, self.running) = (objects, running)
    }

    func retain(_ object: ObjectNumber) { self.objects.retain(object) }

    func release(_ object: ObjectNumber) -> AnyObject? { self.objects.release(object) }

    func cancelHandler(_ identity: CallIdentity) {
        guard let bus else { return }
        self.running.cancel(identity)
        self.objects.cancel(identity)
        // Else it ends, of whatever incarnation it is.
        guard identity.callee == bus.incarnation, !bus.node.isRunning(identity) else { return }
        self.running.settled(identity)
    }

    func died(_ reference: Reference, _ reason: DeathReason) {
        self.bus?.lifetimes.died(reference, reason)
    }

    func unheld(_ object: ObjectNumber) { self.bus?.lifetimes.unheld(object) }

    func report(_ notice: NodeNotice) {
        guard let bus else { return }
        let logger = bus.configuration.logger
        switch notice {
        case .linked(let incarnation, let epoch, let run):
            bus.link.linked(incarnation)
            logger.info(
                "linked",
                metadata: [
                    "incarnation": "\(incarnation)", "epoch": "\(epoch.rawValue)",
                    "run": "\(hexadecimal(run))",
                ])
        case .linkLost(let reason):
            bus.link.lost()
            logger.warning("link lost", metadata: ["reason": "\(reason)"])
        case .brokerStops:
            bus.link.lost()
            logger.notice("the broker is stopping; waiting for the next one")
        case .refused(let error, let isFinal):
            bus.link.refused(error, isFinal: isFinal)
            logger.warning("refused by the broker", metadata: ["reason": "\(error.message)"])
        case .incarnationEnded(let incarnation):
            logger.error("incarnation ended", metadata: ["incarnation": "\(incarnation)"])
        case .peerEnded(let peer, let reason):
            logger.debug(
                "peer ended", metadata: ["incarnation": "\(peer)", "reason": "\(reason)"])
        }
    }

    func arrived(_ call: DeliveredCall) {
        if call.identity != nil { self.running.arrived() }
    }

    func waited(_ holdups: [Holdup]) {
        if let bus { bus.waiting.found(holdups, by: bus) }
    }

    func dropped(_ call: DeliveredCall) {
        guard let bus else { return }
        bus.node.unpin(call.message.references.map(\.reference))
        bus.configuration.logger.debug(
            "one-way call dropped: too many wait or run", metadata: ["caller": "\(call.caller)"])
    }

    /// Leaves the call to its object's mailbox, or starts the handler's task up to its hop to the
    /// object, on this very thread: both keep the order of starting (rules R17). The rest runs on
    /// the node's executor.
    func deliver(_ call: DeliveredCall) {
        if let mailbox = self.objects.mailbox(of: call.object), mailbox.add(call) { return }
        guard let bus else { return }
        guard bus.configuration.middleware.isEmpty,
            let mailbox = self.objects.makeMailbox(for: call.object, bus), mailbox.add(call)
        else { return bus.startTask(for: call) }
    }
}

extension Bus {
    /// Starts a call in a task of its own.
    fileprivate func startTask(for call: DeliveredCall) {
        guard let hand = self.hand(call, isAnnounced: false) else {
            return self.node.started(call.object)
        }
        self.startTask(for: hand)
    }

    private func startTask(for hand: CallInHand) {
        if let identity = hand.delivered.identity { self.running.starts(identity) }
        // The closure refers to one object, so it needs little room of its own; a task that can't
        // throw would put it into another one.
        let task: Task<Void, any Error> = Task.immediate(executorPreference: self.node.executor) {
            await hand.run()
        }
        if let identity = hand.delivered.identity { self.running.started(identity, task) }
    }

    /// What is needed to run a call; nil if it can't be read, which is answered.
    private func hand(_ call: DeliveredCall, isAnnounced: Bool) -> CallInHand? {
        do {
            return CallInHand(call, try call.message.extensions(), self, isAnnounced: isAnnounced)
        } catch {
            self.node.count(.unreadable)
            self.node.unpin(call.message.references.map(\.reference))
            self.answer(call, FailureBody(BusError(.invalid, error.message)))
            return nil
        }
    }

    /// Starts a call at its object, for its mailbox. Whether it is over; else it has a task of its
    /// own, and what comes next must let others go first that are on their way to the object.
    func start<Object: BusObjectProtocol>(
        _ call: DeliveredCall, at object: isolated Object
    ) -> Bool {
        guard let hand = self.hand(call, isAnnounced: true) else { return true }
        guard !(hand.extensions.method ?? "").hasPrefix("$") else {
            self.startTask(for: hand)
            return false
        }
        let context = self.context(of: hand)
        let isAnswered = CallContext.$current.withValue(context) {
            self.answersAtOnce(hand, at: object)
        }
        if isAnswered { return true }
        if let identity = call.identity { self.running.starts(identity) }
        let task: Task<Void, any Error> = Task.immediate(executorPreference: self.node.executor) {
            await CallContext.$current.withValue(context) { await self.handle(hand, at: object) }
        }
        if let identity = call.identity { self.running.started(identity, task) }
        return false
    }

    /// Runs one call where its object is, and sends its reply.
    fileprivate func handle<Object: BusObjectProtocol>(
        _ hand: CallInHand, at object: isolated Object
    ) async {
        do {
            guard let result = try await Object.busDispatch(IncomingCall(hand), on: object) else {
                throw await Self.noMethod(hand.extensions.method ?? "", of: object)
            }
            self.answer(hand.delivered, consume result)
        } catch {
            self.answer(hand, error)
        }
    }

    /// Checks a call at its object, and runs and answers it if its method does not suspend. Whether
    /// it has been answered.
    private func answersAtOnce<Object: BusObjectProtocol>(
        _ hand: CallInHand, at object: isolated Object
    ) -> Bool {
        let call = IncomingCall(hand)
        do {
            let isCancelled = hand.delivered.identity.map { self.running.isCancelled($0) }
            try call.checkStart(isCancelled: isCancelled ?? false)
            guard let result = try Object.busDispatchSync(call, on: object) else { return false }
            self.answer(hand.delivered, consume result)
        } catch {
            self.answer(hand, error)
        }
        return true
    }

    /// Runs one call and sends its reply.
    fileprivate func handle(_ hand: CallInHand) async {
        do {
            // Apart from each other: a function's frame has room for all that it may do.
            let result =
                self.configuration.middleware.isEmpty
                ? try await self.dispatch(IncomingCall(hand))
                : try await self.dispatchInsideMiddleware(IncomingCall(hand))
            self.answer(hand.delivered, consume result)
        } catch {
            self.answer(hand, error)
        }
    }

    // Not inline, as the next ones: what these need for a moment is not to lie in the frame of
    // `handle`, which is taken from the heap (docs/performance.md).
    @inline(never)
    private func answer(_ hand: CallInHand, _ error: any Error) {
        let extensions = hand.extensions
        let reference = Reference(owner: self.incarnation, object: hand.delivered.object)
        let hop = Hop(
            node: self.configuration.name, object: extensions.name ?? reference.description,
            method: extensions.method ?? "")
        self.answer(hand.delivered, FailureBody(thrown: error, at: hop))
    }

    @inline(never)
    fileprivate func context(of hand: CallInHand) -> CallContext? {
        let (call, extensions) = (hand.delivered, hand.extensions)
        return CallContext(
            caller: call.caller, object: Reference(owner: self.incarnation, object: call.object),
            method: extensions.method ?? "", name: extensions.name,
            chain: extensions.chain ?? self.nextChain(), number: call.identity?.number,
            deadline: call.deadline, clock: self.node.clock)
    }

    private func dispatchInsideMiddleware(_ call: IncomingCall) async throws -> CallResult {
        guard let context = CallContext.current else { return try await self.dispatch(call) }
        var info = CallInfo(
            side: .object, object: context.object, name: context.name, method: context.method,
            chain: context.chain, caller: context.caller)
        info.headers = call.extensions.headers
        // Middleware may run the call not at all, or more than once.
        let announced = Atomic<Bool>(false)
        defer {
            if !announced.load(ordering: .relaxed) { call.started() }
        }
        return try await self.configuration.middleware.around(info) { _ in
            var call = call
            call.isAnnounced = announced.exchange(true, ordering: .relaxed)
            return try await self.dispatch(call)
        }
    }

    func dispatch(_ call: IncomingCall) async throws -> CallResult {
        guard let object = self.object(call.delivered.object) else {
            call.started()
            throw BusError(
                .notFound, "node \(self.configuration.name) has no object \(call.delivered.object)")
        }
        if call.method.hasPrefix("$") {
            call.started()
            try call.checkStart()
            return try await self.describe(object, call)
        }
        if let object = object as? any BusObjectProtocol {
            if let result = try await object.run(call) { return result }
            throw await Self.noMethod(call.method, of: object)
        }
        call.started()
        try call.checkStart()
        return try await self.dispatchByHint(call, on: object)
    }

    /// An own object; the root object is made when it is called.
    private func object(_ number: ObjectNumber) -> (any DistributedActor)? {
        number == .root ? RootObject(actorSystem: self) : self.objects.object(number)
    }

    /// Services that every object has.
    private func describe(
        _ object: any DistributedActor, _ call: IncomingCall
    ) async throws -> CallResult {
        switch call.method {
        case "$interface()": return try call.result(await Self.interface(of: object))
        case "$ping()": return call.result()
        case "$batch(_:)": return try await self.runBatch(call)
        default:
            let names = ["$interface()", "$ping()", "$batch(_:)"]
            throw Self.noMethod(call.method, of: "any object", names)
        }
    }

    static func interface(of object: any DistributedActor) async -> Interface {
        if let host = object as? any SelfDescribing, let own = await host.ownInterface() {
            return own
        }
        if let object = object as? any BusObjectProtocol { return type(of: object).busInterface }
        return Interface(
            name: "\(type(of: object))",
            documentation: "Without @BusObject: its methods have no stable names.", methods: [])
    }

    private static func noMethod(
        _ name: String, of object: any DistributedActor
    ) async -> BusError {
        let interface = await self.interface(of: object)
        return self.noMethod(name, of: interface.name, interface.methods.map(\.name))
    }

    private static func noMethod(_ name: String, of type: String, _ names: [String]) -> BusError {
        let base = name.prefix { $0 != "(" }
        let alike = names.filter { $0.prefix { $0 != "(" } == base }
        let hint =
            alike.isEmpty
            ? "it has \(names.joined(separator: ", "))"
            : "did you mean \(alike.joined(separator: " or "))?"
        // The same base name with other labels or another number of arguments: the method exists.
        return BusError(
            alike.isEmpty ? .unimplemented : .invalid, "\(type) has no method \(name); \(hint)")
    }

    @inline(never)
    private func answer(_ call: DeliveredCall, _ result: consuming CallResult) {
        self.node.ended(call)
        guard let identity = call.identity else { return }
        var request = ReplyRequest(builder: result.encoder.takeBuilder())
        request.references = result.encoder.references
        request.buffers = result.encoder.buffers
        self.node.reply(to: identity, request)
        self.running.ended(identity)
        withExtendedLifetime(result) {}
    }

    func answer(_ call: DeliveredCall, _ failure: FailureBody) {
        self.node.ended(call)
        guard let identity = call.identity else {
            self.configuration.logger.warning(
                "one-way call failed", metadata: ["reason": "\(failure.error)"])
            return
        }
        self.node.reply(to: identity, ReplyRequest(failure))
        self.running.ended(identity)
    }
}

extension CallInHand {
    /// Runs the call, with its context around all that it does.
    fileprivate func run() async {
        await CallContext.$current.withValue(self.bus.context(of: self)) {
            await self.bus.handle(self)
        }
    }
}
