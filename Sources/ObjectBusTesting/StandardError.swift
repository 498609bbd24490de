// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Glibc

/// Lines for people, beside what the test framework says.
enum StandardError {
    /// Prints a line in one write, so that the lines of parallel tests don't mix.
    static func print(_ line: String) {
        let bytes = Array("\(line)\n".utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}

/// A variable of the process's environment, nil if it is missing or empty.
func environment(_ name: String) -> String? {
    guard let text = getenv(name) else { return nil }
    let value = String(cString: text)
    return value.isEmpty ? nil : value
}
