// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBroker
import Foundation
import Logging

/// A broker of this process that listens on an address of the operating system, and its folder.
final class LiveBroker: Sendable {
    let url: String
    private let broker: Broker
    private let folder: String

    init(_ transport: BusWorld.Transport) throws {
        // Short: the path of a socket ends at 107 bytes.
        let name = "objbus-\(String(UInt64.random(in: .min ... .max), radix: 36))"
        self.folder = FileManager.default.temporaryDirectory.appending(path: name).path
        try FileManager.default.createDirectory(
            atPath: self.folder, withIntermediateDirectories: true)
        let endpoint = transport == .tcp ? "tcp://127.0.0.1:*" : "ipc://\(self.folder)/bus"
        var configuration = BrokerConfiguration(endpoints: [endpoint])
        configuration.state = .directory(self.folder)
        configuration.logger.logLevel = .error
        self.broker = Broker(configuration)
        do {
            self.url = try self.broker.start().first ?? endpoint
        } catch {
            try? FileManager.default.removeItem(atPath: self.folder)
            throw error
        }
    }

    func stop() {
        self.broker.stop()
        try? FileManager.default.removeItem(atPath: self.folder)
    }
}
