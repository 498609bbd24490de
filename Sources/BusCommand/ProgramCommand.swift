// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc
import UnixSignals

/// `objbus run-program`: becomes a program that ends with its parent. Only `objbus worker` uses it.
///
/// Between fork and exec nothing of Swift may run, so a process of its own prepares itself.
struct ProgramCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run-program", abstract: "Become a program that ends with its parent.",
        shouldDisplay: false)

    /// What a shell answers for a program that is not there, and for one that can't be run.
    static let notFound: Int32 = 127
    static let notExecutable: Int32 = 126

    /// `PR_SET_PDEATHSIG` of `prctl`.
    private static let parentDeathSignal: Int32 = 1

    @Option(help: "The process that must still be the parent.")
    var parent: Int32

    @Argument(parsing: .postTerminator)
    var program: [String]

    func run() throws {
        // The parent's thread that started this one waits for it, so this means the parent's end.
        _ = setProcessOption(Self.parentDeathSignal, UInt(SIGTERM))
        guard getppid() == self.parent else { throw ExitStatus(code: 128 + SIGTERM) }
        var none = sigset_t()
        sigemptyset(&none)
        sigprocmask(SIG_SETMASK, &none, nil)
        for signal in Supervisor.signals { Glibc.signal(signal.rawValue, SIG_DFL) }
        var arguments = self.program.map { strdup($0) } + [nil]
        execvp(self.program[0], &arguments)
        let reason = errno
        Terminal.report(
            "error: can't run \(Text.line(self.program[0])): \(String(cString: strerror(reason)))")
        throw ExitStatus(code: reason == ENOENT ? Self.notFound : Self.notExecutable)
    }
}

/// `prctl`, which is variadic and so not imported; its arguments travel alike on Linux.
@_silgen_name("prctl")
private func setProcessOption(_ option: Int32, _ value: UInt) -> Int32
