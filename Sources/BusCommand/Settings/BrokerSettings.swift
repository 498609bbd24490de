// Part of objbus. SPDX-License-Identifier: Apache-2.0
// The names below `limits` are those of docs/protocol/limits.md.

import BusBroker
import BusBrokerCore
import BusKernel
import Logging

/// What can be set of a broker.
enum BrokerSettings {
    static let section = SettingsSection(name: "broker", settings: all.map(\.setting))

    static let all: [SettingBinding<BrokerConfiguration>] = [
        .texts("listen", \.endpoints),
        .flag("insecure", \.insecure),
        state,
        .level("logLevel", \.logger.logLevel),
        .flag("dump", \.dumps),
        .number("highWater", \.highWater),
        linger,
        quotas,
        objectQuotas,
        .number("limits.nodes", \.limits.nodes),
        .number("limits.handshakes", \.limits.handshakes),
        .number("limits.referencesPerNode", \.limits.referencesPerNode),
        .number("limits.namesPerNode", \.limits.namesPerNode),
        .number("limits.callsPerNode", \.limits.callsPerNode),
        .number("limits.waitingBytesPerNode", \.limits.waitingBytesPerNode),
        .number("limits.listed", \.limits.listed),
        .number("limits.offenders", \.limits.offenders),
        .number("limits.rosterLines", \.limits.rosterLines),
        .span("limits.heartbeat", \.limits.heartbeat),
        .span("limits.silence", \.limits.silence),
        .span("limits.resumeWindow", \.limits.resumeWindow),
        .span("limits.recoveryWindow", \.limits.recoveryWindow),
        .span("limits.handshake", \.limits.handshake),
    ]

    private static let state = SettingBinding<BrokerConfiguration>("state", .text) { value, root in
        if case .text(let path) = value { root.state = .directory(path) }
    } read: { configuration in
        (try? KeyFile.directory(of: configuration.state)).flatMap { $0 }.map(SettingValue.text)
    }

    private static let quotas = rules("quotas", \.quotas)
    private static let objectQuotas = rules("objectQuotas", \.objectQuotas)

    /// Rules that can't be read are told of by `configuration`.
    private static func rules<Rule: WrittenQuota>(
        _ name: String, _ path: any WritableKeyPath<BrokerConfiguration, [Rule]> & Sendable
    ) -> SettingBinding<BrokerConfiguration> {
        SettingBinding(name, .texts) { value, root in
            if case .texts(let texts) = value {
                root[keyPath: path] = texts.compactMap { try? Rule(written: $0) }
            }
        } read: { configuration in
            let rules = configuration[keyPath: path]
            return rules.isEmpty ? nil : .texts(rules.map(\.written))
        }
    }

    /// Milliseconds, as libzmq takes them.
    private static let linger = SettingBinding<BrokerConfiguration>(
        "linger", .span(.milliseconds(1)...(.seconds(60)))
    ) { value, root in
        if case .span(let span) = value {
            root.linger = Int32((span / .milliseconds(1)).rounded(.up))
        }
    } read: {
        .span(.milliseconds(Int64($0.linger)))
    }

    /// A broker's configuration with `settings` applied.
    ///
    /// - Throws: `CommandFailure` where they can't be together.
    static func configuration(_ settings: Settings) throws -> BrokerConfiguration {
        var configuration = BrokerConfiguration()
        configuration.logger = Log.logger("objbus.broker", Log.standardLevel)
        self.all.apply(settings, to: &configuration)
        try self.checkSpans(configuration.limits, settings)
        try self.check("quotas", settings) { _ = try QuotaRule(written: $0) }
        try self.check("objectQuotas", settings) { _ = try ObjectQuotaRule(written: $0) }
        do {
            try Broker.check(configuration)
        } catch {
            throw CommandFailure(error).placed(settings["listen"]?.origin, "broker.listen")
        }
        return configuration
    }

    private static func check(
        _ key: String, _ settings: Settings, _ read: (String) throws -> Void
    ) throws {
        guard let entry = settings[key], case .texts(let texts) = entry.value else { return }
        do {
            for text in texts { try read(text) }
        } catch let failure as CommandFailure {
            throw failure.placed(entry.origin, "broker.\(key)")
        }
    }

    /// What recovery and the detection of failures need of each other (rules R4, R8).
    private static func checkSpans(_ limits: BrokerLimits, _ settings: Settings) throws {
        func told(_ key: String) -> String {
            let value = self.all.first { $0.setting.key == key }.flatMap { binding in
                var configuration = BrokerConfiguration()
                configuration.limits = limits
                return binding.read(configuration)?.text
            }
            let origin = settings[key]?.origin ?? .standard
            return "\(key) (\(value ?? ""), \(origin.text))"
        }
        let (heartbeat, silence) = (limits.heartbeat.nanoseconds, limits.silence.nanoseconds)
        guard silence >= 2 * heartbeat else {
            throw CommandFailure.usage(
                "\(told("limits.silence")) must be at least twice \(told("limits.heartbeat"))")
        }
        guard limits.recoveryWindow.nanoseconds >= silence + limits.resumeWindow.nanoseconds else {
            throw CommandFailure.usage(
                "\(told("limits.recoveryWindow")) must be at least \(told("limits.silence")) plus "
                    + told("limits.resumeWindow"))
        }
    }
}
