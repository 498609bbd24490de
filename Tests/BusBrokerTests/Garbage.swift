// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusWire
import BusZeroMQ
import Glibc
import Testing

/// What may arrive at a broker's port that is no message.
enum Garbage: CaseIterable, Sendable {
    /// Bytes of another protocol.
    case http
    /// A ZeroMQ frame of noise.
    case noise
    /// An empty ZeroMQ message.
    case empty
    /// A HELLO in a version of the future.
    case version
    /// Fewer bytes than a header.
    case truncated
    /// More buffers than a message may have.
    case buffers
    /// A frame over the limit.
    case oversize
    /// A peer with a routing id of its own.
    case routingID
    /// A call on a connection without a link.
    case stray

    /// Whether the broker sees it at all; libzmq drops the other connections by itself.
    var isLogged: Bool { self != .http && self != .oversize }

    func send(to world: World) throws {
        switch self {
        case .http:
            try RawConnection(to: world.endpoint).write(Array("GET / HTTP/1.1\r\n\r\n".utf8))
        case .routingID:
            let connection = try RawConnection(to: world.endpoint)
            try connection.write(Self.dealerWithIdentity)
            // Until the other side has said as much, libzmq takes no message.
            try connection.read(count: 64 + 43)
            try connection.write([0, 3, 1, 2, 3])
        default:
            let socket = try Socket(.dealer, in: world.context, options: Self.lingering)
            try socket.connect(world.endpoint)
            for frames in self.messages {
                for (index, frame) in frames.enumerated() {
                    try socket.send(copying: frame, more: index < frames.count - 1)
                }
            }
            if self.isLogged { try world.log.wait(for: "warning") }
        }
    }

    private static var lingering: SocketOptions {
        var options = SocketOptions()
        options.linger = 1_000
        return options
    }

    private var messages: [[[UInt8]]] {
        let call = Message(FrameHeader(kind: .call)).frame
        switch self {
        case .http, .routingID: return []
        case .noise: return [[[1, 2, 3]], [[UInt8](repeating: 0xAA, count: 5_000)]]
        case .empty: return [[[]]]
        case .version:
            var frame = Message(FrameHeader(kind: .hello)).frame
            frame[FrameOffset.version] = 9
            return [[frame]]
        case .truncated: return [[Array(call.prefix(40))]]
        case .buffers: return [[call] + [[UInt8]](repeating: [7], count: 300)]
        case .oversize: return [[[UInt8](repeating: 0, count: WireLimits.frameBytes + 1)]]
        case .stray: return [[call], [call]]
        }
    }

    /// A ZMTP 3.0 greeting and a READY with an identity.
    private static var dealerWithIdentity: [UInt8] {
        var greeting: [UInt8] = [0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0x7F, 3, 0]
        greeting += Array("NULL".utf8)
        greeting += [UInt8](repeating: 0, count: 64 - greeting.count)
        var ready: [UInt8] = [5] + Array("READY".utf8)
        for (name, value) in [("Socket-Type", "DEALER"), ("Identity", "me")] {
            ready += [UInt8(name.utf8.count)] + Array(name.utf8)
            ready += [0, 0, 0, UInt8(value.utf8.count)] + Array(value.utf8)
        }
        return greeting + [4, UInt8(ready.count)] + ready
    }
}

/// A TCP connection without ZeroMQ; open until the process ends, so that what is in it arrives.
struct RawConnection {
    private let descriptor: Int32

    init(to endpoint: String) throws {
        let port = try #require(UInt16(endpoint.split(separator: ":").last ?? ""))
        self.descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                connect(self.descriptor, generic, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(result == 0)
    }

    /// Waits until so many bytes have come.
    func read(count: Int) throws {
        var bytes = [UInt8](repeating: 0, count: count)
        try #require(recv(self.descriptor, &bytes, count, Int32(MSG_WAITALL)) == count)
    }

    func write(_ bytes: [UInt8]) throws {
        try #require(Glibc.write(self.descriptor, bytes, bytes.count) == bytes.count)
    }
}
