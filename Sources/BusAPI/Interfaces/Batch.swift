// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/calls.md §2, `$batch(_:)`.

public import BusValue
import BusWire

/// Calls of one object that are to travel in one message.
///
/// ```swift
/// var batch = Batch()
/// batch.add("add(_:)", 1)
/// batch.add("total()")
/// let results = try await remote.perform(batch)
/// let total = try results[1].get().intValue
/// ```
public struct Batch: Sendable {
    /// Calls in one batch at most; more are refused as `invalid`.
    public static let callsMax = 4_096

    fileprivate struct Entry: Encodable, Sendable {
        let method: String
        let arguments: [any Encodable & Sendable]

        func encode(to encoder: any Encoder) throws {
            var container = encoder.unkeyedContainer()
            try container.encode(self.method)
            var nested = container.nestedUnkeyedContainer()
            for argument in self.arguments { try nested.encode(argument) }
        }
    }

    fileprivate var entries: [Entry] = []

    /// Without calls.
    public init() {}

    /// How many calls there are.
    public var count: Int { self.entries.count }

    /// Adds a call of a method by its full name.
    public mutating func add(_ method: String, _ arguments: any Encodable & Sendable...) {
        self.entries.append(Entry(method: method, arguments: arguments))
    }
}

extension RemoteObject {
    /// Makes the calls of a batch, one after another, with one message there and one back.
    ///
    /// - Returns: for each call its result, or what it threw as `RemoteError` or `BusError`. A call
    ///   that throws does not keep the next ones from being made.
    /// - Throws: `BusError` if the batch itself can't be sent or answered.
    public func perform(_ batch: Batch) async throws -> [Result<Value, any Error>] {
        guard batch.count <= Batch.callsMax else {
            throw BusError(.invalid, "\(batch.count) calls are more than \(Batch.callsMax)")
        }
        let outcomes: [BatchOutcome] = try await self.call("$batch(_:)", [batch.entries])
        return outcomes.map { $0.result(self.bus.errors) }
    }
}

/// What became of one call of a batch: `[result]`, or `[null, failure]`.
struct BatchOutcome: Decodable, Sendable {
    private let value: Value
    private let failure: Value?

    init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        self.value = try container.decode(Value.self)
        self.failure = container.isAtEnd ? nil : try container.decode(Value.self)
    }

    func result(_ registry: ErrorRegistry) -> Result<Value, any Error> {
        guard let failure else { return .success(self.value) }
        return .failure(FailureBody(failure.mapValue ?? ValueMap()).thrown(registry))
    }
}
