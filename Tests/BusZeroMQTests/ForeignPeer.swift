// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// A hand-made ZMTP 3.0 peer, for what libzmq would not do for us.
final class ForeignPeer {
    private let descriptor: Int32

    /// Connects to a port of this machine, as a dealer with a routing id of its own.
    init(port: UInt16, identity: [UInt8]) throws {
        self.descriptor = try Self.connect(port: port)
        var greeting: [UInt8] = [0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0x7F, 3, 0]
        greeting += Array("NULL".utf8)
        greeting += [UInt8](repeating: 0, count: 64 - greeting.count)
        try self.write(greeting)
        var ready: [UInt8] = [5] + Array("READY".utf8)
        for (name, value) in [("Socket-Type", Array("DEALER".utf8)), ("Identity", identity)] {
            ready += [UInt8(name.utf8.count)] + Array(name.utf8)
            ready += [0, 0, 0, UInt8(value.count)] + value
        }
        try self.write([4, UInt8(ready.count)] + ready)
        // Before the other side's READY, a message would be a fault of the handshake.
        let header = Array(try self.read(64 + 2).suffix(2))
        _ = try self.read(Int(header[1]))
    }

    /// Connects and says what is no ZMTP.
    init(port: UInt16, saying bytes: [UInt8]) throws {
        self.descriptor = try Self.connect(port: port)
        try self.write(bytes)
    }

    deinit { _ = close(self.descriptor) }

    /// Sends a message of small frames.
    func send(_ frames: [[UInt8]]) throws {
        for (index, frame) in frames.enumerated() {
            let more: UInt8 = index < frames.count - 1 ? 1 : 0
            try self.write([more, UInt8(frame.count)] + frame)
        }
    }

    private func write(_ bytes: [UInt8]) throws {
        try #require(Glibc.write(self.descriptor, bytes, bytes.count) == bytes.count)
    }

    private func read(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let received = recv(self.descriptor, &bytes, count, Int32(MSG_WAITALL))
        try #require(received == count)
        return bytes
    }

    private static func connect(port: UInt16) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                Glibc.connect(descriptor, generic, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(result == 0)
        return descriptor
    }
}

extension Listener {
    /// The tcp port.
    var port: UInt16 { UInt16(self.endpoint.split(separator: ":").last ?? "") ?? 0 }
}
