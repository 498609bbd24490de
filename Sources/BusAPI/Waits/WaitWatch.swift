// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/waits.md.

import BusKernel
import BusNode
import BusNodeCore
import BusValue
import BusWire
import BusZeroMQ
import Logging

/// Tells the broker what has waited here for long, and lets calls fail that would wait for ever
/// (rules R23).
final class WaitWatch: Sendable {
    private struct State {
        var isBusy = false
        var hasReported = false
    }

    /// How long a node may take to answer what one of its handlers waits for.
    private static let patience = Duration.milliseconds(500)

    private let state = Locked(State())

    /// A look has found this; every second while anything waits.
    func found(_ holdups: [Holdup], by bus: Bus) {
        guard self.begins(isEmpty: holdups.isEmpty) else { return }
        Task(executorPreference: bus.node.executor) {
            await self.report(holdups, of: bus)
            self.state.withLock { $0.isBusy = false }
        }
    }

    /// Whether there is something to tell: also, once, that there is nothing any more.
    private func begins(isEmpty: Bool) -> Bool {
        self.state.withLock { state in
            guard !state.isBusy, !isEmpty || state.hasReported else { return false }
            (state.isBusy, state.hasReported) = (true, !isEmpty)
            return true
        }
    }

    private func report(_ holdups: [Holdup], of bus: Bus) async {
        let start = bus.node.clock.now()
        var survey = WaitSurvey(holdups, at: bus.incarnation, start) { call, chain in
            bus.node.awaited(by: call, chain)
        }
        while true {
            let asks = survey.asks()
            guard !asks.isEmpty else { break }
            for (call, awaited) in await self.ask(asks, of: bus) { survey.answered(call, awaited) }
        }
        let report = survey.report(took: bus.node.clock.now().since(start))
        // Without a broker nothing is lost: there is another look in a second.
        guard bus.isLinked,
            let reply = try? await bus.callBroker(
                "waits(_:)", [report.value], within: Self.patience),
            let failing = try? bus.decode(Value.self, from: reply).arrayValue
        else { return }
        for call in failing { bus.fail(call) }
    }

    private func ask(
        _ calls: [CallIdentity], of bus: Bus
    ) async -> [(CallIdentity, [AwaitedCall])] {
        await withTaskGroup { group in
            for call in calls {
                group.addTask { (call, await self.awaited(by: call, bus)) }
            }
            // In one order, whoever answers first.
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }
        }
    }

    private func awaited(by call: CallIdentity, _ bus: Bus) async -> [AwaitedCall] {
        guard call.callee != bus.incarnation else {
            return bus.node.awaited(
                by: Extensions.ParentCall(caller: call.caller, number: call.number), nil)
        }
        let root = bus.root(of: call.callee).with(deadline: Self.patience)
        let answer: [RootObject.Awaited]? = try? await root.call(
            "awaited(by:number:)", [call.caller.rawValue, call.number.rawValue])
        return (answer ?? []).map { $0.call(by: call.callee) }
    }
}

extension Bus {
    /// What calls wait for others for more than a second, and why, as the broker tells it.
    public func waits() async throws -> Value {
        try self.decode(Value.self, from: try await self.callBroker("waits()", []))
    }

    /// Lets a call fail that waits here, `[caller, number, object, why]`, unless it has started.
    fileprivate func fail(_ row: Value) {
        guard let caller = row[0]?.unsignedValue, let number = row[1]?.unsignedValue,
            let object = row[2]?.unsignedValue, let text = row[3]?.stringValue
        else { return }
        let identity = CallIdentity(
            caller: IncarnationID(rawValue: caller), callee: self.incarnation,
            number: CallNumber(rawValue: number))
        guard let call = self.node.take(identity, of: ObjectNumber(rawValue: object)) else {
            return
        }
        self.configuration.logger.error("deadlock", metadata: ["calls": "\(text)"])
        self.node.count(.startDeadlocked)
        self.node.unpin(call.message.references.map(\.reference))
        self.answer(call, FailureBody(BusError(.overloaded, text)))
    }
}

extension RootObject {
    /// A call that waits for its answer.
    struct Awaited: Codable, Sendable {
        let callee: UInt64
        let number: UInt64
        let object: UInt64
        let method: String

        init(_ awaited: AwaitedCall) {
            self.callee = awaited.call.callee.rawValue
            self.number = awaited.call.number.rawValue
            self.object = awaited.object.rawValue
            self.method = awaited.method
        }

        fileprivate func call(by caller: IncarnationID) -> AwaitedCall {
            AwaitedCall(
                CallIdentity(
                    caller: caller, callee: IncarnationID(rawValue: self.callee),
                    number: CallNumber(rawValue: self.number)),
                ObjectNumber(rawValue: self.object), self.method)
        }
    }

    /// What the handler of a call waits for that `caller` made here.
    func awaited(by caller: UInt64, number: UInt64) -> [Awaited] {
        let call = Extensions.ParentCall(
            caller: IncarnationID(rawValue: caller), number: CallNumber(rawValue: number))
        return self.actorSystem.node.awaited(by: call, nil).map(Awaited.init)
    }
}
