// Part of objbus. SPDX-License-Identifier: Apache-2.0

internal import CZeroMQ

/// Something that keeps bytes at one address for as long as it lives.
package protocol FrameOwner: AnyObject, Sendable {
    /// The bytes; address, count and content never change while the owner lives.
    var frameBytes: UnsafeRawBufferPointer { get }
}

/// One part of a ZeroMQ message, owned.
///
/// It may be handed from thread to thread, but is used by one at a time. Sending empties it, and
/// it can then be received into again, so that a loop needs one `Frame` and no allocation.
package struct Frame: ~Copyable, @unchecked Sendable {
    /// Plain memory to Swift; moving it is what libzmq itself does between its queues.
    var message: zmq_msg_t

    /// An empty frame, to receive into.
    package init() {
        self.message = zmq_msg_t()
        _ = unsafe zmq_msg_init(&self.message)
    }

    /// A frame whose `count` bytes are written once, in place; what is not written is zero.
    package init<E: Error>(
        count: Int, initializedBy body: (inout OutputRawSpan) throws(E) -> Void
    ) throws(E) {
        self.init(count: count)
        try unsafe self.withUnsafeMutableBytes { (memory) throws(E) in
            var output = unsafe OutputRawSpan(buffer: memory, initializedCount: 0)
            try body(&output)
            let written = unsafe output.finalize(for: memory)
            unsafe UnsafeMutableRawBufferPointer(rebasing: memory[written...])
                .initializeMemory(as: UInt8.self, repeating: 0)
        }
    }

    /// A frame with a copy of `bytes`; up to 33 bytes need no allocation.
    package init(copying bytes: RawSpan) {
        self.init(count: bytes.byteCount)
        unsafe self.withUnsafeMutableBytes { memory in
            unsafe bytes.withUnsafeBytes { source in unsafe memory.copyMemory(from: source) }
        }
    }

    /// A frame with a copy of `bytes`; up to 33 bytes need no allocation.
    package init(copying bytes: [UInt8]) {
        self.init(copying: unsafe bytes.span.bytes)
    }

    /// A frame that is `owner`'s memory, uncopied; meant for buffers of 16 KiB and more.
    ///
    /// `owner` is released on libzmq's I/O thread once the bytes have left, so its `deinit` must be
    /// short and must not drop the last reference to a `Context`. Over `inproc` the receiver gets
    /// this very memory, and must not change it.
    package init(sharing owner: some FrameOwner) {
        self.message = zmq_msg_t()
        let bytes = unsafe owner.frameBytes
        let hint = unsafe Unmanaged.passRetained(owner as AnyObject).toOpaque()
        let data = unsafe UnsafeMutableRawPointer(mutating: bytes.baseAddress)
        let result = unsafe zmq_msg_init_data(
            &self.message, data, bytes.count, releaseFrameOwner, hint)
        precondition(result == 0, "out of memory for a frame header")
    }

    /// A frame that is the array's own memory, uncopied; see `init(sharing:)` with an owner.
    package init(sharing bytes: [UInt8]) {
        self.init(sharing: ArrayOwner(bytes))
    }

    deinit {
        var message = self.message
        _ = unsafe zmq_msg_close(&message)
    }

    /// Number of bytes.
    package var count: Int {
        unsafe withUnsafePointer(to: self.message) { unsafe zmq_msg_size($0) }
    }

    /// Whether the message has a frame after this one; meaningful for received frames only.
    package var more: Bool {
        unsafe withUnsafePointer(to: self.message) { unsafe zmq_msg_more($0) != 0 }
    }

    /// The descriptor of the connection on which this frame was received; -1 if there is none
    /// (inproc, or not received). See `DescriptorTracker` for what it is good for.
    package var sourceDescriptor: Int32 {
        unsafe withUnsafePointer(to: self.message) { unsafe zmq_msg_get($0, ZMQ_SRCFD) }
    }

    /// Reads the bytes in place.
    package borrowing func withBytes<R, E: Error>(
        _ body: (RawSpan) throws(E) -> R
    ) throws(E) -> R {
        try unsafe self.withUnsafeBytes { (bytes) throws(E) -> R in try unsafe body(bytes.bytes) }
    }

    /// Reads the bytes in place; the pointer ends with the call.
    package borrowing func withUnsafeBytes<R, E: Error>(
        _ body: (UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        try unsafe withUnsafePointer(to: self.message) { (pointer) throws(E) -> R in
            let start = unsafe zmq_msg_data(UnsafeMutablePointer(mutating: pointer))
            return try unsafe body(
                UnsafeRawBufferPointer(start: start, count: zmq_msg_size(pointer)))
        }
    }

    /// Changes the bytes in place. Only for frames that nobody shares: made here by copying, or
    /// received from another process.
    ///
    /// Not generic: other modules would get it unspecialised, at 300 instructions each time.
    package mutating func withMutableBytes(_ body: (inout MutableRawSpan) -> Void) {
        unsafe self.withUnsafeMutableBytes { memory in
            var span = unsafe memory.mutableBytes
            body(&span)
        }
    }

    /// A copy of the bytes.
    package func array() -> [UInt8] {
        unsafe self.withUnsafeBytes { bytes in unsafe [UInt8](bytes) }
    }

    /// A frame of `count` bytes of anything.
    private init(count: Int) {
        self.message = zmq_msg_t()
        let result = unsafe zmq_msg_init_size(&self.message, count)
        precondition(result == 0, "out of memory for a frame of \(count) bytes")
    }

    /// Small frames lie inside `message`, so their address holds only within the closure.
    private mutating func withUnsafeMutableBytes<R, E: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        try unsafe withUnsafeMutablePointer(to: &self.message) { (pointer) throws(E) -> R in
            let start = unsafe zmq_msg_data(pointer)
            return try unsafe body(
                UnsafeMutableRawBufferPointer(start: start, count: zmq_msg_size(pointer)))
        }
    }
}

private typealias FreeRoutine =
    @Sendable @convention(c) (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) -> Void

/// Runs on libzmq's thread, hence no closure of ours that could have inherited an actor.
private let releaseFrameOwner: FreeRoutine = { _, hint in
    guard let hint = unsafe hint else { return }
    unsafe Unmanaged<AnyObject>.fromOpaque(hint).release()
}

/// Keeps an array's memory for a frame. A native array never moves while it is not changed, and
/// this one is a constant.
@safe private final class ArrayOwner: FrameOwner, @unchecked Sendable {
    private let bytes: [UInt8]
    let frameBytes: UnsafeRawBufferPointer

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        unsafe self.frameBytes = bytes.withUnsafeBytes { pointer in unsafe pointer }
    }
}
