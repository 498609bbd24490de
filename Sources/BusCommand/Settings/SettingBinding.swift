// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBroker
import BusKernel
import Logging

/// A setting, and the property of a configuration that it sets.
struct SettingBinding<Root>: Sendable {
    let setting: Setting
    /// Sets the property.
    let apply: @Sendable (SettingValue, inout Root) -> Void
    /// The property as it is; nil for none.
    let read: @Sendable (Root) -> SettingValue?

    init(
        _ key: String, _ kind: Setting.Kind,
        apply: @escaping @Sendable (SettingValue, inout Root) -> Void,
        read: @escaping @Sendable (Root) -> SettingValue?
    ) {
        self.setting = Setting(key: key, kind: kind)
        self.apply = apply
        self.read = read
    }

    static func texts(_ key: String, _ path: Path<[String]>) -> Self {
        Self(key, .texts) { value, root in
            if case .texts(let texts) = value { root[keyPath: path] = texts }
        } read: {
            .texts($0[keyPath: path])
        }
    }

    static func text(_ key: String, _ path: Path<String>) -> Self {
        Self(key, .text) { value, root in
            if case .text(let text) = value { root[keyPath: path] = text }
        } read: {
            .text($0[keyPath: path])
        }
    }

    static func flag(_ key: String, _ path: Path<Bool>) -> Self {
        Self(key, .flag) { value, root in
            if case .flag(let flag) = value { root[keyPath: path] = flag }
        } read: {
            .flag($0[keyPath: path])
        }
    }

    static func number<Number: FixedWidthInteger & SendableMetatype>(
        _ key: String, _ path: Path<Number>
    ) -> Self {
        Self(key, .number(1...1_000_000_000)) { value, root in
            if case .number(let number) = value { root[keyPath: path] = Number(clamping: number) }
        } read: {
            .number(Int(clamping: $0[keyPath: path]))
        }
    }

    static func span(_ key: String, _ path: Path<Span>) -> Self {
        Self(key, .span(.milliseconds(10)...(.seconds(86_400)))) { value, root in
            if case .span(let span) = value { root[keyPath: path] = Span(span) }
        } read: {
            .span(.nanoseconds(Int64(clamping: $0[keyPath: path].nanoseconds)))
        }
    }

    static func level(_ key: String, _ path: Path<Logger.Level>) -> Self {
        Self(key, .level) { value, root in
            if case .level(let level) = value { root[keyPath: path] = level }
        } read: {
            .level($0[keyPath: path])
        }
    }

    typealias Path<Property> = any WritableKeyPath<Root, Property> & Sendable
}

extension Array {
    /// Applies all that `settings` has to `root`.
    func apply<Root>(_ settings: Settings, to root: inout Root)
    where Element == SettingBinding<Root> {
        for binding in self {
            if let entry = settings[binding.setting.key] { binding.apply(entry.value, &root) }
        }
    }
}

extension Span {
    /// Rounded: a span that was written in decimals is a little off.
    fileprivate init(_ duration: Duration) {
        self.init(nanoseconds: UInt64(max(0, (duration / .nanoseconds(1)).rounded())))
    }
}
