// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBroker
import BusWire
import BusZeroMQ
import Logging

extension Bus {
    /// A bus of its own inside this process: broker and node, with no port and no file.
    ///
    /// For tests, and for programs that are one process for now. The broker ends with the bus; its
    /// objects can be reached by further buses of this process that `attach` to it.
    /// - Parameter name: what listings call this node.
    public static func embedded(name: String? = nil) async throws -> Bus {
        try await self.connect(Configuration.embedded(name: name))
    }

    /// Another node on this bus's embedded broker, as if it were another process.
    ///
    /// - Throws: `BusError` of kind `invalid` if this bus has no embedded broker.
    public func attach(name: String? = nil) async throws -> Bus {
        guard self.configuration.embedded != nil else {
            throw BusError(.invalid, "only an embedded bus can be attached to; use connect")
        }
        var configuration = self.configuration
        if let name { configuration.name = name }
        return try await Bus.connect(configuration)
    }
}

extension Bus.Configuration {
    /// A new broker inside this process, and how to attach to it.
    ///
    /// - Throws: `BusError` of kind `disconnected` if the process can't have another one.
    package static func embedded(name: String? = nil) throws(BusError) -> Bus.Configuration {
        let context: Context
        let broker: Broker
        do {
            context = try Context()
            var configuration = BrokerConfiguration(endpoints: ["inproc://objbus"])
            configuration.state = .ephemeral
            configuration.context = context
            configuration.logger.logLevel = .error
            broker = Broker(configuration)
            _ = try broker.start()
        } catch {
            throw BusError(.disconnected, "the embedded broker can't start: \(error)")
        }
        var configuration = Bus.Configuration(url: "inproc://objbus", name: name)
        configuration.embedded = EmbeddedBroker(broker, context)
        configuration.context = context
        return configuration
    }
}

/// A broker inside this process; it stops when the last bus on it is gone.
final class EmbeddedBroker: Sendable {
    private let broker: Broker
    private let context: Context

    init(_ broker: Broker, _ context: Context) {
        self.broker = broker
        self.context = context
    }

    deinit {
        self.broker.stop()
    }
}
