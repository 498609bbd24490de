// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusNode
import BusNodeCore
import BusValue
import BusWire

/// What makes a call besides its target and arguments; small, since every proxy has it.
struct CallOptions: Sendable {
    /// Nanoseconds; nil for the bus's own default.
    private(set) var span: Span?
    var isOneWay = false
    var isIdempotent = false
    /// Nil for the bus's own default.
    var overload: Bus.OverloadPolicy?

    func with(deadline: Duration) -> CallOptions {
        var options = self
        options.span = Span(deadline)
        return options
    }
}

/// The answer to a call, with the references in it held until it has been decoded.
@usableFromInline struct Reply: Sendable {
    let message: Message
    let hold: MessageHold?
}

/// A call of a task: what it takes to make it, and to make it again.
struct OutgoingCall {
    var aim: CallAim
    /// Its deadline is that of all attempts together.
    var request: CallRequest
    /// The tokens of what the arguments refer to must not die before the call is in the stream.
    let scope: EncodingScope?
}

extension Bus {
    /// Calls an object and waits for the reply; resolves a name again when it has moved.
    ///
    /// Inline as what it calls is, since each async function between a caller and its answer costs
    /// it two hops. All that needs room of its own is in other functions: the frame of this one is
    /// kept as long as the call takes, of which there may be thousands (docs/performance.md).
    ///
    /// - Throws: what the object threw, or `BusError`.
    @inline(__always)
    func call(
        _ target: HeldReference, method: String, hint: String? = nil,
        _ arguments: consuming PayloadEncoder
    ) async throws -> Reply {
        guard self.configuration.middleware.isEmpty else {
            return try await self.callInsideMiddleware(target, method, hint, arguments)
        }
        var call = self.outgoing(target, method, hint, arguments)
        guard !self.isPatient(target.options) else {
            return try await self.callPatiently(&call, target)
        }
        let outcome = await self.node.outcome(of: &call.request)
        guard self.mayGoOn(target, after: outcome) else {
            return try self.reply(of: consume outcome)
        }
        return try await self.callAgain(&call, target, after: outcome)
    }

    @inline(never)
    private func callInsideMiddleware(
        _ target: HeldReference, _ method: String, _ hint: String?,
        _ arguments: consuming PayloadEncoder
    ) async throws -> Reply {
        let (context, arguments) = (CallContext.current, arguments)
        let extensions = self.extensions(method, hint, target, context)
        let info = self.info(of: target, extensions)
        return try await self.configuration.middleware.around(info) { info in
            var extensions = extensions
            extensions.headers = info.headers
            var call = self.outgoing(target, extensions, arguments, by: context?.deadline)
            return try await self.callPatiently(&call, target)
        }
    }

    private func info(of target: HeldReference, _ extensions: Extensions) -> CallInfo {
        CallInfo(
            side: .caller, object: self.current(target).reference, name: extensions.name,
            method: extensions.method ?? "", chain: extensions.chain ?? self.nextChain(),
            caller: nil)
    }

    /// A call that is ready to be made.
    @inline(never)
    private func outgoing(
        _ target: HeldReference, _ method: String, _ hint: String?,
        _ arguments: consuming PayloadEncoder
    ) -> OutgoingCall {
        let context = CallContext.current
        let extensions = self.extensions(method, hint, target, context)
        return self.outgoing(target, extensions, arguments, by: context?.deadline)
    }

    private func outgoing(
        _ target: HeldReference, _ extensions: consuming Extensions,
        _ arguments: consuming PayloadEncoder, by limit: Tick?
    ) -> OutgoingCall {
        let aim = self.aim(target)
        let scope = arguments.scope
        var request = CallRequest(
            target: aim.held.reference, builder: arguments.takeBuilder(), extensions: extensions,
            references: arguments.references, buffers: arguments.buffers)
        request.extensions.members = aim.members
        request.deadline = self.deadline(target.options, limit)
        if target.options.isIdempotent { request.flags.insert(.idempotent) }
        return OutgoingCall(aim: aim, request: request, scope: scope)
    }

    /// Whether a call has failed which may be made again, as `callAgain` decides: for that one all
    /// that the call needs lives until here.
    @inline(never)
    private func mayGoOn(_ target: HeldReference, after outcome: CallOutcome) -> Bool {
        target.binding != nil && !outcome.isReply
    }

    /// Goes on after the first attempt at a call by name has failed.
    @inline(never)
    private func callAgain(
        _ call: inout OutgoingCall, _ target: HeldReference, after outcome: CallOutcome
    ) async throws -> Reply {
        do {
            return try self.reply(of: outcome)
        } catch let error as BusError {
            try await self.aimAgain(&call, target, after: error)
        }
        return try await self.callPatiently(&call, target)
    }

    /// Makes a call, as often as it takes.
    @inline(never)
    private func callPatiently(
        _ call: inout OutgoingCall, _ target: HeldReference
    ) async throws -> Reply {
        var patience = self.patience(target.options, until: call.request.deadline)
        while true {
            try await patience?.beforeCall(of: call.request.target.owner)
            let outcome = await self.node.outcome(of: &call.request)
            do {
                return try self.reply(of: outcome)
            } catch let error as BusError {
                if try await patience?.waited(after: error, call.request.target.owner) == true {
                    continue
                }
                try await self.aimAgain(&call, target, after: error)
            }
        }
    }

    /// Looks for what the name of the call's target means by now; throws `error` if the call must
    /// not be made again.
    private func aimAgain(
        _ call: inout OutgoingCall, _ target: HeldReference, after error: BusError
    ) async throws {
        guard let binding = target.binding, self.mayRetry(error, target.options),
            self.node.clock.now() < call.request.deadline
        else { throw error }
        call.aim = try await binding.resolve(after: call.aim)
        // Once: among replicas that come and go all the time it would be told so for ever.
        call.request.extensions.members = 0
        // The same object once more, and it is not there: the name says so in time.
        if error.kind != .moved, call.aim.held.reference == call.request.target { throw error }
        call.request.target = call.aim.held.reference
    }

    /// Calls an object without waiting for anything but middleware.
    func callOneWay(
        _ target: HeldReference, method: String, hint: String? = nil, _ arguments: PayloadEncoder
    ) async throws {
        let extensions = self.extensions(method, hint, target, CallContext.current)
        let middleware = self.configuration.middleware
        guard !middleware.isEmpty else {
            return try await self.sendOneWay(target, extensions, arguments)
        }
        try await middleware.around(self.info(of: target, extensions)) { info in
            var extensions = extensions
            extensions.headers = info.headers
            try await self.sendOneWay(target, extensions, arguments)
        }
    }

    private func sendOneWay(
        _ target: HeldReference, _ extensions: Extensions, _ arguments: PayloadEncoder
    ) async throws {
        let deadline = self.deadline(target.options, CallContext.current?.deadline)
        var patience = self.patience(target.options, until: deadline)
        var aim = self.aim(target)
        while true {
            let owner = aim.held.reference.owner
            try await patience?.beforeCall(of: owner)
            do {
                return try self.sendOneWay(target, aim.held, extensions, arguments, deadline)
            } catch let error as BusError {
                if try await patience?.waited(after: error, owner) == true { continue }
                guard let binding = target.binding, error.kind == .moved else { throw error }
                aim = try await binding.resolve(after: aim)
            }
        }
    }

    private func sendOneWay(
        _ target: HeldReference, _ resolved: HeldReference, _ extensions: Extensions,
        _ arguments: PayloadEncoder, _ deadline: Tick
    ) throws {
        var request = CallRequest(
            target: resolved.reference, builder: arguments.builder, extensions: extensions,
            references: arguments.references, buffers: arguments.buffers)
        request.flags = .oneWay
        request.deadline = deadline
        // Nobody waits for an answer: the tokens of what the call needs must not die before it is
        // in the stream.
        try withExtendedLifetime((target, arguments)) { _ = try self.node.call(&request) }
    }

    /// Calls a method of the broker.
    ///
    /// - Parameter span: how long it may take; nil for the bus's own default.
    func callBroker(
        _ method: String, _ arguments: [Value], within span: Duration? = nil
    ) async throws -> Reply {
        var encoder = PayloadEncoder(self)
        try encoder.append(Value.array(arguments))
        let options = span.map { CallOptions().with(deadline: $0) } ?? CallOptions()
        return try await self.callBroker(method, encoder, references: [], options)
    }

    func callBroker(
        _ method: String, _ arguments: PayloadEncoder, references: [ReferenceEntry],
        _ options: CallOptions = CallOptions()
    ) async throws -> Reply {
        let root = Reference(owner: .broker, object: .root)
        var request = CallRequest(
            target: root, builder: arguments.builder, extensions: Extensions(method: method),
            references: arguments.references)
        request.entries = references
        request.deadline = self.deadline(options, CallContext.current?.deadline)
        while true {
            do {
                defer { withExtendedLifetime(arguments) {} }
                return try self.reply(of: await self.node.outcome(of: &request))
            } catch let error as BusError where error.kind == .recovering {
                // At the deadline the next attempt fails by itself.
                guard (try? await Task.sleep(for: Self.recoveryPause)) != nil else {
                    throw BusError(.cancelled, "the calling task was cancelled")
                }
            }
        }
    }

    /// Between two questions to a broker that was restarted and waits for its nodes.
    private static let recoveryPause = Duration.milliseconds(50)

    /// What the next call of `target` goes to.
    private func aim(_ target: HeldReference) -> CallAim {
        guard let binding = target.binding else { return CallAim(self.current(target)) }
        let aim = binding.aim()
        guard aim.held.isOwn else { return aim }
        var own = aim
        own.held = self.current(aim.held)
        return own
    }

    private func mayRetry(_ error: BusError, _ options: CallOptions) -> Bool {
        if error.kind == .moved { return true }
        guard error.kind == .disconnected else { return false }
        return error.executed == .no || options.isIdempotent
    }

    private func extensions(
        _ method: String, _ hint: String?, _ target: HeldReference, _ context: CallContext?
    ) -> Extensions {
        var extensions = Extensions(method: method, name: target.binding?.name, hint: hint)
        if let context {
            extensions.chain = context.chain
            if let number = context.number {
                extensions.parent = Extensions.ParentCall(caller: context.caller, number: number)
            }
        } else {
            extensions.chain = CallContext.outermostChain ?? self.nextChain()
        }
        return extensions
    }

    /// The nearer of the call's own deadline and `limit`, that of the handler it is made in.
    private func deadline(_ options: CallOptions, _ limit: Tick?) -> Tick {
        let own = self.node.clock.now().advanced(by: options.span ?? self.usualSpan)
        return limit.map { min(own, $0) } ?? own
    }

    @inline(never)
    private func reply(of outcome: consuming CallOutcome) throws -> Reply {
        switch consume outcome {
        case .failed(let error):
            throw error
        case .answered(let message):
            let hold = MessageHold.of(message, self.node)
            guard message.header.kind == .failure else {
                return Reply(message: message, hold: hold)
            }
            throw FailureBody(payloadOf: message).thrown(self.errors)
        }
    }

    /// Decodes the one item that a reply is.
    @usableFromInline func decode<Result: Decodable>(
        _ type: Result.Type, from reply: Reply
    ) throws -> Result {
        defer { withExtendedLifetime(reply) {} }
        do {
            return try PayloadDecoder.item(type, of: reply.message, for: self)
        } catch {
            throw BusError(.invalid, executed: .yes, "the result: \(describe(error))")
        }
    }
}

extension HeldReference {
    var binding: NameBinding? {
        if case .name(let binding) = self.lease { binding } else { nil }
    }

    var isOwn: Bool {
        if case .own = self.lease { true } else { false }
    }

    /// Whether it stands for several replicas.
    var isOfGroup: Bool { self.binding?.isGroup ?? false }
}

extension Span {
    /// A negative duration counts as none.
    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        guard seconds >= 0, attoseconds >= 0 else {
            self = .zero
            return
        }
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        self.init(nanoseconds: overflow ? .max : whole + UInt64(attoseconds) / 1_000_000_000)
    }
}
