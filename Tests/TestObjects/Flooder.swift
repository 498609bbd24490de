// Part of objbus. SPDX-License-Identifier: Apache-2.0

public import ObjectBus

/// Calls another one as much as it may.
@BusObject
public distributed actor Flooder {
    /// The bus that it is called over.
    public typealias ActorSystem = Bus

    /// Makes one that can be called.
    public init(actorSystem: Bus) {
        self.actorSystem = actorSystem
    }

    /// The same bytes.
    public distributed func echo(_ bytes: Bytes) -> Bytes { bytes }

    /// Makes so many calls of `other` at a time, with so many bytes each, and says how many were
    /// answered rightly.
    public distributed func flood(_ other: Flooder, calls: Int, bytes: Int) async throws -> Int {
        let block = Bytes([UInt8](repeating: 7, count: bytes))
        // Under a sanitizer some thousands of blocks take minutes.
        let other = other.with(deadline: .seconds(150))
        return try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<calls {
                group.addTask { try await other.echo(block) == block }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
    }
}
