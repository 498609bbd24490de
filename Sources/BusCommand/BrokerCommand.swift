// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BusBroker
import Logging
import ServiceLifecycle
import UnixSignals

/// `objbus broker`: runs a broker until it is told to stop.
struct BrokerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "broker", abstract: "Run the broker that nodes attach to.",
        discussion: """
            Prints one line when nodes can attach, and ends with code 0 on SIGINT or SIGTERM.

            Examples:
              objbus broker
              objbus broker --listen tcp://127.0.0.1:7431 --listen ipc:///tmp/objbus.sock
              objbus broker --listen tcp://127.0.0.1:0        (takes a free port and names it)
            """)

    @Option(
        help: ArgumentHelp(
            "An address to listen on; give it again for more. (default: "
                + "\(BrokerConfiguration.defaultEndpoint))",
            valueName: "url"))
    var listen: [String] = []

    @Flag(help: "Allow addresses that reach beyond this machine, although nothing is encrypted.")
    var insecure = false

    @Option(
        help: ArgumentHelp(
            "The folder of the key by which nodes are known after a restart. (default: "
                + "$OBJBUS_STATE, else the user's folder for state)", valueName: "folder"))
    var state: String?

    @OptionGroup var log: LogOptions

    @Flag(help: "Print every message to the standard error, as OBJBUS_DUMP=1 does.")
    var dump = false

    func run() async throws {
        var configuration = BrokerConfiguration(
            endpoints: self.listen.isEmpty
                ? [BrokerConfiguration.defaultEndpoint] : self.listen)
        configuration.insecure = self.insecure
        configuration.dumps = configuration.dumps || self.dump
        configuration.logger = self.log.logger("objbus.broker")
        if let state { configuration.state = .directory(state) }
        let service = BrokerService(broker: Broker(configuration))
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    .init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)
                ],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: self.log.quietLogger("objbus.services")))
        try await group.run()
    }
}

/// Starts the broker once signals are watched, says so, and runs it.
private struct BrokerService: Service {
    let broker: Broker

    func run() async throws {
        let endpoints = try self.broker.start()
        Terminal.print("objbus broker: listening on \(endpoints.joined(separator: " "))")
        try await self.broker.run()
    }
}

/// What commands have that go on running.
struct LogOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How much to log to the standard error: trace, debug, info, notice, warning, error "
                + "or critical.", valueName: "level"),
        transform: { text in
            guard let level = Logger.Level(rawValue: text) else {
                throw ValidationError("'\(text)' is no level of a log")
            }
            return level
        })
    var logLevel = Logger.Level.notice

    /// Logs to the standard error.
    func logger(_ label: String) -> Logger {
        var logger = Logger(label: label) { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = self.logLevel
        return logger
    }

    /// Logs what the user did not ask for only where everything is wanted.
    func quietLogger(_ label: String) -> Logger {
        var logger = self.logger(label)
        logger.logLevel = self.logLevel <= .debug ? self.logLevel : .critical
        return logger
    }
}
