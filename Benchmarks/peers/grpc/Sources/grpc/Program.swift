// Part of objbus. SPDX-License-Identifier: Apache-2.0
// The same call by gRPC: a unary call over HTTP/2, from the client to the worker with no broker.
//
//   grpc worker PORT                gathers what it writes for 100 us, which is what gRPC does
//   grpc prompt-worker PORT         writes each reply at once
//   grpc client PORT PROMPT-PORT    asks the prompt worker when one call waits for another, the
//                                   other when many are under way; each line of its input is
//                                   OUTSTANDING CALLS WARM-UP
//
// All of them listen or connect at 127.0.0.1 without TLS, and print "ready".

import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Glibc

@main struct Program {
    static func main() async {
        do {
            let arguments = CommandLine.arguments.dropFirst()
            let ports = arguments.dropFirst().compactMap { Int($0) }
            switch (arguments.first, ports.count) {
            case ("worker", 1): try await self.work(ports[0], isPrompt: false)
            case ("prompt-worker", 1): try await self.work(ports[0], isPrompt: true)
            case ("client", 2): try await self.ask(ports[0], prompt: ports[1])
            default: self.fail("usage: grpc worker PORT|prompt-worker PORT|client PORT PROMPT-PORT")
            }
        } catch {
            self.fail("grpc: \(error)")
        }
    }

    private static func work(_ port: Int, isPrompt: Bool) async throws {
        let transport = HTTP2ServerTransport.Posix(
            address: .ipv4(host: "127.0.0.1", port: port), transportSecurity: .plaintext,
            config: .defaults { if isPrompt { $0.connection.flushCoalescing = nil } })
        try await withGRPCServer(transport: transport, services: [Adder()]) { server in
            _ = try await server.transport.listeningAddress
            self.say("ready")
            // The server ends when this does.
            while true { try await Task.sleep(for: .seconds(3600)) }
        }
    }

    private static func ask(_ port: Int, prompt: Int) async throws {
        try await withGRPCClient(transport: self.transport(to: prompt, isPrompt: true)) { prompt in
            try await withGRPCClient(transport: self.transport(to: port, isPrompt: false)) { many in
                self.say("ready")
                while let line = readLine() {
                    let numbers = line.split(separator: " ").compactMap { Int($0) }
                    guard numbers.count == 3 else { self.fail("grpc: \(line)") }
                    try await self.measure(
                        numbers[0] == 1 ? prompt : many, outstanding: numbers[0],
                        calls: numbers[1], warmUp: numbers[2])
                }
            }
        }
    }

    private static func transport(
        to port: Int, isPrompt: Bool
    ) throws -> HTTP2ClientTransport.Posix {
        try .http2NIOPosix(
            target: .ipv4(address: "127.0.0.1", port: port), transportSecurity: .plaintext,
            config: .defaults { if isPrompt { $0.connection.flushCoalescing = nil } })
    }

    private static func measure(
        _ client: GRPCClient<some ClientTransport>, outstanding: Int, calls: Int, warmUp: Int
    ) async throws {
        // Detached: whoever calls from the main actor pays a hop for each call.
        try await Task.detached {
            _ = try await Measurement(client: client, outstanding: outstanding, calls: warmUp)
                .spans()
            try await Measurement(client: client, outstanding: outstanding, calls: calls).report()
        }.value
    }

    private static func say(_ line: String) {
        print(line)
        fflush(nil)
    }

    private static func fail(_ reason: String) -> Never {
        var line = "\(reason)\n"
        line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
        exit(1)
    }
}
