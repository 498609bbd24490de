// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusNodeCore
import BusValue
import BusWire
import Testing

/// What has waited for long, and what for: docs/protocol/waits.md.
@Suite struct WaitTests {
    private static let object = ObjectNumber(rawValue: 7)
    private static let me = IncarnationID(rawValue: 99)

    private func call(
        _ number: UInt64, by caller: UInt64 = 1, parent: UInt64? = nil, isOneWay: Bool = false
    ) -> DeliveredCall {
        let caller = IncarnationID(rawValue: caller)
        var extensions = Extensions()
        extensions.method = "m\(number)()"
        extensions.chain = ChainID(root: caller, number: number)
        extensions.parent = parent.map {
            Extensions.ParentCall(caller: caller, number: CallNumber(rawValue: $0))
        }
        let header = FrameHeader(
            kind: .call, object: Self.object, call: CallNumber(rawValue: number))
        return DeliveredCall(
            identity: isOneWay
                ? nil : CallIdentity(caller: caller, callee: Self.me, number: header.call),
            caller: caller, object: Self.object, message: Message(header, extensions: extensions),
            deadline: .distantFuture)
    }

    private func numbers(_ entries: [Holdup.Entry]?) -> [UInt64]? {
        entries?.map { $0.call.message.header.call.rawValue }
    }

    /// Call 1 runs since second 1, call 2 waits since second 2.
    private func queue() -> StartQueue {
        var queue = StartQueue()
        queue.limit(Self.object, to: 1)
        #expect(queue.arrived(self.call(1), at: Tick.zero.advanced(by: .seconds(1))) == .goes)
        #expect(queue.lookDue == .distantFuture)
        #expect(queue.arrived(self.call(2), at: Tick.zero.advanced(by: .seconds(2))) == .waits)
        return queue
    }

    @Test func `a call that waits for a second is looked at, with those that keep it out`() {
        var queue = self.queue()
        #expect(queue.lookDue == Tick.zero.advanced(by: .seconds(3)))
        let early = queue.look(at: Tick.zero.advanced(by: .milliseconds(2_900)))
        #expect(early.isEmpty && queue.lookDue == Tick.zero.advanced(by: .seconds(3)))
        let now = Tick.zero.advanced(by: .seconds(4))
        let holdups = queue.look(at: now)
        #expect(holdups.map(\.object) == [Self.object])
        #expect(self.numbers(holdups.first?.waiting) == [2])
        #expect(self.numbers(holdups.first?.running) == [1])
        #expect(queue.lookDue == now.advanced(by: .seconds(1)))
        queue.ended(self.call(1))
        #expect(queue.next(at: now) != nil)
        #expect(queue.look(at: now).isEmpty && queue.lookDue == .distantFuture)
    }

    @Test func `what keeps calls out of an object without a limit is not known`() {
        var queue = StartQueue()
        for number in 1...UInt64(StartQueue.aheadMax + 1) {
            _ = queue.arrived(self.call(number), at: .zero)
        }
        let holdups = queue.look(at: Tick.zero.advanced(by: .seconds(1)))
        #expect(self.numbers(holdups.first?.waiting) == [UInt64(StartQueue.aheadMax + 1)])
        #expect(holdups.first?.running == nil)
    }

    @Test func `calls that were made in handlers are told before others`() {
        var queue = self.queue()
        let count = UInt64(3 * StartQueue.lookedMax)
        for number in 3...count { _ = queue.arrived(self.call(number), at: .zero) }
        _ = queue.arrived(self.call(count + 1, by: 2, parent: 5), at: .zero)
        let holdup = queue.look(at: Tick.zero.advanced(by: .seconds(4))).first
        #expect(self.numbers(holdup?.waiting)?.first == count + 1)
        #expect(holdup?.waiting.count == StartQueue.lookedMax)
        #expect(holdup?.more == Int(count) - StartQueue.lookedMax)
    }

    @Test func `a call that is taken out is not delivered, and the others are`() throws {
        var queue = self.queue()
        _ = queue.arrived(self.call(3, by: 2), at: .zero)
        let identity = try #require(self.call(2).identity)
        #expect(queue.take(identity, of: Self.object)?.identity == identity)
        #expect(queue.take(identity, of: Self.object) == nil)
        let running = try #require(self.call(1).identity)
        #expect(queue.take(running, of: Self.object) == nil, "it has gone")
        queue.ended(self.call(1))
        #expect(queue.next(at: .zero)?.identity == self.call(3, by: 2).identity)
        #expect(queue.next(at: .zero) == nil)
    }

    @Test func `a handler waits for the calls that it made and that are not answered`() {
        var node = NodeScript.linked()
        var extensions = Extensions()
        extensions.method = "next()"
        extensions.chain = ChainID(root: NodeScript.peer, number: 3)
        extensions.parent = Extensions.ParentCall(
            caller: NodeScript.peer, number: CallNumber(rawValue: 5))
        for _ in 1...3 { self.issue(extensions, by: &node) }
        extensions.parent?.number = CallNumber(rawValue: 6)
        self.issue(extensions, by: &node)
        extensions.parent = nil
        self.issue(extensions, by: &node)
        node.receiveReply(1)
        node.cancel(2)
        let handled = Extensions.ParentCall(
            caller: NodeScript.peer, number: CallNumber(rawValue: 5))
        let awaited = node.core.awaited(by: handled)
        #expect(awaited.map(\.call.number.rawValue) == [3])
        #expect(awaited.map(\.method) == ["next()"])
        let none = Extensions.ParentCall(
            caller: NodeScript.peer, number: CallNumber(rawValue: 0))
        #expect(
            node.core.awaited(by: none, chain: extensions.chain).map(\.call.number.rawValue) == [5])
    }

    private func issue(_ extensions: Extensions, by node: inout NodeScript) {
        var builder = MessageBuilder()
        builder.frame.append(0x80)
        var request = CallRequest(target: .held(1), builder: builder)
        request.extensions = extensions
        request.waiter = .receiver(Waiter("w"))
        node.step { core, effects, now in
            _ = try? core.callIssued(&request, at: now, into: &effects)
        }
    }

    @Test func `a survey goes on asking until nobody knows more, and makes rows of it`() {
        var queue = self.queue()
        let now = Tick.zero.advanced(by: .seconds(4))
        let other = IncarnationID(rawValue: 50)
        func awaited(
            _ number: UInt64, by caller: IncarnationID, of callee: IncarnationID
        ) -> AwaitedCall {
            AwaitedCall(
                CallIdentity(
                    caller: caller, callee: callee, number: CallNumber(rawValue: number)),
                ObjectNumber(rawValue: 8), "k\(number)()")
        }
        let first = awaited(11, by: Self.me, of: other)
        var survey = WaitSurvey(queue.look(at: now), at: Self.me, now) { call, chain in
            call.number.rawValue == 1 && chain == nil ? [first] : []
        }
        #expect(survey.asks() == [first.call])
        #expect(survey.asks() == [])
        // The other's handler waits for call 2, which waits here.
        let back = AwaitedCall(
            CallIdentity(
                caller: IncarnationID(rawValue: 1), callee: Self.me,
                number: CallNumber(rawValue: 2)), Self.object, "m2()")
        let second = awaited(12, by: other, of: IncarnationID(rawValue: 51))
        survey.answered(first.call, [back, second])
        #expect(survey.asks() == [second.call])
        survey.answered(second.call, [])
        #expect(survey.asks() == [])
        let rows = survey.report(took: .zero).rows
        #expect(rows.map(\.method) == ["m1()", "m2()", "k11()", "k12()"])
        #expect(
            rows.map(\.state) == [
                .runs(awaiting: [2]), .waits(behind: [0]), .runs(awaiting: [1, 3]), .isElsewhere,
            ])
        #expect(rows.map(\.age) == [3_000_000_000, 2_000_000_000, 0, 0])
        let report = survey.report(took: .milliseconds(3))
        #expect((try? WaitReport(report.value)) == report)
    }
}
