// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusZeroMQ
import Testing

@Suite(.timeLimit(.minutes(1))) struct PollerTests {
    @Test func `a waker ends the wait of another thread`() throws {
        let waker = try Waker()
        var poller = Poller()
        let index = poller.add(waker)
        let thread = try SystemThread.start(name: "waker") { waker.wake() }
        let ready = try poller.wait(timeout: nil)
        thread.join()
        #expect(ready.contains(index))
    }

    @Test func `a wake before the wait is not lost, and counts once`() throws {
        let waker = try Waker()
        var poller = Poller()
        let index = poller.add(waker)
        waker.wake()
        waker.wake()
        #expect(try poller.wait(timeout: nil).contains(index))
        #expect(try poller.wait(timeout: 0).isEmpty)
        waker.wake()
        #expect(try poller.wait(timeout: nil).contains(index))
    }

    @Test func `no wake is lost between two threads`() throws {
        let waker = try Waker()
        let inbox = Locked<[Int]>([])
        let thread = try SystemThread.start(name: "producer") {
            for number in 0..<20_000 {
                inbox.withLock { $0.append(number) }
                waker.wake()
            }
        }
        var poller = Poller()
        _ = poller.add(waker)
        var received: [Int] = []
        while received.count < 20_000 {
            guard try !poller.wait(timeout: patience).isEmpty else { throw TimedOut() }
            received += inbox.withLock { inbox in
                defer { inbox.removeAll() }
                return inbox
            }
        }
        thread.join()
        #expect(received == Array(0..<20_000))
    }

    @Test func `a wait ends when its time has passed, not before`() throws {
        var poller = Poller()
        _ = poller.add(try Waker())
        let began = MonotonicClock.now()
        #expect(try poller.wait(timeout: 3_000_000).isEmpty)
        #expect(MonotonicClock.now() - began >= 3_000_000)
    }

    @Test func `only the socket with a message is ready`() throws {
        let context = try Context()
        let one = try Listener(in: context)
        let other = try Listener(in: context)
        var poller = Poller()
        let (first, second) = (try poller.add(one.socket), try poller.add(other.socket))
        let dealer = try Socket(.dealer, in: context)
        try dealer.connect(other.endpoint)
        try dealer.send(copying: [1])
        var ready = try poller.wait(timeout: patience)
        while try !ready.contains(second) || other.socket.receiveRoutingID() == nil {
            let stray = ready.contains(first) ? try one.socket.receiveRoutingID() : nil
            #expect(stray == nil)
            ready = try poller.wait(timeout: patience)
        }
    }

    @Test(arguments: [Transport.tcp, .inproc])
    func `a socket that sends between two waits misses no message`(transport: Transport) throws {
        let context = try Context()
        var listener = try Listener(in: context, on: transport)
        let endpoint = listener.endpoint
        let rounds = 2_000
        let thread = try SystemThread.start(name: "echo") {
            do {
                let dealer = try Socket(.dealer, in: context)
                try dealer.connect(endpoint)
                try dealer.send(copying: [1])
                for _ in 0..<rounds {
                    _ = try receiveFrame(dealer)
                    try dealer.send(copying: [1])
                }
            } catch {
                Issue.record(error)
            }
        }
        for _ in 0..<rounds {
            let id = try listener.receive().id
            try listener.socket.sendRoutingID(id)
            try listener.socket.send(copying: [2])
        }
        _ = try listener.receive()
        thread.join()
    }

    @Test func `a socket that only receives and is drained misses no message`() throws {
        let context = try Context()
        let pull = try Socket(.pair, in: context)
        try pull.bind("inproc://pull")
        let thread = try SystemThread.start(name: "push") {
            do {
                let push = try Socket(.pair, in: context)
                try push.connect("inproc://pull")
                var frame = Frame()
                for number in 0..<50_000 {
                    frame = Frame(copying: [UInt8(truncatingIfNeeded: number)])
                    try push.send(&frame, waiting: true)
                }
                _ = try receiveFrame(push)
            } catch {
                Issue.record(error)
            }
        }
        var poller = Poller()
        let index = try poller.add(pull, receivesOnly: true)
        var count = 0
        var frame = Frame()
        while count < 50_000 {
            guard try poller.wait(timeout: patience).contains(index) else { throw TimedOut() }
            while try pull.receive(into: &frame) { count += 1 }
        }
        try pull.send(copying: [0])
        thread.join()
    }

    @Test func `a poller of a context that was shut down says so`() throws {
        let context = try Context()
        let listener = try Listener(in: context)
        var poller = Poller()
        _ = try poller.add(listener.socket)
        context.shutdown()
        #expect(throws: ZeroMQError.terminated) {
            while true { _ = try poller.wait(timeout: patience) }
        }
    }
}
