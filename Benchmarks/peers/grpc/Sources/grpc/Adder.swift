// Part of objbus. SPDX-License-Identifier: Apache-2.0

import GRPCCore

/// Two numbers to add, and the number of the call.
struct Question: BitwiseCopyable {
    var one, other, call: Int64
}

/// Their sum, and the number of the call.
struct Answer: BitwiseCopyable {
    var sum, call: Int64
}

/// Writes and reads a value as its bytes lie in memory.
///
/// Whoever uses gRPC would have Protobuf here, and the code that it generates. This is what the
/// other programs of the benchmark do, and spares gRPC that work.
struct Coder<Message: BitwiseCopyable & Sendable>: MessageSerializer, MessageDeserializer {
    func serialize<Bytes: GRPCContiguousBytes>(_ message: Message) -> Bytes {
        withUnsafeBytes(of: message) { Bytes($0) }
    }

    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> Message {
        try bytes.withUnsafeBytes { bytes in
            guard bytes.count == MemoryLayout<Message>.size else {
                throw RPCError(code: .invalidArgument, message: "\(bytes.count) bytes came")
            }
            return bytes.loadUnaligned(as: Message.self)
        }
    }
}

/// The service; what Protobuf's generator would write for `rpc Add(Question) returns (Answer)`.
struct Adder: RegistrableRPCService {
    private static let add = MethodDescriptor(
        service: ServiceDescriptor(package: "objbus", service: "Bench"), method: "Add",
        type: .unary)

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        router.registerHandler(
            forMethod: Self.add, deserializer: Coder<Question>(), serializer: Coder<Answer>()
        ) { request, _ in
            let asked = try await ServerRequest(stream: request).message
            let answer = Answer(sum: asked.one + asked.other, call: asked.call)
            return StreamingServerResponse(single: ServerResponse(message: answer))
        }
    }

    /// Calls it.
    static func answer(
        to question: Question, by client: GRPCClient<some ClientTransport>
    ) async throws -> Answer {
        try await client.unary(
            request: ClientRequest(message: question), descriptor: Self.add,
            serializer: Coder<Question>(), deserializer: Coder<Answer>(), options: .defaults
        ) { try $0.message }
    }
}
