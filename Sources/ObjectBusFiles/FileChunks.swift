// Part of objbus. SPDX-License-Identifier: Apache-2.0

public import BusAPI

/// The bytes of a file, a chunk at a time: the next one is read when it is asked for.
///
/// So a reader that is slow makes nobody keep more than one chunk for it. The place that others
/// share stays where it is.
public struct FileChunks: AsyncSequence, AsyncIteratorProtocol, Sendable {
    private let file: OpenFile
    private let count: Int
    private var offset: Int

    init(of file: OpenFile, count: Int, from offset: Int) {
        self.file = file
        self.count = Swift.max(1, Swift.min(count, OpenFile.readMax))
        self.offset = offset
    }

    /// Starts at the sequence's beginning.
    public func makeAsyncIterator() -> FileChunks { self }

    /// The next chunk, by one call of the file's process; nil at the end.
    public mutating func next() async throws -> Bytes? {
        let bytes = try await self.file.read(self.count, at: self.offset)
        self.offset += bytes.count
        return bytes.isEmpty ? nil : bytes
    }
}

extension OpenFile {
    /// The file's bytes in chunks of at most `count`.
    ///
    /// - Parameters:
    ///   - count: Bytes, at most 1 MiB.
    ///   - offset: Where to begin, from the file's start.
    public nonisolated func chunks(
        of count: Int = OpenFile.readMax, from offset: Int = 0
    ) -> FileChunks {
        FileChunks(of: self, count: count, from: offset)
    }
}
