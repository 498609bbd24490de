// Part of objbus. SPDX-License-Identifier: Apache-2.0

import CClock
import GRPCCore

/// One measurement: so many calls, so many at a time, as `objbus bench` makes them.
struct Measurement<Transport: ClientTransport> {
    var client: GRPCClient<Transport>
    var outstanding: Int
    var calls: Int

    /// Makes the calls, and prints the figures as the C programs do.
    func report() async throws {
        let start = now()
        var spans = try await self.spans()
        CClock.report(&spans, UInt32(spans.count), start, now())
    }

    /// The nanoseconds of each call, made from as many tasks as are to be outstanding.
    func spans() async throws -> [UInt32] {
        try await withThrowingTaskGroup(of: [UInt32].self) { group in
            for lane in 0..<self.outstanding {
                let more = lane < self.calls % self.outstanding ? 1 : 0
                group.addTask { try await self.lane(self.calls / self.outstanding + more) }
            }
            var all: [UInt32] = []
            all.reserveCapacity(self.calls)
            for try await spans in group { all += spans }
            return all
        }
    }

    /// One task's calls, one after another.
    private func lane(_ count: Int) async throws -> [UInt32] {
        var spans: [UInt32] = []
        spans.reserveCapacity(count)
        var before = now()
        for number in 0..<Int64(count) {
            let question = Question(one: number, other: 1, call: number)
            let answer = try await Adder.answer(to: question, by: self.client)
            guard answer.sum == number + 1, answer.call == number else {
                throw RPCError(code: .dataLoss, message: "a wrong sum")
            }
            let after = now()
            spans.append(UInt32(clamping: after - before))
            before = after
        }
        return spans
    }
}
