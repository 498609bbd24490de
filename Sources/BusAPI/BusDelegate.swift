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

    func retain(_ object: ObjectNumber) { self.bus?.objects.retain(object) }

    func release(_ object: ObjectNumber) -> AnyObject? { self.bus?.objects.release(object) }

    func cancelHandler(_ identity: CallIdentity) { self.bus?.running.cancel(identity) }

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

    func waits(_ call: DeliveredCall) {
        if let identity = call.identity { self.bus?.running.starts(identity) }
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

    /// Starts the handler's task up to its hop to the object, on this very thread: that keeps the
    /// order of starting (rules R17). The rest runs on the node's executor.
    func deliver(_ call: DeliveredCall) {
        guard let bus else { return }
        let hand: CallInHand
        do {
            hand = bus.hand(call, try call.message.extensions())
        } catch {
            bus.node.count(.unreadable)
            bus.node.unpin(call.message.references.map(\.reference))
            bus.node.started(call.object)
            bus.answer(call, FailureBody(BusError(.invalid, error.message)))
            return
        }
        if let identity = call.identity { bus.running.starts(identity) }
        // The closure refers to one object, so it needs little room of its own; a task that can't
        // throw would put it into another one.
        let task: Task<Void, any Error> = Task.immediate(executorPreference: bus.node.executor) {
            await hand.run()
        }
        if let identity = call.identity { bus.running.started(identity, task) }
    }
}

extension Bus {
    /// What is needed to run a call. Nearly all calls go to the object at once, and stay there.
    fileprivate func hand(_ call: DeliveredCall, _ extensions: Extensions) -> CallInHand {
        let isPlain =
            self.configuration.middleware.isEmpty && !(extensions.method ?? "").hasPrefix("$")
        return CallInHand(
            call, extensions, self,
            isPlain ? self.objects.dispatching(call.object) : nil)
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

    /// Starts a call at its object, and runs and answers it if its method does not suspend. Whether
    /// it has been answered.
    @inline(never)
    fileprivate func answersAtOnce<Object: BusObjectProtocol>(
        _ hand: CallInHand, at object: isolated Object
    ) -> Bool {
        let call = IncomingCall(hand)
        call.started()
        do {
            try call.checkStart()
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
            if let object { await self.run(at: object) } else { await self.bus.handle(self) }
        }
    }

    private func run<Object: BusObjectProtocol>(at object: Object) async {
        _ = await object.whenLocal { (local: isolated Object) in
            if !self.bus.answersAtOnce(self, at: local) { await self.bus.handle(self, at: local) }
        }
    }
}
