// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import Testing

@Suite struct TallyTests {
    private enum Fruit: Int, TallyReason {
        case apple, pear, plum
    }

    @Test func `a tally counts each reason by itself, and tells what was added`() {
        var tally = Tally<Fruit>()
        tally.add(.pear)
        let former = tally
        tally.add(.pear)
        tally.add(.plum)
        #expect(tally.all.map(\.reason.name) == ["apple", "pear", "plum"])
        #expect(tally.all.map(\.count) == [0, 2, 1])
        #expect(tally.added(since: former).map(\.reason) == [.pear, .plum])
        #expect(tally.added(since: former).map(\.count) == [1, 1])
    }
}
