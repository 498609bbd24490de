// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusValue
public import BusWire

/// One call as a middleware sees it, at the caller's or at the object's side.
public struct CallInfo: Sendable {
    /// Which side of the call this process is on.
    public enum Side: String, Sendable {
        /// The call leaves this process.
        case caller
        /// The call's object is in this process.
        case object
    }

    /// Which side of the call this process is on.
    public let side: Side
    /// The object called.
    public let object: Reference
    /// The published name that it was found by, if it was.
    public let name: String?
    /// The method's full name.
    public let method: String
    /// The tree of calls that it belongs to.
    public let chain: ChainID
    /// The node that made the call; nil at the caller's side.
    public let caller: IncarnationID?
    /// Crosses with the call: what a caller's middleware puts in, the object's finds here. Together
    /// at most 1 KiB.
    public var headers: [String: String] = [:]
}

/// A function around every call of a bus: for logging, metrics, access checks.
///
/// Call `next` once, with the call as it is to go on, or throw instead. On the object's side a
/// middleware that suspends before `next` gives up the order in which calls start.
public protocol CallMiddleware: Sendable {
    /// Runs `next`, or throws what the caller is to get.
    func intercept(
        _ call: CallInfo, next: @Sendable (CallInfo) async throws -> Void
    ) async throws
}

extension [any CallMiddleware] {
    /// Runs `body` inside all of them, the first outermost.
    func around<Result: Sendable>(
        _ call: CallInfo, _ body: @escaping @Sendable (CallInfo) async throws -> Result
    ) async throws -> Result {
        let outcome = OnceBox<Result>()
        var next: @Sendable (CallInfo) async throws -> Void = { call in
            outcome.set(try await body(call))
        }
        for middleware in self.reversed() {
            let inner = next
            next = { call in try await middleware.intercept(call, next: inner) }
        }
        try await next(call)
        guard let result = outcome.get() else {
            throw BusError(.denied, "a middleware let \(call.method) neither run nor fail")
        }
        return result
    }
}

extension Extensions {
    /// The trace context as strings; what can't be read is none.
    var headers: [String: String] {
        get {
            guard let trace, let map = try? Value(cbor: trace).mapValue else { return [:] }
            var headers: [String: String] = [:]
            for entry in map.entries {
                if let key = entry.key.stringValue { headers[key] = entry.value.stringValue }
            }
            return headers
        }
        set {
            guard !newValue.isEmpty else {
                self.trace = nil
                return
            }
            let map = ValueMap(newValue.map { (.string($0.key), .string($0.value)) })
            let bytes = try? Value.map(map).encoded()
            self.trace = bytes.flatMap { $0.count <= WireLimits.traceBytes ? $0 : nil }
        }
    }
}
