// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/calls.md §2, `$batch(_:)`.

import BusValue
import BusWire

/// Where one call of a batch has its arguments, and where its result goes.
struct BatchPlace: Sendable {
    /// Of the arguments in the message.
    let offset: Int
    /// What all results refer to.
    let scope: EncodingScope
    /// Those of the results before.
    let buffers: [Bytes]
}

extension Bus {
    /// Runs the calls of a batch one after another, each as if it had come alone.
    func runBatch(_ call: IncomingCall) async throws -> CallResult {
        var reader = try call.arguments(1)
        let count = try reader.arrayCount()
        guard count <= Batch.callsMax else {
            throw BusError(.invalid, "\(count) calls are more than \(Batch.callsMax)")
        }
        let scope = EncodingScope(self)
        var results = PayloadEncoder(self, BatchPlace(offset: 0, scope: scope, buffers: []))
        var head: [UInt8] = []
        CBORWriter.array(count: count, into: &head)
        results.append(cbor: head)
        for _ in 0..<count {
            let (method, offset) = try reader.nextCall()
            let place = BatchPlace(offset: offset, scope: scope, buffers: results.buffers)
            do {
                let result = try await self.runPart(call.part(method, at: place))
                results.append(byte: 0x81)
                results.append(result.encoder)
            } catch {
                let hop = Hop(
                    node: self.configuration.name,
                    object: CallContext.current?.object.description ?? "", method: method)
                results.append(byte: 0x82)
                results.append(byte: 0xF6)
                results.append(cbor: FailureBody(thrown: error, at: hop).encoded())
            }
        }
        return CallResult(encoder: results)
    }

    private func runPart(_ part: IncomingCall) async throws -> CallResult {
        guard part.method != "$batch(_:)" else {
            throw BusError(.invalid, "a batch can't be in a batch")
        }
        let context = CallContext.current?.with(method: part.method)
        return try await CallContext.$current.withValue(context) { try await self.dispatch(part) }
    }
}

extension ArgumentReader {
    /// The head of an argument that is an array.
    mutating func arrayCount() throws -> Int {
        do {
            return try self.decoder.arrayCount()
        } catch {
            throw BusError(.invalid, "\(self.method): \(describe(error))")
        }
    }

    /// Reads `[method, arguments]`; the arguments are stepped over.
    fileprivate mutating func nextCall() throws -> (method: String, offset: Int) {
        guard try self.arrayCount() == 2 else {
            throw BusError(.invalid, "a call of a batch is a method and its arguments")
        }
        let method = try self.next("method", as: String.self)
        let offset = self.decoder.offset
        _ = try self.next("arguments", as: Value.self)
        return (method, offset)
    }
}
