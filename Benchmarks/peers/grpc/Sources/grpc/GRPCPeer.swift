// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix

/// The same call by grpc-swift-2, which has no broker: the client talks to the worker, over tcp.
///
///     grpc worker PORT         answers; prints "ready"
///     grpc client PORT         prints "ready"; each line of its input is OUTSTANDING CALLS WARM-UP
@main enum GRPCPeer {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let port = Int(arguments[2]) else {
            FileHandle.standardError.write(Data("usage: grpc worker|client PORT\n".utf8))
            exit(2)
        }
        if arguments[1] == "worker" {
            try await work(port)
        } else {
            try await call(port)
        }
    }

    private static let add = MethodDescriptor(
        fullyQualifiedService: "objbus.Bench", method: "Add")

    private static func say(_ line: String) {
        FileHandle.standardOutput.write(Data("\(line)\n".utf8))
    }

    private static func work(_ port: Int) async throws {
        var router = RPCRouter<HTTP2ServerTransport.Posix>()
        router.registerHandler(
            forMethod: Self.add, deserializer: Numbers.Codec(), serializer: Numbers.Codec()
        ) { request, _ in
            var sum: Int64 = 0
            for try await numbers in request.messages { sum = numbers.one &+ numbers.other }
            let reply = ServerResponse(message: Numbers(one: sum, other: 0))
            return StreamingServerResponse(single: reply)
        }
        let server = GRPCServer(
            transport: .http2NIOPosix(
                address: .ipv4(host: "127.0.0.1", port: port), transportSecurity: .plaintext),
            router: router)
        async let serving: Void = server.serve()
        _ = try await server.listeningAddress
        Self.say("ready")
        try await serving
    }

    private static func call(_ port: Int) async throws {
        try await withGRPCClient(
            transport: .http2NIOPosix(
                target: .ipv4(address: "127.0.0.1", port: port), transportSecurity: .plaintext)
        ) { client in
            _ = try await Self.lane(1, client)
            Self.say("ready")
            while let line = readLine() {
                let numbers = line.split(separator: " ").compactMap { Int($0) }
                guard numbers.count == 3 else { exit(2) }
                try await Task.detached {
                    _ = try await Self.lanes(numbers[0], numbers[2], client)
                    let start = Self.now()
                    let spans = try await Self.lanes(numbers[0], numbers[1], client)
                    Self.report(spans.sorted(), start, Self.now())
                }.value
            }
        }
    }

    private typealias Client = GRPCClient<HTTP2ClientTransport.Posix>

    /// Makes `count` calls from as many tasks as are to be outstanding; their nanoseconds.
    private static func lanes(
        _ outstanding: Int, _ count: Int, _ client: Client
    ) async throws -> [UInt32] {
        try await withThrowingTaskGroup(of: [UInt32].self) { group in
            for lane in 0..<outstanding {
                let share = count / outstanding + (lane < count % outstanding ? 1 : 0)
                group.addTask { try await Self.lane(share, client) }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    private static func lane(_ count: Int, _ client: Client) async throws -> [UInt32] {
        var spans: [UInt32] = []
        var before = Self.now()
        for number in 0..<Int64(count) {
            let sum = try await client.unary(
                request: ClientRequest(message: Numbers(one: number, other: 1)),
                descriptor: Self.add, serializer: Numbers.Codec(), deserializer: Numbers.Codec(),
                options: .defaults
            ) { try $0.message.one }
            guard sum == number + 1 else { exit(1) }
            let after = Self.now()
            spans.append(UInt32(clamping: after - before))
            before = after
        }
        return spans
    }

    private static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private static func report(_ spans: [UInt32], _ start: UInt64, _ end: UInt64) {
        func rank(_ part: Double) -> Double {
            let place = Int((part * Double(spans.count)).rounded(.up))
            return Double(spans[max(place, 1) - 1]) / 1_000
        }
        let seconds = Double(end - start) / 1e9
        Self.say(
            "{\"calls\": \(spans.count), \"seconds\": \(seconds), "
                + "\"callsPerSecond\": \(Double(spans.count) / seconds), \"p50\": \(rank(0.5)), "
                + "\"p90\": \(rank(0.9)), \"p99\": \(rank(0.99)), \"max\": \(rank(1)), "
                + "\"start\": \(start), \"end\": \(end)}")
    }
}

/// Two numbers, sixteen bytes; a sum is the first.
struct Numbers: Sendable {
    var one: Int64
    var other: Int64

    struct Codec: MessageSerializer, MessageDeserializer {
        func serialize<Bytes: GRPCContiguousBytes>(_ message: Numbers) throws -> Bytes {
            var bytes = Bytes(repeating: 0, count: 16)
            bytes.withUnsafeMutableBytes {
                $0.storeBytes(of: message.one.littleEndian, toByteOffset: 0, as: Int64.self)
                $0.storeBytes(of: message.other.littleEndian, toByteOffset: 8, as: Int64.self)
            }
            return bytes
        }

        func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> Numbers {
            guard bytes.count == 16 else {
                throw RPCError(code: .invalidArgument, message: "16 bytes are needed")
            }
            return bytes.withUnsafeBytes {
                Numbers(
                    one: Int64(littleEndian: $0.loadUnaligned(fromByteOffset: 0, as: Int64.self)),
                    other: Int64(littleEndian: $0.loadUnaligned(fromByteOffset: 8, as: Int64.self)))
            }
        }
    }
}
