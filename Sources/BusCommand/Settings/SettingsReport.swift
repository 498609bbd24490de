// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI

/// Pure: the settings in effect, each with its origin.
struct SettingsReport: Hashable {
    struct Row: Hashable {
        let key: String
        /// Nil where nothing is set.
        let value: SettingValue?
        let origin: SettingOrigin
    }

    let file: String?
    let rows: [Row]

    /// Tells what `root` has, which `settings` were applied to.
    init<Root>(_ bindings: [SettingBinding<Root>], of root: Root, _ settings: Settings) {
        self.file = settings.file
        self.rows = bindings.map { binding in
            Row(
                key: binding.setting.key, value: binding.read(root),
                origin: settings[binding.setting.key]?.origin ?? .standard)
        }
    }

    /// For people.
    var lines: [String] {
        Text.table(
            [["SETTING", "VALUE", "ORIGIN"]]
                + self.rows.map { [$0.key, $0.value?.text ?? "-", $0.origin.text] })
    }

    /// For programs: by key, with the kind of the origin and its place.
    var json: Value {
        var settings: ValueMap = [:]
        for row in self.rows {
            var entry: ValueMap = [
                "value": row.value?.json ?? .null, "origin": .string(row.origin.word),
            ]
            if row.origin != .standard { entry["from"] = .string(row.origin.text) }
            settings[.string(row.key)] = .map(entry)
        }
        return .map([
            "file": self.file.map(Value.string) ?? .null, "settings": .map(settings),
        ])
    }
}
