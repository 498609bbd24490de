// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusWire
public import Logging
import Metrics
import Tracing

/// Counts and times every call with swift-metrics.
///
/// `objbus_calls_total` and the timer `objbus_call_duration`, both with the dimensions `side`,
/// `method` and `outcome` (`ok` or the error's kind).
public struct MetricsMiddleware: CallMiddleware {
    /// Makes a middleware that reports to the process's metrics system.
    public init() {}

    /// Runs the call and reports it.
    public func intercept(
        _ call: CallInfo, next: @Sendable (CallInfo) async throws -> Void
    ) async throws {
        let clock = ContinuousClock()
        let start = clock.now
        do {
            try await next(call)
            self.report(call, "ok", clock.now - start)
        } catch {
            self.report(call, (error as? BusError)?.kind.rawValue ?? "failed", clock.now - start)
            throw error
        }
    }

    private func report(_ call: CallInfo, _ outcome: String, _ duration: Duration) {
        let dimensions = [
            ("side", call.side.rawValue), ("method", call.method), ("outcome", outcome),
        ]
        Metrics.Counter(label: "objbus_calls_total", dimensions: dimensions).increment()
        Metrics.Timer(label: "objbus_call_duration", dimensions: dimensions)
            .record(duration: duration)
    }
}

/// Writes a line for every call that fails, and at level `debug` for every other one too.
public struct LoggingMiddleware: CallMiddleware {
    private let logger: Logger

    /// Makes a middleware that writes to `logger`.
    public init(_ logger: Logger) {
        self.logger = logger
    }

    /// Runs the call and writes about it.
    public func intercept(
        _ call: CallInfo, next: @Sendable (CallInfo) async throws -> Void
    ) async throws {
        let metadata: Logger.Metadata = [
            "side": "\(call.side.rawValue)", "object": "\(call.name ?? call.object.description)",
            "method": "\(call.method)", "chain": "\(call.chain)",
        ]
        do {
            try await next(call)
            self.logger.debug("call done", metadata: metadata)
        } catch {
            self.logger.info(
                "call failed", metadata: metadata.merging(["error": "\(error)"]) { $1 })
            throw error
        }
    }
}

/// Makes a span of every call with swift-distributed-tracing, and carries the context across.
public struct TracingMiddleware: CallMiddleware {
    /// Makes a middleware that reports to the process's tracer.
    public init() {}

    /// Runs the call inside a span.
    public func intercept(
        _ call: CallInfo, next: @Sendable (CallInfo) async throws -> Void
    ) async throws {
        var context = ServiceContext.current ?? .topLevel
        if call.side == .object {
            InstrumentationSystem.tracer.extract(
                call.headers, into: &context, using: HeaderExtractor())
        }
        try await withSpan(
            call.method, context: context, ofKind: call.side == .caller ? .client : .server
        ) { span in
            var call = call
            span.attributes["objbus.object"] = call.name ?? call.object.description
            span.attributes["objbus.chain"] = call.chain.description
            if call.side == .caller {
                InstrumentationSystem.tracer.inject(
                    span.context, into: &call.headers, using: HeaderInjector())
            }
            try await next(call)
        }
    }
}

private struct HeaderExtractor: Extractor {
    func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }
}

private struct HeaderInjector: Injector {
    func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) {
        carrier[key] = value
    }
}
