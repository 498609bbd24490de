// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// The elements of a shared collection, a chunk at a time.
public struct SharedElements<Element: Codable & Sendable>: AsyncSequence, Sendable {
    typealias Fetch = @Sendable (Range<Int>) async throws -> [Element]

    private let chunk: Int
    private let begin: @Sendable () -> Fetch

    /// - Parameter begin: called for each iteration, which may stay with one of several replicas.
    init(chunk: Int, _ begin: @escaping @Sendable () -> Fetch) {
        self.chunk = Swift.min(Swift.max(1, chunk), SharedLimits.sliceMax)
        self.begin = begin
    }

    /// Starts at the beginning.
    public func makeAsyncIterator() -> SharedIterator<Element> {
        SharedIterator(chunk: self.chunk, self.begin())
    }
}

/// A place in a shared collection, and what has been fetched of it.
public struct SharedIterator<Element: Codable & Sendable>: AsyncIteratorProtocol {
    private let chunk: Int
    private let fetch: @Sendable (Range<Int>) async throws -> [Element]
    private var fetched: ArraySlice<Element> = []
    private var position = 0
    private var isAtEnd = false

    init(
        chunk: Int, _ fetch: @escaping @Sendable (Range<Int>) async throws -> [Element]
    ) {
        self.chunk = chunk
        self.fetch = fetch
    }

    /// The next element; one call of the collection's process for each chunk.
    public mutating func next() async throws -> Element? {
        if let element = self.fetched.popFirst() { return element }
        guard !self.isAtEnd else { return nil }
        let elements = try await self.fetch(self.position..<self.position + self.chunk)
        self.position += elements.count
        // A full chunk may be the last one; then the next one is empty.
        self.isAtEnd = elements.count < self.chunk
        self.fetched = elements[...]
        return self.fetched.popFirst()
    }
}
