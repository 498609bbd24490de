// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusZeroMQ
import Foundation

/// Ends this process when its standard input does, which its parent holds open.
///
/// Not the kernel's own parent-death signal: that comes when the *thread* ends that started the
/// process, and threads of a pool come and go.
enum ParentWatch {
    /// Set by `Bus.launch` for its child.
    static let variable = "OBJBUS_LAUNCHED"
    /// What the process has for cleaning up, which is more than a bus needs that drains: 15 s, in
    /// nanoseconds.
    private static let grace: UInt64 = 15_000_000_000

    private static let isStarted = Locked(false)

    /// Starts watching if this process was launched, and its standard input is still the pipe: a
    /// program started by a launched one inherits the variable, but not always the pipe.
    static func startIfLaunched() {
        guard environment(self.variable) == "1" else { return }
        var status = stat()
        guard fstat(STDIN_FILENO, &status) == 0, status.st_mode & S_IFMT == S_IFIFO else { return }
        self.start()
    }

    static func start() {
        let isFirst = self.isStarted.withLock { isStarted in
            defer { isStarted = true }
            return !isStarted
        }
        guard isFirst else { return }
        do {
            try SystemThread.start(name: "objbus-parent") { self.watch() }.detach()
        } catch {
            self.isStarted.withLock { $0 = false }
        }
    }

    private static func watch() {
        while !readSome(STDIN_FILENO).isEmpty {}
        _ = kill(getpid(), SIGTERM)
        let (lock, condition) = (Lock(), Condition())
        let end = MonotonicClock.now() + self.grace
        lock.withLock { while condition.wait(on: lock, until: end) {} }
        _exit(128 + SIGTERM)
    }
}
