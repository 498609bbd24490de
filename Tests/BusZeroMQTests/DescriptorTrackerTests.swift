// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusZeroMQ
import Testing

@Suite struct DescriptorTrackerTests {
    private var tracker = DescriptorTracker()

    private mutating func accept(_ descriptor: Int32) -> UInt32? {
        self.tracker.handle(.accepted(descriptor: descriptor))
    }

    private mutating func disconnect(_ descriptor: Int32) -> UInt32? {
        self.tracker.handle(.disconnected(descriptor: descriptor))
    }

    @Test mutating func `a bound connection is given back once when it disconnects`() {
        #expect(self.accept(9) == nil)
        #expect(self.tracker.bind(100, descriptor: 9) == .bound)
        #expect(self.disconnect(9) == 100)
        #expect(self.disconnect(9) == nil)
    }

    @Test mutating func `descriptors do not mix`() {
        for descriptor in Int32(5)...8 {
            #expect(self.accept(descriptor) == nil)
            #expect(self.tracker.bind(UInt32(descriptor), descriptor: descriptor) == .bound)
        }
        #expect(self.disconnect(7) == 7)
        #expect(self.disconnect(5) == 5)
    }

    @Test mutating func `a HELLO of a connection that is gone already is told so`() {
        #expect(self.accept(9) == nil)
        #expect(self.disconnect(9) == nil)
        #expect(self.tracker.bind(100, descriptor: 9) == .ended)
    }

    @Test mutating func `a second HELLO of one connection changes nothing`() {
        #expect(self.accept(9) == nil)
        #expect(self.tracker.bind(100, descriptor: 9) == .bound)
        #expect(self.tracker.bind(100, descriptor: 9) == .bound)
        #expect(self.disconnect(9) == 100)
        #expect(self.accept(9) == nil)
        #expect(self.tracker.bind(100, descriptor: 9) == .ended)
    }

    @Test mutating func `a successor on the same descriptor is bound anew`() {
        #expect(self.accept(9) == nil)
        #expect(self.tracker.bind(100, descriptor: 9) == .bound)
        #expect(self.disconnect(9) == 100)
        #expect(self.accept(9) == nil)
        #expect(self.tracker.bind(101, descriptor: 9) == .bound)
        #expect(self.disconnect(9) == 101)
    }

    @Test mutating func `a stale HELLO on its successor's descriptor ends with that one's`() {
        #expect(self.accept(9) == nil)
        #expect(self.disconnect(9) == nil)
        #expect(self.accept(9) == nil)
        #expect(self.tracker.bind(100, descriptor: 9) == .bound)
        #expect(self.tracker.bind(101, descriptor: 9) == .replaced(ended: 100))
        #expect(self.disconnect(9) == 101)
    }

    @Test mutating func `a stale HELLO after its successor's does not displace it`() {
        #expect(self.accept(9) == nil)
        #expect(self.disconnect(9) == nil)
        #expect(self.accept(9) == nil)
        #expect(self.tracker.bind(101, descriptor: 9) == .bound)
        #expect(self.tracker.bind(100, descriptor: 9) == .ended)
        #expect(self.disconnect(9) == 101)
    }

    @Test mutating func `a HELLO older than one that ended is stale`() {
        #expect(self.accept(9) == nil)
        #expect(self.tracker.bind(101, descriptor: 9) == .bound)
        #expect(self.disconnect(9) == 101)
        #expect(self.accept(9) == nil)
        #expect(self.tracker.bind(100, descriptor: 9) == .ended)
        #expect(self.tracker.bind(102, descriptor: 9) == .bound)
    }

    @Test mutating func `ids are compared across the end of their range`() {
        #expect(self.accept(9) == nil)
        #expect(self.tracker.bind(.max, descriptor: 9) == .bound)
        #expect(self.tracker.bind(3, descriptor: 9) == .replaced(ended: .max))
        #expect(self.tracker.bind(.max - 1, descriptor: 9) == .ended)
    }

    @Test mutating func `an accepted descriptor that was bound ends its former connection`() {
        #expect(self.accept(9) == nil)
        #expect(self.tracker.bind(100, descriptor: 9) == .bound)
        #expect(self.accept(9) == 100)
    }

    @Test(arguments: [-1, 0, 17, Int32.max, .min])
    func `unknown descriptors are no connections`(descriptor: Int32) {
        var tracker = DescriptorTracker()
        #expect(tracker.bind(1, descriptor: descriptor) == .ended)
        #expect(tracker.handle(.disconnected(descriptor: descriptor)) == nil)
        #expect(tracker.handle(.closed(descriptor: descriptor)) == nil)
        if descriptor < 0 { #expect(tracker.handle(.accepted(descriptor: descriptor)) == nil) }
    }

    @Test func `with real sockets every end is told, though descriptors are reused`() throws {
        let context = try Context()
        var listener = try Listener(in: context) { $0.monitored = true }
        var tracker = DescriptorTracker()
        var (bound, ended) = (Set<UInt32>(), Set<UInt32>())
        var used: [Int32] = []
        for _ in 0..<50 {
            let dealer = try Socket(.dealer, in: context)
            try dealer.connect(listener.endpoint)
            try dealer.send(copying: [1])
            let (id, _, descriptor) = try listener.receive()
            while let event = try listener.socket.nextEvent() {
                if let id = tracker.handle(event) { ended.insert(id) }
            }
            switch tracker.bind(id, descriptor: descriptor) {
            case .bound: break
            case .replaced(let former): ended.insert(former)
            case .ended: Issue.record("a live connection was declared dead")
            }
            bound.insert(id)
            used.append(descriptor)
        }
        while ended.count < 50 {
            let events = try listener.events { if case .disconnected = $0 { true } else { false } }
            for event in events { if let id = tracker.handle(event) { ended.insert(id) } }
        }
        #expect(ended == bound)
        #expect(Set(used).count < used.count, "the kernel reused no descriptor: a weak test")
    }
}
