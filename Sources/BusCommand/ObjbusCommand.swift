// Part of objbus. SPDX-License-Identifier: Apache-2.0

package import ArgumentParser

/// The `objbus` command: a tool for brokers, nodes and objects.
package struct ObjbusCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "objbus",
        abstract: "An object bus: call objects in other processes as if they were your own.",
        discussion: """
            Start here, in three terminals:
              objbus broker
              objbus worker
              objbus call counter add 3

            Exit codes: 0 done, 1 the object threw an error, 2 wrong usage or arguments, 3 no such \
            name, object or method, 4 unreachable, overloaded or too late, 5 denied.
            """,
        version: "0.1.0",
        subcommands: [
            BrokerCommand.self, WorkerCommand.self, ListCommand.self, IntrospectCommand.self,
            CallCommand.self, GetCommand.self, SetCommand.self, TreeCommand.self,
            InterfaceCommand.self, DiffCommand.self, PingCommand.self, RefsCommand.self,
            WaitsCommand.self, NodesCommand.self, StatusCommand.self, MonitorCommand.self,
            TraceCommand.self, TopCommand.self, BenchCommand.self, SimulateCommand.self,
            ProgramCommand.self,
        ])

    package init() {}

    /// Runs the command that `arguments`, without the program's name, ask for.
    ///
    /// - Returns: What the process is to exit with.
    package static func run(_ arguments: [String]) async -> Int32 {
        do {
            var command = try await self.asyncParseAsRoot(WorkerCommand.normal(arguments))
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            return 0
        } catch let status as ExitStatus {
            return status.code
        } catch {
            return self.report(error, arguments)
        }
    }

    /// Prints help, or what went wrong; gives the exit code.
    private static func report(_ error: any Error, _ arguments: [String]) -> Int32 {
        let code = self.exitCode(for: error)
        if code.isSuccess {
            Terminal.print(self.fullMessage(for: error))
            return 0
        }
        let failure =
            code == .validationFailure
            ? CommandFailure.usage(self.usageMessage(for: error, arguments)) : CommandFailure(error)
        let isJSON = arguments.prefix { $0 != "--" }.contains("--json")
        Terminal.report(
            isJSON ? failure.json : failure.line(isColored: Terminal.reportsInColor))
        return failure.exitCode
    }

    private static func usageMessage(for error: any Error, _ arguments: [String]) -> String {
        let command = self.configuration.subcommands.compactMap { $0.configuration.commandName }
            .first { $0 == arguments.first }
        let hint = command.map { "objbus \($0) --help" } ?? "objbus --help"
        var message = self.message(for: error)
        if message.hasSuffix(".") { message.removeLast() }
        return "\(message); see '\(hint)'"
    }
}

/// Ends the process with a code, and without another word.
struct ExitStatus: Error {
    let code: Int32
}
