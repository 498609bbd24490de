// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusKernel
import BusWire
import Testing

@testable import BusNodeCore

@Suite struct PeerTableTests {
    @Test(arguments: UInt64(1)...8)
    func `keeps each peer's own state while others come and go`(seed: UInt64) {
        var random = RandomSource(seed: seed)
        var table = PeerTable()
        var expected: [IncarnationID: UInt64] = [:]
        for step in UInt64(1)...2_000 {
            let id = IncarnationID(rawValue: random.next() % 12 + 1)
            switch random.next() % 4 {
            case 0:
                table.add(id)
                expected[id, default: 0] += 0
            case 1:
                table.remove(id)
                expected[id] = nil
            default:
                let known = table.update(id) { $0.firstInOrder = step } != nil
                #expect(known == (expected[id] != nil))
                if known { expected[id] = step }
            }
            #expect(table.count == expected.count)
            #expect(table.keys.sorted() == expected.keys.sorted())
        }
        for id in (UInt64(1)...12).map(IncarnationID.init(rawValue:)) {
            #expect(table[id]?.firstInOrder == expected[id])
            #expect(table.contains(id) == (expected[id] != nil))
        }
    }

    @Test func `forgets the idle ones only`() {
        var table = PeerTable()
        let ids = (UInt64(1)...9).map(IncarnationID.init(rawValue:))
        for id in ids { table.add(id) }
        for id in ids where id.rawValue % 3 == 0 { table.update(id) { $0.waiting.append(7) } }
        table.removeIdle()
        #expect(table.keys.sorted().map(\.rawValue) == [3, 6, 9])
        #expect(ids.compactMap { table[$0]?.waiting.first } == [7, 7, 7])
    }
}
