// Part of objbus. SPDX-License-Identifier: Apache-2.0

internal import CZeroMQ
internal import Glibc

/// A process that this one has started, and whose end it learns.
///
/// Not Foundation's `Process` (Swift 6.3.1): that takes the end of a socket for the end of the
/// child, and any process that is started at the same moment inherits that socket. So it may learn
/// of an end only when all these have ended too, and `waitUntilExit` waits as long.
///
/// Here a thread starts the process and waits for it. A child that wants to be ended with its
/// parent (`PR_SET_PDEATHSIG`, which means the thread) is therefore so for all of its life.
@safe package final class ChildProcess: Sendable {
    /// A standard stream of the child, by its descriptor there.
    package enum Stream: Int32, Sendable {
        case input = 0
        case output = 1
        case errors = 2
    }

    /// The process's number; another one's as soon as this one has ended.
    package let id: Int32
    /// This process's ends of the pipes asked for. Whoever made the child closes them.
    package let pipes: [Stream: Int32]
    private let life: Life

    /// Starts a program.
    ///
    /// It has this process's standard streams but for those in `piped`, no other descriptor, and no
    /// signal blocked or ignored.
    /// - Parameters:
    ///   - path: the program; the first argument that it sees is `path` too.
    ///   - piped: streams that are to lead here.
    ///   - onEnd: called once, on a thread of its own, when `status` is there.
    /// - Throws: why there is no such process.
    package init(
        path: String, arguments: [String], environment: [String: String], piped: [Stream],
        onEnd: @escaping @Sendable (_ status: Int32) -> Void = { _ in }
    ) throws(ZeroMQError) {
        var pipes: [(stream: Stream, pipe: Pipe)] = []
        // The child has its own copies by then.
        defer { for (stream, pipe) in pipes { _ = close(pipe.childEnd(of: stream)) } }
        let life = Life()
        do throws(ZeroMQError) {
            for stream in piped { pipes.append((stream, try Pipe())) }
            // Order-free: the environment is a set.
            let variables = environment.map { "\($0.key)=\($0.value)" }
            let ends = pipes.map { ($0.stream, $0.pipe.childEnd(of: $0.stream)) }
            try SystemThread.start(name: "objbus-child") {
                let result = spawn(path, [path] + arguments, variables, ends)
                life.begins(result)
                guard case .success(let id) = result else { return }
                onEnd(life.waitForEnd(of: id))
            }.detach()
            self.id = try life.waitForBeginning()
        } catch {
            for (stream, pipe) in pipes { _ = close(pipe.parentEnd(of: stream)) }
            throw error
        }
        self.life = life
        var ours: [Stream: Int32] = [:]
        for (stream, pipe) in pipes { ours[stream] = pipe.parentEnd(of: stream) }
        self.pipes = ours
    }

    /// The exit code, or the negative number of the signal that ended it; nil while it runs. 255 if
    /// somebody else in this process has taken it.
    package var status: Int32? { self.life.status }

    /// Blocks until the process has ended; its status.
    @discardableResult
    package func wait() -> Int32 { self.life.wait() }

    /// Sends a signal, unless the process has ended.
    package func signal(_ number: Int32) { self.life.signal(number, to: self.id) }
}

/// What is known of a process; its thread and those who ask share it.
private final class Life: @unchecked Sendable {
    private let lock = Lock()
    private let condition = Condition()
    /// Guarded by the lock, as the next one is.
    private var beginning: Result<Int32, ZeroMQError>?
    private var end: Int32?

    var status: Int32? { self.lock.withLock { self.end } }

    func begins(_ result: Result<Int32, ZeroMQError>) {
        self.lock.withLock {
            self.beginning = result
            self.condition.broadcast()
        }
    }

    func waitForBeginning() throws(ZeroMQError) -> Int32 {
        self.lock.lock()
        defer { self.lock.unlock() }
        while true {
            if let beginning { return try beginning.get() }
            self.condition.wait(on: self.lock)
        }
    }

    func wait() -> Int32 {
        self.lock.lock()
        defer { self.lock.unlock() }
        while true {
            if let end { return end }
            self.condition.wait(on: self.lock)
        }
    }

    func waitForEnd(of id: Int32) -> Int32 {
        var information = unsafe siginfo_t()
        // The number stays the process's own until it is taken below, with the lock closed.
        while unsafe waitid(P_PID, id_t(id), &information, WEXITED | WNOWAIT) != 0,
            errno == EINTR
        {}
        return self.lock.withLock {
            var word: Int32 = 0
            let isTaken = unsafe waitpid(id, &word, 0) == id
            let signal = word & 0x7F
            let end = !isTaken ? 255 : signal == 0 ? word >> 8 & 0xFF : -signal
            self.end = end
            self.condition.broadcast()
            return end
        }
    }

    func signal(_ number: Int32, to id: Int32) {
        self.lock.withLock {
            if self.end == nil { _ = kill(id, number) }
        }
    }
}

/// Two descriptors that no other child inherits, and that are none of the standard ones.
private struct Pipe {
    private let reading: Int32
    private let writing: Int32

    init() throws(ZeroMQError) {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe2(&ends, O_CLOEXEC) == 0 else { throw ZeroMQError(code: errno) }
        let moved = ends.map { $0 > 2 ? $0 : fcntl($0, F_DUPFD_CLOEXEC, 3) }
        for end in ends where end <= 2 { _ = close(end) }
        (self.reading, self.writing) = (moved[0], moved[1])
        guard moved.allSatisfy({ $0 > 2 }) else {
            for end in moved where end > 2 { _ = close(end) }
            throw .tooManySockets
        }
    }

    func childEnd(of stream: ChildProcess.Stream) -> Int32 {
        stream == .input ? self.reading : self.writing
    }

    func parentEnd(of stream: ChildProcess.Stream) -> Int32 {
        stream == .input ? self.writing : self.reading
    }
}

/// Starts a process with `streams` in place of its standard ones.
private func spawn(
    _ path: String, _ arguments: [String], _ variables: [String],
    _ streams: [(ChildProcess.Stream, Int32)]
) -> Result<Int32, ZeroMQError> {
    var actions = unsafe posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    unsafe posix_spawn_file_actions_init(&actions)
    unsafe posix_spawnattr_init(&attributes)
    var (none, all) = (sigset_t(), sigset_t())
    unsafe sigemptyset(&none)
    unsafe sigfillset(&all)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setsigdefault(&attributes, &all)
    let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
    unsafe posix_spawnattr_setflags(&attributes, Int16(flags))
    for (stream, descriptor) in streams {
        unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, stream.rawValue)
    }
    unsafe posix_spawn_file_actions_addclosefrom_np(&actions, 3)
    var argv = unsafe arguments.map { unsafe strdup($0) } + [nil]
    var envp = unsafe variables.map { unsafe strdup($0) } + [nil]
    defer {
        unsafe (argv + envp).forEach { text in unsafe free(text) }
        unsafe posix_spawn_file_actions_destroy(&actions)
        unsafe posix_spawnattr_destroy(&attributes)
    }
    var id = pid_t()
    let result = unsafe posix_spawn(&id, path, &actions, &attributes, &argv, &envp)
    return result == 0 ? .success(id) : .failure(ZeroMQError(code: result))
}
