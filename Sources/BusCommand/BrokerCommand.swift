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
        usage: "objbus broker [<options>]",
        discussion: """
            Prints one line when nodes can attach, and ends with code 0 on SIGINT or SIGTERM.

            Each setting is taken from the options, else from the environment (OBJBUS_LISTEN, \
            OBJBUS_LIMITS_NODES and so on), else from the file, else it is the default.

            Examples:
              objbus broker
              objbus broker --listen tcp://127.0.0.1:7431 --listen ipc:///tmp/objbus.sock
              objbus broker --listen tcp://127.0.0.1:0           (takes a free port)
              objbus broker --config /etc/objbus/objbus.yaml --set limits.nodes=100
              objbus broker --config /etc/objbus/objbus.yaml --check-config
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

    @OptionGroup var settings: SettingsOptions

    func run() async throws {
        let settings = try await self.settings.settings(
            of: BrokerSettings.section,
            [
                SettingOption(
                    "--listen", "listen", self.listen.isEmpty ? nil : .texts(self.listen)),
                SettingOption("--insecure", "insecure", self.insecure ? .flag(true) : nil),
                SettingOption("--state", "state", self.state.map(SettingValue.text)),
            ] + self.log.settings)
        let configuration = try BrokerSettings.configuration(settings)
        guard !self.settings.checkConfig else {
            return self.settings.print(
                SettingsReport(BrokerSettings.all, of: configuration, settings))
        }
        let service = BrokerService(broker: Broker(configuration))
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    .init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)
                ],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: Log.quietLogger("objbus.services", configuration.logger.logLevel)))
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
