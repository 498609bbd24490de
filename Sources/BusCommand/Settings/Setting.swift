// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import Configuration
import Logging

/// One thing that can be set by an option, a variable of the environment, or a file.
struct Setting: Hashable, Sendable {
    /// What it takes.
    enum Kind: Hashable, Sendable {
        case text
        case texts
        case flag
        case number(ClosedRange<Int>)
        case span(ClosedRange<Duration>)
        case level
    }

    /// As in the file, with dots: `limits.nodes`.
    let key: String
    let kind: Kind

    /// The parts of the key.
    var components: [String] { self.key.split(separator: ".").map(String.init) }

    /// The value in `reader`; nil if there is none, or none that fits.
    func value(in reader: ConfigReader) -> SettingValue? {
        let key = ConfigKey(self.components)
        return switch self.kind {
        case .text: reader.string(forKey: key).map(SettingValue.text)
        case .texts: reader.stringArray(forKey: key).map(SettingValue.texts)
        case .flag: reader.bool(forKey: key).map(SettingValue.flag)
        case .number: reader.int(forKey: key).map(SettingValue.number)
        case .span: reader.string(forKey: key, as: SpanText.self).map { .span($0.duration) }
        case .level: reader.string(forKey: key, as: Logger.Level.self).map(SettingValue.level)
        }
    }

    /// Whether the value is within the bounds.
    func allows(_ value: SettingValue) -> Bool {
        switch (self.kind, value) {
        case (.number(let range), .number(let number)): range.contains(number)
        case (.span(let range), .span(let span)): range.contains(span)
        case (.texts, .texts(let texts)): !texts.isEmpty && !texts.contains("")
        case (.text, .text(let text)): !text.isEmpty
        default: true
        }
    }

    /// What is taken, in words that follow "expected".
    var expectation: String {
        switch self.kind {
        case .text: "a text that is not empty"
        case .texts: "a list with at least one entry"
        case .flag: "true or false"
        case .number(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .span(let range):
            "a span of time with its unit, from \(SpanText(range.lowerBound)) "
                + "to \(SpanText(range.upperBound))"
        case .level: "one of " + Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
        }
    }
}

/// The value of a setting.
enum SettingValue: Hashable, Sendable {
    case text(String)
    case texts([String])
    case flag(Bool)
    case number(Int)
    case span(Duration)
    case level(Logger.Level)

    /// What was typed for a setting of `kind`; nil if it is none.
    init?(_ text: String, _ kind: Setting.Kind) {
        let value: SettingValue? =
            switch kind {
            case .text: .text(text)
            case .texts: .texts(text.split(separator: ",").map(String.init))
            case .flag: Bool(text).map(SettingValue.flag)
            case .number: Int(text).map(SettingValue.number)
            case .span: SpanText(configString: text).map { .span($0.duration) }
            case .level: Logger.Level(rawValue: text).map(SettingValue.level)
            }
        guard let value else { return nil }
        self = value
    }

    /// As the library takes it.
    var content: ConfigContent {
        switch self {
        case .texts(let texts): .stringArray(texts)
        case .flag(let flag): .bool(flag)
        case .number(let number): .int(number)
        case .text, .span, .level: .string(self.text)
        }
    }

    /// As it is written in a file or an option.
    var text: String {
        switch self {
        case .text(let text): text
        case .texts(let texts): texts.joined(separator: ",")
        case .flag(let flag): "\(flag)"
        case .number(let number): "\(number)"
        case .span(let span): "\(SpanText(span))"
        case .level(let level): level.rawValue
        }
    }

    /// For programs; spans and levels as text.
    var json: Value {
        switch self {
        case .texts(let texts): .array(texts.map(Value.string))
        case .flag(let flag): .bool(flag)
        case .number(let number): Value(number)
        case .text, .span, .level: .string(self.text)
        }
    }
}

/// A span of time with its unit, `200ms` or `3s`: a bare number would mean milliseconds to one
/// reader and seconds to another.
struct SpanText: ExpressibleByConfigString, Hashable {
    let duration: Duration

    init(_ duration: Duration) {
        self.duration = duration
    }

    init?(configString text: String) {
        guard text.hasSuffix("s"), let timeout = Timeout(argument: text) else { return nil }
        self.duration = timeout.duration
    }

    var description: String {
        let milliseconds = self.duration / .milliseconds(1)
        if milliseconds >= 1_000, milliseconds.truncatingRemainder(dividingBy: 1_000) == 0 {
            return "\(Int(milliseconds / 1_000))s"
        }
        return milliseconds.rounded() == milliseconds
            ? "\(Int(milliseconds))ms" : "\(milliseconds)ms"
    }
}

/// The settings of one command: a section of the file.
struct SettingsSection: Hashable, Sendable {
    /// The command's name, and the section's.
    let name: String
    let settings: [Setting]

    /// All that a file may have.
    static let all = [BrokerSettings.section, WorkerSettings.section]
}
