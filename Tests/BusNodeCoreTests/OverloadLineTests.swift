// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusNodeCore
import Testing

@Suite struct OverloadLineTests {
    private static func after(_ milliseconds: UInt64) -> Tick {
        Tick.zero.advanced(by: .milliseconds(milliseconds))
    }

    /// A line in which calls of these numbers wait.
    private func line(_ tickets: UInt64...) -> OverloadLine {
        var line = OverloadLine(at: .zero)
        for ticket in tickets { line.join(ticket, until: .distantFuture, wasRefused: true) }
        return line
    }

    @Test func `those who wait are released in the order of their calls, not of their refusals`() {
        var line = self.line(3, 1, 2)
        #expect(line.turn(at: Self.after(5))?.released == [1])
        #expect(line.turn(at: Self.after(15))?.released == [2, 3])
    }

    @Test func `nobody is released before the pause is over`() {
        var line = self.line(1)
        #expect(line.nextTurn == Self.after(5))
        #expect(line.turn(at: Self.after(4))?.released == [])
        #expect(line.turn(at: Self.after(5))?.released == [1])
    }

    @Test func `twice as many go each time while nobody is refused`() {
        var line = OverloadLine(at: .zero)
        for ticket in UInt64(1)...20 {
            line.join(ticket, until: .distantFuture, wasRefused: ticket == 1)
        }
        var counts: [Int] = []
        while let turn = line.turn(at: line.nextTurn) { counts.append(turn.released.count) }
        #expect(counts == [1, 2, 4, 8, 5])
    }

    @Test func `a refusal makes the line slow, and each further one slower, up to a limit`() {
        var line = self.line(1)
        var pauses: [UInt64] = []
        var now = Tick.zero
        for _ in 0..<9 {
            pauses.append(line.nextTurn.since(now).nanoseconds / 1_000_000)
            now = line.nextTurn
            #expect(line.turn(at: now)?.released == [1])
            line.join(1, until: .distantFuture, wasRefused: true)
        }
        #expect(pauses == [5, 10, 20, 40, 80, 160, 320, 320, 320])
    }

    @Test func `who is refused again stands before those who came later`() {
        var line = self.line(1, 2)
        line.join(3, until: .distantFuture, wasRefused: false)
        #expect(line.turn(at: Self.after(5))?.released == [1])
        line.join(1, until: .distantFuture, wasRefused: true)
        #expect(line.turn(at: Self.after(15))?.released == [1])
    }

    @Test func `who has waited until its deadline is let go at it`() {
        var line = OverloadLine(at: .zero)
        line.join(1, until: Self.after(3), wasRefused: true)
        line.join(2, until: .distantFuture, wasRefused: true)
        #expect(line.nextTurn == Self.after(3))
        let turn = line.turn(at: Self.after(3))
        #expect(turn?.expired == [1] && turn?.released == [])
        #expect(line.turn(at: Self.after(5))?.released == [2])
    }

    @Test func `who leaves is not released`() {
        var line = self.line(1, 2)
        line.leave(1)
        #expect(line.turn(at: Self.after(5))?.released == [2])
        #expect(!line.hasWaiting)
    }

    @Test func `a line is over once a pause has passed without waiting and without refusals`() {
        var line = self.line(1)
        #expect(line.turn(at: Self.after(5))?.released == [1])
        #expect(!line.hasWaiting)
        line.join(1, until: .distantFuture, wasRefused: true)
        #expect(line.turn(at: Self.after(15)) != nil)
        #expect(line.turn(at: Self.after(35)) == nil)
    }
}
