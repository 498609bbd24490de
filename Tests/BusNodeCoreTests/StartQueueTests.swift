// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusNodeCore
import BusWire
import Testing

@Suite struct StartQueueTests {
    private static let object = ObjectNumber(rawValue: 7)

    private func call(
        _ number: UInt64, by caller: UInt64, to object: ObjectNumber = Self.object,
        isOneWay: Bool = false, byteCount: Int = 0
    ) -> DeliveredCall {
        let caller = IncarnationID(rawValue: caller)
        let header = FrameHeader(kind: .call, call: CallNumber(rawValue: number))
        let payload = [UInt8](repeating: 0, count: byteCount)
        return DeliveredCall(
            identity: isOneWay
                ? nil
                : CallIdentity(
                    caller: caller, callee: IncarnationID(rawValue: 99), number: header.call),
            caller: caller, object: object, message: Message(header, payload: payload),
            deadline: .distantFuture)
    }

    private func id(_ call: DeliveredCall?) -> [UInt64]? {
        call.map { [$0.caller.rawValue, $0.message.header.call.rawValue] }
    }

    /// A queue with as many calls of caller 1 on their way as there may be.
    private func full() -> StartQueue {
        var queue = StartQueue()
        for number in 1...UInt64(StartQueue.aheadMax) {
            #expect(queue.arrived(self.call(number, by: 1)) == .goes)
        }
        return queue
    }

    @Test func `callers take turns, and each one's calls keep their order`() {
        var queue = self.full()
        for number in 101...103 {
            #expect(queue.arrived(self.call(UInt64(number), by: 1)) == .waits)
        }
        #expect(queue.arrived(self.call(201, by: 2)) == .waits)
        #expect(queue.arrived(self.call(202, by: 2)) == .waits)
        #expect(!queue.isReady)
        #expect(queue.next() == nil)
        for _ in 0..<5 { queue.started(Self.object) }
        var order: [[UInt64]] = []
        while let next = queue.next() {
            order.append([next.caller.rawValue, next.message.header.call.rawValue])
        }
        #expect(order == [[1, 101], [2, 201], [1, 102], [2, 202], [1, 103]])
    }

    @Test func `who runs the calls of an object gets the next one in place of one that started`() {
        var queue = self.full()
        #expect(queue.arrived(self.call(101, by: 1)) == .waits)
        #expect(queue.arrived(self.call(102, by: 1)) == .waits)
        #expect(queue.arrived(self.call(201, by: 2)) == .waits)
        #expect(self.id(queue.startedNext(Self.object)) == [1, 101])
        #expect(self.id(queue.startedNext(Self.object)) == [2, 201])
        #expect(self.id(queue.startedNext(Self.object)) == [1, 102])
        // Each in the place of one before, so that as many are on their way as there were.
        #expect(queue.arrived(self.call(103, by: 1)) == .waits)
        #expect(self.id(queue.startedNext(Self.object)) == [1, 103])
        for _ in 0..<StartQueue.aheadMax { #expect(queue.startedNext(Self.object) == nil) }
        #expect(queue.arrived(self.call(104, by: 1)) == .goes)
    }

    @Test func `of an object with a limit the next one goes when one ends, not when it starts`() {
        var queue = StartQueue()
        queue.limit(Self.object, to: 1)
        let first = self.call(1, by: 1)
        #expect(queue.arrived(first) == .goes)
        #expect(queue.arrived(self.call(2, by: 1)) == .waits)
        #expect(queue.startedNext(Self.object) == nil)
        #expect(queue.next() == nil)
        queue.ended(first)
        #expect(self.id(queue.next()) == [1, 2])
    }

    @Test func `who comes to a crowd starts after a few others`() {
        var queue = self.full()
        for number in 101...200 {
            #expect(queue.arrived(self.call(UInt64(number), by: 1)) == .waits)
        }
        #expect(queue.arrived(self.call(201, by: 2)) == .waits)
        // Whose calls are at the object, in the order of their coming.
        var callers = [UInt64](repeating: 1, count: StartQueue.aheadMax)
        var starts = 0
        while callers.removeFirst() != 2 {
            starts += 1
            queue.started(Self.object)
            if let next = queue.next() { callers.append(next.caller.rawValue) }
        }
        #expect(starts <= 5)
    }

    @Test func `nobody who comes goes before those who wait`() {
        var queue = self.full()
        #expect(queue.arrived(self.call(101, by: 1)) == .waits)
        queue.started(Self.object)
        #expect(queue.isReady)
        #expect(queue.arrived(self.call(102, by: 1)) == .waits)
        #expect(self.id(queue.next()) == [1, 101])
        #expect(self.id(queue.next()) == nil)
        queue.started(Self.object)
        #expect(self.id(queue.next()) == [1, 102])
    }

    @Test func `places that nobody took are free again`() {
        var queue = self.full()
        #expect(queue.arrived(self.call(101, by: 1)) == .waits)
        for _ in 0..<3 { queue.started(Self.object) }
        #expect(self.id(queue.next()) == [1, 101])
        #expect(queue.next() == nil)
        #expect(queue.arrived(self.call(102, by: 1)) == .goes)
        #expect(queue.arrived(self.call(103, by: 1)) == .goes)
        #expect(queue.arrived(self.call(104, by: 1)) == .waits)
    }

    @Test func `another object has places of its own`() {
        var queue = self.full()
        #expect(queue.arrived(self.call(101, by: 1)) == .waits)
        #expect(queue.arrived(self.call(102, by: 1, to: ObjectNumber(rawValue: 8))) == .goes)
        // What is not known to be on its way does no harm.
        queue.started(ObjectNumber(rawValue: 9))
        #expect(queue.next() == nil)
    }

    @Test func `one-way calls of one caller are bounded in number until they end`() {
        var queue = StartQueue()
        let calls = (1...UInt64(StartQueue.oneWayMax)).map { self.call($0, by: 1, isOneWay: true) }
        for call in calls { #expect(queue.arrived(call) != .refused) }
        #expect(queue.arrived(self.call(9_999, by: 1, isOneWay: true)) == .refused)
        #expect(queue.arrived(self.call(9_999, by: 2, isOneWay: true)) == .waits)
        #expect(queue.arrived(self.call(9_999, by: 1)) == .waits)
        queue.ended(calls[0])
        #expect(queue.arrived(self.call(9_999, by: 1, isOneWay: true)) == .waits)
    }

    @Test func `one-way calls of one caller are bounded in bytes, but for one alone`() {
        var queue = StartQueue()
        let large = self.call(1, by: 1, isOneWay: true, byteCount: StartQueue.oneWayBytesMax + 1)
        #expect(queue.arrived(large) == .goes)
        let small = self.call(2, by: 1, isOneWay: true)
        #expect(queue.arrived(small) == .refused)
        queue.ended(large)
        #expect(queue.arrived(small) == .goes)
    }

    /// A queue whose object has a limit, and the calls of caller 1 that fill it.
    private func limited(to count: Int) -> (StartQueue, [DeliveredCall]) {
        var queue = StartQueue()
        queue.limit(Self.object, to: count)
        let calls = (0..<count).map { self.call(UInt64(1 + $0), by: 1) }
        for call in calls { #expect(queue.arrived(call) == .goes) }
        return (queue, calls)
    }

    @Test func `with a limit the next call goes when one has ended, not when it started`() {
        var (queue, calls) = self.limited(to: 2)
        #expect(queue.arrived(self.call(101, by: 1)) == .waits)
        #expect(queue.arrived(self.call(201, by: 2)) == .waits)
        #expect(queue.arrived(self.call(102, by: 1)) == .waits)
        for _ in calls { queue.started(Self.object) }
        #expect(!queue.isReady && queue.next() == nil)
        queue.ended(calls[1])
        #expect(queue.arrived(self.call(103, by: 1)) == .waits)
        #expect(self.id(queue.next()) == [1, 101])
        #expect(queue.next() == nil)
        queue.ended(calls[0])
        queue.ended(self.call(101, by: 1))
        #expect(self.id(queue.next()) == [2, 201])
        #expect(self.id(queue.next()) == [1, 102])
        #expect(queue.next() == nil)
    }

    @Test func `the end of a call that did not count makes no place`() {
        var (queue, calls) = self.limited(to: 1)
        #expect(queue.arrived(self.call(101, by: 1)) == .waits)
        queue.ended(self.call(9, by: 1))
        queue.ended(self.call(1, by: 2))
        #expect(queue.next() == nil)
        queue.ended(calls[0])
        queue.ended(calls[0])
        #expect(self.id(queue.next()) == [1, 101])
        #expect(queue.next() == nil)
    }

    @Test func `one-way calls count against a limit`() {
        var queue = StartQueue()
        queue.limit(Self.object, to: 1)
        let first = self.call(1, by: 1, isOneWay: true)
        #expect(queue.arrived(first) == .goes)
        #expect(queue.arrived(self.call(1, by: 1)) == .waits)
        queue.ended(first)
        #expect(self.id(queue.next()) == [1, 1])
    }

    @Test func `a limit can be raised and lowered while calls wait`() {
        var (queue, calls) = self.limited(to: 1)
        for number in 101...104 { _ = queue.arrived(self.call(UInt64(number), by: 1)) }
        queue.limit(Self.object, to: 3)
        #expect(self.id(queue.next()) == [1, 101])
        #expect(self.id(queue.next()) == [1, 102])
        #expect(queue.next() == nil)
        queue.limit(Self.object, to: 1)
        queue.ended(calls[0])
        queue.ended(self.call(101, by: 1))
        #expect(queue.next() == nil)
        queue.ended(self.call(102, by: 1))
        #expect(self.id(queue.next()) == [1, 103])
    }

    @Test func `calls that wait when the first limit is set are not forgotten`() {
        var queue = self.full()
        #expect(queue.arrived(self.call(101, by: 1)) == .waits)
        #expect(queue.arrived(self.call(102, by: 1)) == .waits)
        queue.limit(Self.object, to: 1)
        #expect(self.id(queue.next()) == [1, 101])
        queue.started(Self.object)
        #expect(queue.next() == nil)
        queue.ended(self.call(101, by: 1))
        #expect(self.id(queue.next()) == [1, 102])
    }

    @Test func `who waits for an object that is gone may go`() {
        var (queue, calls) = self.limited(to: 1)
        #expect(queue.arrived(self.call(101, by: 1)) == .waits)
        #expect(queue.arrived(self.call(102, by: 1)) == .waits)
        queue.forget(Self.object)
        #expect(self.id(queue.next()) == [1, 101])
        #expect(self.id(queue.next()) == [1, 102])
        queue.ended(calls[0])
        for _ in 0..<2 { queue.started(Self.object) }
        for number in 1...UInt64(StartQueue.aheadMax) {
            #expect(queue.arrived(self.call(number, by: 1)) == .goes)
        }
    }
}

extension StartQueue {
    /// Where the time does not matter.
    fileprivate mutating func arrived(_ call: DeliveredCall) -> Admission {
        self.arrived(call, at: .zero)
    }

    fileprivate mutating func next() -> DeliveredCall? { self.next(at: .zero) }

    fileprivate mutating func startedNext(_ object: ObjectNumber) -> DeliveredCall? {
        self.startedNext(object, at: .zero)
    }
}
