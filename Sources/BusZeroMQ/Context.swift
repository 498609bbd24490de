// Part of objbus. SPDX-License-Identifier: Apache-2.0

internal import CZeroMQ
internal import Glibc
internal import Synchronization

/// One libzmq context: its I/O threads, and the space in which `inproc://` names are unique.
///
/// Any thread may use it. Every socket holds it, so it ends after the last of them; ending
/// waits for unsent messages as long as the linger times of its sockets say, which are 0 unless
/// set.
@safe package final class Context: Sendable {
    /// libzmq's handle; thread-safe by libzmq's own promise.
    nonisolated(unsafe) let handle: UnsafeMutableRawPointer
    private let isFinished = Atomic<Bool>(false)

    /// Starts a context.
    ///
    /// - Parameters:
    ///   - ioThreads: Threads that move bytes. A context whose sockets listen must keep one: with
    ///     more, libzmq reports a connection after its first message (see `DescriptorTracker`).
    ///   - maximumSockets: Sockets that may be open at a time; each costs 8 bytes in advance.
    /// - Throws: `ZeroMQError` when the process is out of descriptors or memory.
    package init(ioThreads: Int = 1, maximumSockets: Int = 8_192) throws(ZeroMQError) {
        precondition(ioThreads > 0, "a context needs an I/O thread")
        guard let handle = unsafe zmq_ctx_new() else { throw ZeroMQError.last }
        unsafe self.handle = handle
        try self.set(ZMQ_IO_THREADS, to: Int32(clamping: ioThreads))
        try self.set(ZMQ_MAX_SOCKETS, to: Int32(clamping: maximumSockets))
        try self.set(ZMQ_BLOCKY, to: 0)
        // From other policies an ordinary user may not go there, and libzmq would abort.
        if sched_getscheduler(0) == Self.ordinaryPolicy {
            try self.set(ZMQ_THREAD_SCHED_POLICY, to: Self.batchPolicy)
        }
    }

    /// Linux's SCHED_OTHER, and SCHED_BATCH (sched(7)), by which an I/O thread that is woken does
    /// not push aside the thread that woke it, which has more to send
    /// (docs/decisions/0016-io-threads.md).
    private static let (ordinaryPolicy, batchPolicy) = (Int32(0), Int32(3))

    deinit {
        self.finish()
    }

    /// Waits until every socket has been closed, and until what they sent has left or their linger
    /// time has passed. No socket may be made in this context from now on.
    package func finish() {
        guard !self.isFinished.exchange(true, ordering: .acquiringAndReleasing) else { return }
        while unsafe zmq_ctx_term(self.handle) != 0, ZeroMQError.last == .interrupted {}
    }

    /// Makes every operation on every socket of this context throw `.terminated` from now on,
    /// also those that block in another thread. The sockets must still be dropped.
    package func shutdown() {
        _ = unsafe zmq_ctx_shutdown(self.handle)
    }

    private func set(_ option: Int32, to value: Int32) throws(ZeroMQError) {
        guard unsafe zmq_ctx_set(self.handle, option, value) == 0 else { throw ZeroMQError.last }
    }
}
