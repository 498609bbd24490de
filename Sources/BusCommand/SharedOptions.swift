// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BusAPI
import Logging

/// Where the broker is.
struct BusOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The broker: tcp://HOST:PORT or ipc://PATH. (default: $OBJBUS_URL, else "
                + "\(Bus.defaultURL))",
            valueName: "url"))
    var bus: String?

    /// The broker's URL, wherever it was given.
    var url: String { Bus.Configuration(url: self.bus).url }
}

/// What every command has that asks something.
struct SharedOptions: ParsableArguments {
    @OptionGroup var bus: BusOption

    @Flag(help: "Print JSON, and errors as a JSON object.")
    var json = false

    @Option(
        help: ArgumentHelp(
            "How long to wait, such as 3, 1.5s or 200ms. (default: 3s for the broker, 30s for a "
                + "call)", valueName: "time"))
    var timeout: Timeout?

    /// Attaches to the bus, runs `body`, and leaves again.
    ///
    /// - Throws: what `body` throws, or `BusError` if no broker answers.
    func withBus(_ body: (Bus) async throws -> Void) async throws {
        var configuration = Bus.Configuration(url: self.bus.url)
        // What is wrong is an error of the command, told once.
        configuration.logger.logLevel = .critical
        if let timeout {
            configuration.connectTimeout = timeout.duration
            configuration.deadline = timeout.duration
        }
        try configuration.useOwnContext()
        let url = configuration.url
        let bus = try await Terminal.waiting(for: "waiting for a broker at \(url)") {
            try await Bus.connect(configuration)
        }
        do {
            try await body(bus)
        } catch {
            await bus.leave()
            throw error
        }
        await bus.leave()
    }

    /// Prints a value as JSON.
    func print(json value: Value) { Terminal.print(value.json(pretty: true)) }
}

extension Bus {
    /// The object that a name or a tag means.
    func object(_ target: String) async throws -> RemoteObject {
        target.hasPrefix("ref:")
            ? try await self.object(tagged: target) : try await self.object(named: target)
    }
}

extension RemoteObject {
    /// What the object can do; nothing if it does not tell.
    func knownInterface() async throws -> Interface {
        do {
            return try await self.interface()
        } catch let error as BusError where error.kind == .unimplemented {
            return Interface(name: "object", documentation: "", methods: [])
        }
    }
}
