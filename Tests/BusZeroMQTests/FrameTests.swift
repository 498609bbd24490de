// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusZeroMQ
import Testing

@Suite(.timeLimit(.minutes(1))) struct FrameTests {
    @Test(arguments: [0, 1, 5, 33, 34, 100, 8_192, 100_000])
    func `a frame of any size holds what was copied`(count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let frame = Frame(copying: bytes)
        let (size, copy) = (frame.count, frame.array())
        #expect(size == count)
        #expect(copy == bytes)
    }

    @Test(arguments: [3, 33, 34, 1_000])
    func `bytes are changed in place`(count: Int) {
        var frame = Frame(copying: [UInt8](repeating: 7, count: count))
        frame.withMutableBytes { bytes in
            bytes.storeBytes(of: 0x0102, toByteOffset: 1, as: UInt16.self)
        }
        let last = frame.withBytes { $0.unsafeLoadUnaligned(fromByteOffset: 1, as: UInt16.self) }
        #expect(last == 0x0102)
        #expect(frame.array().first == 7)
    }

    @Test func `what an initialiser does not write is zero`() {
        let frame = Frame(count: 5) { output in
            output.append(1)
            output.append(2)
        }
        #expect(frame.array() == [1, 2, 0, 0, 0])
    }

    @Test func `a patch changes the transmission and not the message`() throws {
        let context = try Context()
        var listener = try Listener(in: context, on: .inproc)
        let dealer = try Socket(.dealer, in: context)
        try dealer.connect(listener.endpoint)
        let message = [UInt8](repeating: 1, count: 64)
        try dealer.send(copying: message) { bytes in
            bytes.storeBytes(of: 0xFF, toByteOffset: 3, as: UInt8.self)
        }
        #expect(message == [UInt8](repeating: 1, count: 64))
        #expect(try listener.receive().bytes[0..<5] == [1, 1, 1, 0xFF, 1])
    }

    @Test(arguments: [Transport.tcp, .ipc])
    func `a shared buffer arrives, and is released once sent`(transport: Transport) throws {
        let context = try Context()
        var listener = try Listener(in: context, on: transport)
        let dealer = try Socket(.dealer, in: context)
        try dealer.connect(listener.endpoint)
        let released = Released()
        var content = [UInt8](repeating: 0, count: 1 << 20)
        content[99_999] = 42
        do {
            var frame = Frame(sharing: Buffer(content, released))
            try dealer.send(&frame)
        }
        #expect(try listener.receive().bytes == content)
        released.wait()
    }

    @Test func `a shared buffer that is not sent is released with its frame`() {
        let released = Released()
        do {
            let frame = Frame(sharing: Buffer([1, 2, 3], released))
            #expect(frame.array() == [1, 2, 3])
        }
        #expect(released.isReleased)
    }

    @Test(arguments: [0, 1, 70_000]) func `a shared array arrives`(count: Int) throws {
        let bytes = [UInt8](repeating: 9, count: count)
        let context = try Context()
        var listener = try Listener(in: context)
        let dealer = try Socket(.dealer, in: context)
        try dealer.connect(listener.endpoint)
        var frame = Frame(sharing: bytes)
        try dealer.send(&frame)
        #expect(try listener.receive().bytes == bytes)
    }

    @Test(arguments: [4, 50_000]) func `storage keeps a received frame`(count: Int) throws {
        let context = try Context()
        let listener = try Listener(in: context)
        let dealer = try Socket(.dealer, in: context)
        try dealer.connect(listener.endpoint)
        let bytes = [UInt8](repeating: 3, count: count)
        try dealer.send(copying: bytes)
        _ = try receiveFrame(listener.socket)
        var frame = Frame()
        #expect(try listener.socket.receive(into: &frame))
        let more = frame.more
        #expect(!more)
        let storage = FrameStorage(frame)
        #expect(storage.count == count)
        #expect(storage.withUnsafeBytes { Array($0) } == bytes)
        // And it can be sent on, uncopied.
        var again = Frame(sharing: storage)
        let pair = try Socket(.dealer, in: context)
        try pair.connect(listener.endpoint)
        try pair.send(&again)
        _ = try receiveFrame(listener.socket)
        #expect(try receiveFrame(listener.socket) == bytes)
    }

    @Test func `only what came over a connection has a descriptor`() throws {
        let context = try Context()
        var overTCP = try Listener(in: context, on: .tcp)
        var inProcess = try Listener(in: context, on: .inproc)
        let one = try Socket(.dealer, in: context)
        let other = try Socket(.dealer, in: context)
        try one.connect(overTCP.endpoint)
        try other.connect(inProcess.endpoint)
        try one.send(copying: [1])
        try other.send(copying: [1])
        #expect(try overTCP.receive().descriptor > 2)
        #expect(try inProcess.receive().descriptor == -1)
        let made = Frame(copying: [1]).sourceDescriptor
        #expect(made == -1)
    }

    @Test func `frames of one message arrive together and say so`() throws {
        let context = try Context()
        let listener = try Listener(in: context)
        let dealer = try Socket(.dealer, in: context)
        try dealer.connect(listener.endpoint)
        try dealer.send(copying: [1], more: true)
        try dealer.send(copying: [2], more: true)
        try dealer.send(copying: [3])
        _ = try receiveFrame(listener.socket)
        var frame = Frame()
        var seen: [(UInt8?, Bool)] = []
        while try listener.socket.receive(into: &frame) {
            seen.append((frame.array().first, frame.more))
        }
        #expect(seen.map(\.0) == [1, 2, 3])
        #expect(seen.map(\.1) == [true, true, false])
    }
}

/// Tells when a buffer was released, on whatever thread.
private final class Released: Sendable {
    private let lock = Lock()
    private let condition = Condition()
    private let flag = Locked(false)

    var isReleased: Bool { self.flag.withLock { $0 } }

    func set() {
        self.lock.withLock {
            self.flag.withLock { $0 = true }
            self.condition.broadcast()
        }
    }

    func wait() {
        self.lock.withLock {
            while !self.isReleased { self.condition.wait(on: self.lock) }
        }
    }
}

private final class Buffer: FrameOwner, @unchecked Sendable {
    let frameBytes: UnsafeRawBufferPointer
    private let released: Released

    init(_ bytes: [UInt8], _ released: Released) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        memory.copyBytes(from: bytes)
        self.frameBytes = UnsafeRawBufferPointer(memory)
        self.released = released
    }

    deinit {
        self.frameBytes.deallocate()
        self.released.set()
    }
}
