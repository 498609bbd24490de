// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusZeroMQ
import Foundation
import Testing

@Suite(.timeLimit(.minutes(1))) struct ChildProcessTests {
    @Test(arguments: [("exit 0", 0), ("exit 7", 7), ("kill -KILL $$", -9), ("kill -TERM $$", -15)])
    func `its status is its exit code or its signal`(script: String, status: Int32) async throws {
        let (ends, end) = AsyncStream.makeStream(of: Int32.self)
        let child = try shell(script) { end.yield($0) }
        #expect(child.wait() == status)
        #expect(child.status == status)
        #expect(await ends.first { _ in true } == status)
    }

    @Test func `it has what it was given, and nothing else`() throws {
        let script = """
            echo "$GREETING $HOME"; echo broken >&2; cat
            for descriptor in {0..99}; do
                if [ -e "/proc/$$/fd/$descriptor" ]; then printf '%s ' "$descriptor"; fi
            done; echo
            grep --extended-regexp 'Sig(Blk|Ign)' /proc/self/status | cut --fields 2
            """
        let child = try ChildProcess(
            path: "/bin/bash", arguments: ["-c", script], environment: ["GREETING": "hello"],
            piped: [.input, .output, .errors])
        #expect(child.status == nil)
        let pipes = child.pipes.mapValues { FileHandle(fileDescriptor: $0, closeOnDealloc: true) }
        let input = try #require(pipes[.input])
        try input.write(contentsOf: Data("typed\n".utf8))
        try input.close()
        // The two signals that glibc keeps for itself are ignored in what it spawns.
        let own = "0000000180000000"
        let none = String(repeating: "0", count: 16)
        let output = try text(pipes[.output])
        #expect(output == "hello \ntyped\n0 1 2 \n\(none)\n\(own)\n")
        #expect(try text(pipes[.errors]) == "broken\n")
        #expect(child.wait() == 0)
    }

    @Test func `its end is learnt while those live that were started with it`() throws {
        let living = Locked<[ChildProcess]>([])
        let statuses = Locked<[Int32]>([])
        let threads = try (0..<4).map { _ in
            try SystemThread.start(name: "starter") {
                for _ in 0..<5 {
                    guard let child = try? shell("exec cat"), let brief = try? shell("exit 3")
                    else { return }
                    living.withLock { $0.append(child) }
                    let status = brief.wait()
                    close(brief)
                    statuses.withLock { $0.append(status) }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(statuses.withLock { $0 } == Array(repeating: 3, count: 20))
        // The end of each one's input is the end of none but itself.
        for child in living.withLock({ $0 }).reversed() {
            #expect(child.status == nil)
            close(child)
            #expect(child.wait() == 0)
        }
    }

    @Test func `a signal reaches it`() throws {
        let child = try shell("exec cat")
        child.signal(SIGTERM)
        #expect(child.wait() == -SIGTERM)
        close(child)
    }

    @Test func `a program that does not exist is not found`() {
        #expect(throws: ZeroMQError.notFound) {
            try ChildProcess(
                path: "/nowhere/at/all", arguments: [], environment: [:], piped: [.output])
        }
    }
}

private func shell(
    _ script: String, onEnd: @escaping @Sendable (Int32) -> Void = { _ in }
) throws(ZeroMQError) -> ChildProcess {
    try ChildProcess(
        path: "/bin/sh", arguments: ["-c", script], environment: [:], piped: [.input],
        onEnd: onEnd)
}

/// Ends the child's input.
private func close(_ child: ChildProcess) {
    for descriptor in child.pipes.values { Foundation.close(descriptor) }
}

private func text(_ handle: FileHandle?) throws -> String? {
    try handle?.readToEnd().map { String(decoding: $0, as: UTF8.self) }
}
