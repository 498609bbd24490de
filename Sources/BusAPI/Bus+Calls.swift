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

extension Bus {
    /// Calls an object and waits for the reply; resolves a name again when it has moved.
    ///
    /// Inline as `callDirectly` is, since each async function between a caller and its answer costs
    /// it two hops.
    ///
    /// - Throws: what the object threw, or `BusError`.
    @inline(__always)
    func call(
        _ target: HeldReference, method: String, hint: String? = nil,
        _ arguments: consuming PayloadEncoder
    ) async throws -> Reply {
        let context = CallContext.current
        let extensions = self.extensions(method, hint, target, context)
        let deadline = context?.deadline ?? .distantFuture
        guard !self.configuration.middleware.isEmpty else {
            return try await self.callDirectly(target, extensions, arguments, by: deadline)
        }
        return try await self.callInsideMiddleware(target, extensions, arguments, by: deadline)
    }

    private func callInsideMiddleware(
        _ target: HeldReference, _ extensions: Extensions, _ arguments: consuming PayloadEncoder,
        by deadline: Tick
    ) async throws -> Reply {
        let arguments = arguments
        let info = self.info(of: target, extensions)
        return try await self.configuration.middleware.around(info) { info in
            var extensions = extensions
            extensions.headers = info.headers
            return try await self.callDirectly(target, extensions, arguments, by: deadline)
        }
    }

    private func info(of target: HeldReference, _ extensions: Extensions) -> CallInfo {
        CallInfo(
            side: .caller, object: self.current(target).reference, name: extensions.name,
            method: extensions.method ?? "", chain: extensions.chain ?? self.nextChain(),
            caller: nil)
    }

    @inline(__always)
    private func callDirectly(
        _ target: HeldReference, _ extensions: consuming Extensions,
        _ arguments: consuming PayloadEncoder, by limit: Tick
    ) async throws -> Reply {
        let options = target.options
        let deadline = self.deadline(options, limit)
        var aim = self.aim(target)
        var request = CallRequest(
            target: aim.held.reference, builder: arguments.takeBuilder(), extensions: extensions,
            references: arguments.references, buffers: arguments.buffers)
        request.extensions.members = aim.members
        request.deadline = deadline
        if options.isIdempotent { request.flags.insert(.idempotent) }
        // The tokens of what the call needs must not die before it is in the stream.
        defer {
            withExtendedLifetime(arguments) {}
            withExtendedLifetime(aim) {}
        }
        var patience = self.patience(options, until: deadline)
        while true {
            request.target = aim.held.reference
            try await patience?.beforeCall(of: request.target.owner)
            let outcome = await self.node.outcome(of: &request)
            do {
                return try self.reply(of: outcome)
            } catch let error as BusError {
                if try await patience?.waited(after: error, request.target.owner) == true {
                    continue
                }
                guard let binding = target.binding, self.mayRetry(error, options),
                    self.node.clock.now() < deadline
                else { throw error }
                aim = try await binding.resolve(after: aim)
                // Once: among replicas that come and go all the time it would be told so for ever.
                request.extensions.members = 0
                // The same object once more, and it is not there: the name says so in time.
                if error.kind != .moved, aim.held.reference == request.target { throw error }
            }
        }
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
