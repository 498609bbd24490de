// Part of objbus. SPDX-License-Identifier: Apache-2.0

internal import CZeroMQ

/// A received frame that many may read, from any thread; its bytes never change.
///
/// This is how a large buffer reaches the user uncopied: the layer above wraps it in its own
/// bytes type. A small frame may keep alive the 8 KiB buffer it was read with, so copy small ones.
@safe package final class FrameStorage: FrameOwner, @unchecked Sendable {
    private let message: UnsafeMutablePointer<zmq_msg_t>
    /// The bytes, valid while this object lives.
    package let frameBytes: UnsafeRawBufferPointer

    /// Takes over a frame.
    package init(_ frame: consuming Frame) {
        unsafe self.message = .allocate(capacity: 1)
        unsafe self.message.initialize(to: zmq_msg_t())
        _ = unsafe zmq_msg_init(self.message)
        _ = unsafe zmq_msg_move(self.message, &frame.message)
        unsafe self.frameBytes = UnsafeRawBufferPointer(
            start: zmq_msg_data(self.message), count: zmq_msg_size(self.message))
    }

    deinit {
        _ = unsafe zmq_msg_close(self.message)
        unsafe self.message.deallocate()
    }

    /// Number of bytes.
    package var count: Int { unsafe self.frameBytes.count }

    /// Reads the bytes in place; the pointer ends with the call.
    package func withUnsafeBytes<R, E: Error>(
        _ body: (UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        try unsafe body(self.frameBytes)
    }
}
