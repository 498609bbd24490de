// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusValue
import BusWire
import BusZeroMQ

/// Error types that this process wants to catch as themselves (rules R28).
final class ErrorRegistry: Sendable {
    private typealias Decode = @Sendable (Value) -> (any Error)?

    private let decoders = Locked<[String: Decode]>([:])

    func register<Failure: Error & Decodable>(_ type: Failure.Type) {
        self.decoders.withLock { decoders in
            decoders[typeName(of: type)] = { value in
                guard let bytes = try? value.encoded() else { return nil }
                return try? ValueDecoder().decode(type, from: bytes)
            }
        }
    }

    /// Registers those of `types` that can be decoded.
    func register(_ types: [any Error.Type]) {
        for type in types {
            if let decodable = type as? any (Error & Decodable).Type { self.register(decodable) }
        }
    }

    func error(named name: String, _ value: Value) -> (any Error)? {
        let decode = self.decoders.withLock { $0[name] }
        return decode?(value)
    }
}

/// What an error type is called on the wire: its qualified name.
func typeName(of type: any Error.Type) -> String { String(reflecting: type) }

extension FailureBody {
    /// What a handler threw, as it travels; `hop` is where.
    init(thrown error: any Error, at hop: Hop) {
        switch error {
        case let error as BusError:
            // The object's own failing call is its result: it did run.
            self.init(error, hops: [hop])
        case let error as RemoteError:
            self.init(
                BusError(.failed, executed: .yes, error.message), typeName: error.typeName,
                value: error.value, hops: error.hops + [hop])
        case is CancellationError:
            self.init(BusError(.cancelled, executed: .maybe, "the call was cancelled"), hops: [hop])
        default:
            var value: Value?
            if let error = error as? any Encodable { value = try? encodedAsValue(error) }
            self.init(
                BusError(.failed, executed: .yes, "\(error)"),
                typeName: BusAPI.typeName(of: type(of: error)), value: value, hops: [hop])
        }
    }

    /// What the caller throws.
    func thrown(_ registry: ErrorRegistry) -> any Error {
        guard self.error.kind == .failed else { return self.error }
        if let typeName, let value, let error = registry.error(named: typeName, value) {
            return error
        }
        return RemoteError(
            typeName: self.typeName ?? "unknown", message: self.error.message, value: self.value,
            hops: self.hops)
    }
}

private func encodedAsValue(_ error: some Encodable) throws -> Value {
    try Value(cbor: ValueEncoder().encode(error))
}
