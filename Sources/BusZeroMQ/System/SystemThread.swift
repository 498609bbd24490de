// Part of objbus. SPDX-License-Identifier: Apache-2.0

internal import CZeroMQ
internal import Glibc

/// A thread of the operating system, for loops that wait on sockets.
///
/// Signals that are meant for the process (SIGTERM and the like) never interrupt it; the main
/// thread gets them. Those that report a fault of its own still do.
package struct SystemThread: Sendable {
    private let thread: pthread_t

    /// Starts a thread.
    ///
    /// - Parameters:
    ///   - name: What `top` shows; the kernel keeps its first 15 bytes.
    ///   - body: Runs on the thread, which ends with it.
    /// - Throws: `.again` when the machine or the user has too many threads.
    /// - Returns: The thread, which somebody must `join()`.
    package static func start(
        name: String, _ body: @escaping @Sendable () -> Void
    ) throws(ZeroMQError) -> SystemThread {
        let start = unsafe Unmanaged.passRetained(Start(name: name, body: body))
        var former = sigset_t()
        var blocked = Self.processSignals()
        _ = unsafe pthread_sigmask(SIG_BLOCK, &blocked, &former)
        var thread = pthread_t()
        let result = unsafe pthread_create(&thread, nil, runStart, start.toOpaque())
        _ = unsafe pthread_sigmask(SIG_SETMASK, &former, nil)
        guard result == 0 else {
            unsafe start.release()
            throw ZeroMQError(code: result)
        }
        return SystemThread(thread: thread)
    }

    /// Waits until the thread has ended. Once per thread, and never from the thread itself.
    package func join() {
        let result = pthread_join(self.thread, nil)
        precondition(result == 0, "joining a thread failed: error \(result)")
    }

    /// Lets the thread go: it ends by itself, and nobody may join it.
    package func detach() {
        _ = pthread_detach(self.thread)
    }

    /// Whether the caller runs on this thread.
    package var isCurrent: Bool { pthread_equal(self.thread, pthread_self()) != 0 }

    /// Tells the calling thread from all others that live; never 0.
    package static var currentID: UInt { pthread_self() }

    /// All signals but those by which a thread learns of its own fault.
    private static func processSignals() -> sigset_t {
        var signals = sigset_t()
        unsafe sigfillset(&signals)
        for fault in [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP] {
            unsafe sigdelset(&signals, fault)
        }
        return signals
    }
}

private typealias StartRoutine =
    @Sendable @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer?

/// What a new thread is told.
private final class Start: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        (self.name, self.body) = (name, body)
    }
}

private let runStart: StartRoutine = { argument in
    guard let argument = unsafe argument else { return nil }
    let start = unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
    let name = String(decoding: start.name.utf8.prefix(15), as: UTF8.self)
    _ = unsafe pthread_setname_np(pthread_self(), name)
    start.body()
    return nil
}
