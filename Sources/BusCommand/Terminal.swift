// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation

/// The process's two output streams, and what they are connected to.
enum Terminal {
    /// Whether a person reads the standard output.
    static var isInteractive: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Whether a person reads the standard error.
    static var reportsProgress: Bool { isatty(STDERR_FILENO) == 1 }

    /// Whether the standard output may have colours.
    static var hasColor: Bool { self.isInteractive && self.allowsColor }

    /// Characters in a line of the standard output; 80 if nobody says.
    static var width: Int {
        var size = winsize()
        if ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 {
            return Int(size.ws_col)
        }
        return ProcessInfo.processInfo.environment["COLUMNS"].flatMap(Int.init) ?? 80
    }

    /// Whether the standard error may have colours.
    static var reportsInColor: Bool { self.reportsProgress && self.allowsColor }

    /// Whether the user has nothing against colours; see no-color.org.
    private static var allowsColor: Bool {
        let variables = ProcessInfo.processInfo.environment
        return (variables["NO_COLOR"] ?? "").isEmpty && variables["TERM"] != "dumb"
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

    /// Writes a table whose first line is its head; nothing for none.
    static func print(table lines: [String]) {
        guard let head = lines.first else { return }
        self.print([self.hasColor ? Text.strong(head) : head] + lines.dropFirst())
    }

    /// Writes bytes to the standard output as they are.
    static func write(_ bytes: [UInt8]) { self.write(bytes, to: STDOUT_FILENO) }

    /// Writes one line to the standard error, at once.
    static func report(_ line: String) {
        self.write(Array("\(line)\n".utf8), to: STDERR_FILENO)
    }

    /// Runs `body`; while that takes long, a person sees `text` and the seconds on a line that is
    /// gone afterwards.
    static func waiting<Success>(
        for text: String, _ body: () async throws -> Success
    ) async throws -> Success {
        guard self.reportsProgress else { return try await body() }
        let line = Text.line(text)
        let progress = Task {
            let start = ContinuousClock.now
            guard (try? await Task.sleep(for: .milliseconds(400))) != nil else { return }
            // Written over, since a dumb terminal knows no other way; it never gets shorter.
            var shown = ""
            repeat {
                shown = "\(line) (\(start.duration(to: .now).components.seconds) s)"
                self.write(Array("\r\(shown)".utf8), to: STDERR_FILENO)
            } while (try? await Task.sleep(for: .seconds(1))) != nil
            let blank = String(repeating: " ", count: shown.count)
            self.write(Array("\r\(blank)\r".utf8), to: STDERR_FILENO)
        }
        let result: Result<Success, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        progress.cancel()
        await progress.value
        return try result.get()
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
