// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Logging

/// Loggers to the standard error.
enum Log {
    /// Where nothing else is said.
    static let standardLevel = Logger.Level.notice

    static func logger(_ label: String, _ level: Logger.Level) -> Logger {
        var logger = Logger(label: label) { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = level
        return logger
    }

    /// Logs what the user did not ask for only where everything is wanted.
    static func quietLogger(_ label: String, _ level: Logger.Level) -> Logger {
        self.logger(label, level <= .debug ? level : .critical)
    }
}

/// What commands have that go on running.
struct LogOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How much to log to the standard error: trace, debug, info, notice, warning, error "
                + "or critical. (default: notice)", valueName: "level"),
        completion: .list(Logger.Level.allCases.map(\.rawValue)),
        transform: { text in
            guard let level = Logger.Level(rawValue: text) else {
                throw ValidationError("'\(text)' is no level of a log")
            }
            return level
        })
    var logLevel: Logger.Level?

    @Flag(help: "Print every message to the standard error, as OBJBUS_DUMP=1 does.")
    var dump = false

    /// What was given.
    var settings: [SettingOption?] {
        [
            SettingOption("--log-level", "logLevel", self.logLevel.map(SettingValue.level)),
            SettingOption("--dump", "dump", self.dump ? .flag(true) : nil),
        ]
    }
}
