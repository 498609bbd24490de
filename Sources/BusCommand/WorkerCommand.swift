// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BusAPI
import BusExamples
import ObjectBusFiles
import ServiceLifecycle
import UnixSignals

/// `objbus worker`: attaches a node with example objects, or runs the user's own worker.
struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker", abstract: "Attach a node with example objects, or run your own.",
        usage: """
            objbus worker [<options>] [<object> ...]
            objbus worker [<options>] [--restart] -- <program> [<argument> ...]
            """,
        discussion: """
            Without a program it publishes counter, greeter, bank, files and toolbox, or those \
            named (bench is what 'objbus bench' calls), waits for the broker as long as it takes, \
            prints one line when they can be called, and ends with code 0 on SIGINT or SIGTERM.

            Each setting is taken from the options, else from the environment (OBJBUS_URL, \
            OBJBUS_NODE and so on), else from the section 'worker' of the file.

            With a program it runs that with OBJBUS_URL set, passes signals on, and ends with its \
            exit status.

            Examples:
              objbus worker
              objbus worker --name desk counter bank
              objbus worker --replicas roundRobin toolbox
              objbus worker files --root /usr/share/doc
              objbus worker --restart -- .build/release/my-worker --verbose
            """)

    @OptionGroup var bus: BusOption

    @Option(
        help: ArgumentHelp("What listings call the node. (default: objbus-PID)", valueName: "name"))
    var name: String?

    @Option(
        help: ArgumentHelp(
            "The folder that 'files' serves, to be read only. (default: this one)",
            valueName: "folder"), completion: .directory)
    var root: String?

    @Option(
        help: ArgumentHelp(
            "Publish as replicas: each call goes to one of all workers that do, chosen by "
                + "roundRobin or leastOutstanding. (default: one is called, the others stand by)",
            valueName: "policy"))
    var replicas: String?

    @Option(
        help: ArgumentHelp(
            "How long to wait for the broker. (default: as long as it takes)", valueName: "time"))
    var timeout: Timeout?

    @Flag(help: "Run the program again when it fails, at most every 5 seconds in the end.")
    var restart = false

    @OptionGroup var log: LogOptions

    @OptionGroup var settings: SettingsOptions

    @Argument(
        help: ArgumentHelp(
            "Example objects to publish: \(Example.names). (default: all but bench)",
            valueName: "object"))
    var objects: [Example] = []

    /// What follows `--`; the parser can't tell two lists of arguments apart (see `normal`).
    @Option(parsing: .remaining, help: .hidden)
    var program: [String] = []

    /// The arguments as the parser takes them: `--program` stands for the first `--`.
    static func normal(_ arguments: [String]) -> [String] {
        guard arguments.first == Self.configuration.commandName,
            let terminator = arguments.firstIndex(of: "--")
        else { return arguments }
        return arguments[..<terminator] + ["--program"] + arguments[(terminator + 1)...]
    }

    func validate() throws {
        if !self.program.isEmpty, !self.objects.isEmpty {
            throw ValidationError("either example objects or a program can be run, not both")
        }
        if self.restart, self.program.isEmpty {
            throw ValidationError("--restart needs a program after '--'")
        }
    }

    func run() async throws {
        let settings = try await self.settings.settings(
            of: WorkerSettings.section,
            [
                SettingOption("--bus", "url", self.bus.bus.map(SettingValue.text)),
                SettingOption("--name", "node", self.name.map(SettingValue.text)),
                SettingOption("--root", "root", self.root.map(SettingValue.text)),
                SettingOption(
                    "--replicas", "replicas", self.replicas.map(SettingValue.text)),
                SettingOption(
                    "--timeout", "timeout",
                    self.timeout.map { .span($0.duration) }),
                SettingOption(
                    "<object>", "objects",
                    self.objects.isEmpty ? nil : .texts(self.objects.map(\.rawValue))),
            ] + self.log.settings)
        let configuration = try WorkerSettings.configuration(settings)
        if self.settings.checkConfig {
            self.settings.print(SettingsReport(WorkerSettings.all, of: configuration, settings))
        } else if self.program.isEmpty {
            try await self.publish(configuration)
        } else {
            var variables = ["OBJBUS_URL": configuration.url]
            if let node = configuration.node { variables["OBJBUS_NODE"] = node }
            if configuration.dump { variables["OBJBUS_DUMP"] = "1" }
            let supervisor = Supervisor(
                program: self.program, variables: variables, restarts: self.restart)
            throw ExitStatus(code: await supervisor.run())
        }
    }

    private func publish(_ worker: WorkerConfiguration) async throws {
        var configuration = Bus.Configuration(url: worker.url, name: worker.node)
        configuration.connectTimeout = worker.timeout ?? .seconds(31_536_000)
        configuration.logger = Log.logger("objbus.node", worker.logLevel)
        configuration.dumpsMessages = worker.dump
        try configuration.useOwnContext()
        let service = WorkerService(
            configuration: configuration, root: worker.root,
            replicas: ReplicaPolicy(rawValue: worker.replicas),
            examples: Example.allCases.filter { worker.objects.contains($0.rawValue) })
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    .init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)
                ],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: Log.quietLogger("objbus.services", worker.logLevel)))
        try await group.run()
    }
}

/// Attaches to the bus, publishes, and says goodbye when the group shuts down.
private struct WorkerService: Service {
    let configuration: Bus.Configuration
    let root: String
    let replicas: ReplicaPolicy?
    let examples: [Example]

    func run() async throws {
        let connected = try await cancelWhenGracefulShutdown {
            try await waiting { try await Bus.connect(self.configuration) }
        }
        guard let bus = connected else { return }
        do {
            let names = Set(self.examples).map(\.rawValue).sorted()
            for example in Example.allCases where self.examples.contains(example) {
                try await example.publish(on: bus, root: self.root, replicas: self.replicas)
            }
            Terminal.print(
                "objbus worker: published \(names.joined(separator: ", ")) as node "
                    + "\(self.configuration.name) on \(self.configuration.url)")
            try await bus.run()
        } catch {
            await bus.leave()
            throw CommandFailure(error)
        }
        await bus.leave()
    }

    /// Runs `connect`, and says what it waits for; nil if the worker is to stop meanwhile.
    private func waiting(_ connect: () async throws -> Bus) async throws -> Bus? {
        let url = self.configuration.url
        let notice = Task {
            try await Task.sleep(for: .milliseconds(500))
            Terminal.report("objbus worker: waiting for a broker at \(url)")
        }
        defer { notice.cancel() }
        do {
            return try await connect()
        } catch is CancellationError {
            return nil
        }
    }
}

/// The example objects that a worker can publish.
enum Example: String, CaseIterable, ExpressibleByArgument {
    case bank
    case bench
    case counter
    case files
    case greeter
    case toolbox

    static var names: String { self.allCases.map(\.rawValue).joined(separator: ", ") }

    /// What a worker publishes that is not told what to.
    static let usual: [Example] = [.bank, .counter, .files, .greeter, .toolbox]

    /// Makes the object and publishes it under its name.
    func publish(on bus: Bus, root: String, replicas: ReplicaPolicy?) async throws {
        let name = self.rawValue
        switch self {
        case .bank:
            let bank = Bank(publishingAccountsUnder: name, actorSystem: bus)
            try await bus.publish(bank, as: name, replicas: replicas)
        case .bench:
            try await bus.publish(Bench(actorSystem: bus), as: name, replicas: replicas)
        case .counter:
            try await bus.publish(Counter(actorSystem: bus), as: name, replicas: replicas)
        case .files:
            do {
                let files = try FileServer(root: root, actorSystem: bus)
                try await bus.publish(files, as: name, replicas: replicas)
            } catch let error as FileError {
                throw CommandFailure.usage("--root \(error)")
            }
        case .greeter:
            try await bus.publish(Greeter(actorSystem: bus), as: name, replicas: replicas)
        case .toolbox:
            try await bus.publish(Toolbox(actorSystem: bus), as: name, replicas: replicas)
        }
    }
}
