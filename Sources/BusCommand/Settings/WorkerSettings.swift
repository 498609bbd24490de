// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import Logging

/// What a worker is told before it attaches.
struct WorkerConfiguration: Hashable, Sendable {
    /// The broker.
    var url = Bus.defaultURL
    /// What listings call the node; nil for the program's name and its number.
    var node: String?
    /// How long to wait for the broker; nil for as long as it takes.
    var timeout: Duration?
    /// The folder that `files` serves.
    var root = "."
    /// The example objects to publish.
    var objects = Example.usual.map(\.rawValue)
    /// How callers choose among all workers that publish these objects; empty for a queue.
    var replicas = ""
    var logLevel = Log.standardLevel
    /// Whether every message is printed to the standard error.
    var dump = false
}

/// What can be set of a worker.
enum WorkerSettings {
    static let section = SettingsSection(name: "worker", settings: all.map(\.setting))

    static let all: [SettingBinding<WorkerConfiguration>] = [
        .text("url", \.url),
        node,
        timeout,
        .text("root", \.root),
        .texts("objects", \.objects),
        replicas,
        .level("logLevel", \.logLevel),
        .flag("dump", \.dump),
    ]

    private static let node = SettingBinding<WorkerConfiguration>("node", .text) { value, root in
        if case .text(let name) = value { root.node = name }
    } read: {
        $0.node.map(SettingValue.text)
    }

    private static let replicas = SettingBinding<WorkerConfiguration>("replicas", .text) {
        value, root in
        if case .text(let policy) = value { root.replicas = policy }
    } read: {
        $0.replicas.isEmpty ? nil : .text($0.replicas)
    }

    private static let timeout = SettingBinding<WorkerConfiguration>(
        "timeout", .span(.milliseconds(1)...(.seconds(31_536_000)))
    ) { value, root in
        if case .span(let span) = value { root.timeout = span }
    } read: {
        $0.timeout.map(SettingValue.span)
    }

    /// A worker's configuration with `settings` applied.
    ///
    /// - Throws: `CommandFailure` for an object that is none of the examples, and a policy that is
    ///   none.
    static func configuration(_ settings: Settings) throws -> WorkerConfiguration {
        var configuration = WorkerConfiguration()
        self.all.apply(settings, to: &configuration)
        if let unknown = configuration.objects.first(where: { Example(rawValue: $0) == nil }) {
            let origin = settings["objects"]?.origin ?? .standard
            throw CommandFailure.usage(
                "\(origin.text): objects: '\(unknown)' is no example object; known are "
                    + Example.names)
        }
        let policy = configuration.replicas
        if !policy.isEmpty, ReplicaPolicy(rawValue: policy) == nil {
            let origin = settings["replicas"]?.origin ?? .standard
            let known = ReplicaPolicy.allCases.map(\.rawValue).joined(separator: ", ")
            throw CommandFailure.usage(
                "\(origin.text): replicas: '\(policy)' is no policy; known are \(known)")
        }
        return configuration
    }
}
