// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// A span of time as users write it: `3`, `1.5s`, `200ms`.
struct Timeout: ExpressibleByArgument, Hashable, CustomStringConvertible {
    /// More than nothing, at most a year.
    let duration: Duration

    /// In seconds.
    var description: String { "\(self.duration / .seconds(1))s" }

    /// A span that the command itself chose.
    init(_ duration: Duration) {
        self.duration = duration
    }

    /// Nil for anything else.
    init?(argument: String) {
        let isMilliseconds = argument.hasSuffix("ms")
        let digits =
            argument.hasSuffix("s") ? argument.dropLast(isMilliseconds ? 2 : 1) : argument[...]
        guard let number = Double(digits), number > 0, number <= 31_536_000 else { return nil }
        self.duration = .seconds(isMilliseconds ? number / 1_000 : number)
    }
}
