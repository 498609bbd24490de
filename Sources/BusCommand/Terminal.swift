// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation

/// The process's two output streams, and what they are connected to.
enum Terminal {
    /// Whether a person reads the standard output.
    static var isInteractive: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Whether a person reads the standard error.
    static var reportsProgress: Bool { isatty(STDERR_FILENO) == 1 }

    /// Whether the standard output may have colours: a terminal, and `NO_COLOR` is not set.
    static var hasColor: Bool {
        let variables = ProcessInfo.processInfo.environment
        return self.isInteractive && (variables["NO_COLOR"] ?? "").isEmpty
            && variables["TERM"] != "dumb"
    }

    /// Writes one line to the standard output, at once.
    static func print(_ line: String) {
        self.write(Array("\(line)\n".utf8), to: STDOUT_FILENO)
    }

    /// Writes lines to the standard output, at once; nothing for none.
    static func print(_ lines: [String]) {
        guard !lines.isEmpty else { return }
        self.print(lines.joined(separator: "\n"))
    }

    /// Writes bytes to the standard output as they are.
    static func write(_ bytes: [UInt8]) { self.write(bytes, to: STDOUT_FILENO) }

    /// Writes one line to the standard error, at once.
    static func report(_ line: String) {
        self.write(Array("\(line)\n".utf8), to: STDERR_FILENO)
    }

    /// Whoever reads may have gone; then there is nothing left to do.
    private static func write(_ bytes: [UInt8], to descriptor: Int32) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = Array(rest).withUnsafeBytes {
                Foundation.write(descriptor, $0.baseAddress, $0.count)
            }
            if written < 0, errno != EINTR { return }
            rest = rest.dropFirst(max(0, written))
        }
    }
}
