// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBroker
import BusZeroMQ
import Foundation
import Logging
import Testing

/// A transport as the argument of a test.
enum Transport: String, CaseIterable, Sendable {
    case tcp
    case ipc
    case inproc

    /// An endpoint to listen on that nobody else uses.
    var endpoint: String {
        switch self {
        case .tcp: "tcp://127.0.0.1:0"
        case .ipc: "ipc://\(temporaryPath()).sock"
        case .inproc: "inproc://\(UUID().uuidString)"
        }
    }
}

/// A path in the folder for temporary files that nobody else uses.
func temporaryPath() -> String {
    "\(NSTemporaryDirectory())/objbus-\(UUID().uuidString.prefix(8))"
}

/// A running broker that keeps nothing, and a context for its peers.
final class World: Sendable {
    let context: Context
    let broker: Broker
    let endpoint: String
    let log = LogBook()

    init(
        _ transport: Transport = .tcp, _ change: (inout BrokerConfiguration) -> Void = { _ in }
    ) throws {
        self.context = try Context()
        var configuration = BrokerConfiguration(endpoints: [transport.endpoint])
        configuration.state = .ephemeral
        if transport == .inproc { configuration.context = self.context }
        configuration.logger = self.log.logger
        change(&configuration)
        self.broker = Broker(configuration)
        self.endpoint = try #require(try self.broker.start().first)
    }

    deinit { self.broker.stop() }
}

/// Keeps the lines of a log.
final class LogBook: Sendable {
    private let lock = Lock()
    private let changed = Condition()
    nonisolated(unsafe) private var kept: [String] = []

    var lines: [String] { self.lock.withLock { self.kept } }

    /// Waits until a line contains all `texts`; throws when none does.
    ///
    /// - Returns: How long it took, in nanoseconds.
    @discardableResult
    func wait(for texts: String...) throws -> UInt64 {
        let began = MonotonicClock.now()
        self.lock.lock()
        defer { self.lock.unlock() }
        while !self.kept.contains(where: { line in texts.allSatisfy(line.contains) }) {
            guard self.changed.wait(on: self.lock, until: began + patience) else {
                throw TimedOut()
            }
        }
        return MonotonicClock.now() - began
    }

    private func keep(_ line: String) {
        self.lock.withLock { self.kept.append(line) }
        self.changed.broadcast()
    }

    /// Writes here.
    var logger: Logger {
        var logger = Logger(label: "tests") { _ in Handler(book: self) }
        logger.logLevel = .trace
        return logger
    }

    /// Lines that contain `text`.
    func lines(with text: String) -> [String] { self.lines.filter { $0.contains(text) } }

    private struct Handler: LogHandler {
        let book: LogBook
        var logLevel = Logger.Level.trace
        var metadata = Logger.Metadata()

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let pairs = (event.metadata ?? [:]).map { "\($0)=\($1)" }.sorted()
            let line = "\(event.level) \(event.message) \(pairs.joined(separator: " "))"
            self.book.keep(line)
        }
    }
}
