// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// Memory that something else owns and that never changes while it lives, such as a message frame.
public protocol ByteStorage: AnyObject, Sendable {
    /// The size in bytes; constant.
    var count: Int { get }

    /// Calls `body` with the memory, from any thread; the pointer is good only during the call.
    func withUnsafeBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result
}

/// Immutable bytes: a slice of an array or of memory that a `ByteStorage` owns.
///
/// Copies and slices share the storage. A slice keeps all of its storage alive.
public struct Bytes: Sendable {
    /// Size from which an encoder with a buffer collector sends bytes as their own frame.
    public static let frameThreshold = 16 * 1024

    private let owner: Owner
    private let start: UInt32
    private let length: UInt32

    /// Holds either kind of storage in one word, so that a `Value` stays small.
    private final class Owner: Sendable {
        let array: [UInt8]
        let storage: (any ByteStorage)?

        init(array: [UInt8], storage: (any ByteStorage)?) {
            self.array = array
            self.storage = storage
        }
    }

    private static let none = Owner(array: [], storage: nil)

    private init(owner: Owner, start: UInt32, length: UInt32) {
        self.owner = owner
        self.start = start
        self.length = length
    }

    /// Makes empty bytes.
    public init() {
        self.init(owner: Bytes.none, start: 0, length: 0)
    }

    /// Wraps an array without copying it.
    ///
    /// - Parameter array: At most 4 GiB - 1.
    public init(_ array: [UInt8]) {
        self.init(
            owner: array.isEmpty ? Bytes.none : Owner(array: array, storage: nil),
            start: 0, length: UInt32(array.count))
    }

    /// Copies any sequence of bytes.
    public init(_ bytes: some Sequence<UInt8>) {
        self.init(Array(bytes))
    }

    /// Wraps memory that `storage` owns, without copying it.
    ///
    /// - Parameter storage: At most 4 GiB - 1.
    public init(storage: any ByteStorage) {
        self.init(
            owner: Owner(array: [], storage: storage), start: 0, length: UInt32(storage.count))
    }

    /// Calls `body` with the bytes; the pointer is good only during the call.
    public func withUnsafeBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        let range = Int(start)..<Int(start) + Int(length)
        if let storage = owner.storage {
            return try unsafe storage.withUnsafeBytes {
                try unsafe body(UnsafeRawBufferPointer(rebasing: $0[range]))
            }
        }
        return try unsafe owner.array.withUnsafeBytes {
            try unsafe body(UnsafeRawBufferPointer(rebasing: $0[range]))
        }
    }

    /// The bytes as an array; no copy when this was made from that array.
    public var array: [UInt8] {
        if owner.storage == nil, Int(length) == owner.array.count { return owner.array }
        return unsafe withUnsafeBytes { unsafe Array($0) }
    }
}

extension Bytes: RandomAccessCollection {
    /// Always 0.
    public var startIndex: Int { 0 }

    /// The count.
    public var endIndex: Int { Int(length) }

    /// The byte at a place; the place must be within bounds.
    public subscript(position: Int) -> UInt8 {
        precondition(position >= 0 && position < Int(length), "byte index out of range")
        guard let storage = owner.storage else { return owner.array[Int(start) + position] }
        return unsafe storage.withUnsafeBytes { unsafe $0[Int(start) + position] }
    }

    /// A slice that shares the storage and counts from 0; the range must be within bounds.
    public func slice(_ range: Range<Int>) -> Bytes {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "slice out of range")
        return Bytes(
            owner: owner, start: start + UInt32(range.lowerBound), length: UInt32(range.count))
    }

    /// Calls `body` with the bytes as one run of memory.
    public func withContiguousStorageIfAvailable<Result>(
        _ body: (UnsafeBufferPointer<UInt8>) throws -> Result
    ) rethrows -> Result? {
        try unsafe withUnsafeBytes { raw in
            try unsafe raw.withMemoryRebound(to: UInt8.self) { try unsafe body($0) }
        }
    }
}

extension Bytes: Hashable, ExpressibleByArrayLiteral {
    /// Whether both hold the same bytes.
    public static func == (left: Bytes, right: Bytes) -> Bool {
        left.count == right.count && Bytes.order(left, right) == 0
    }

    /// Feeds the bytes.
    public func hash(into hasher: inout Hasher) {
        unsafe withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    }

    /// Bytes written out.
    public init(arrayLiteral elements: UInt8...) {
        self.init(elements)
    }

    /// Negative, zero or positive as `left` sorts before, with or after `right`, byte by byte.
    static func order(_ left: Bytes, _ right: Bytes) -> Int {
        unsafe left.withUnsafeBytes { left in
            unsafe right.withUnsafeBytes { right in unsafe lexicographicOrder(left, right) }
        }
    }
}

/// Negative, zero or positive as `left` sorts before, with or after `right`, byte by byte.
func lexicographicOrder(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
    let common = min(left.count, right.count)
    var place = 0
    while place + 8 <= common {
        let one = unsafe left.loadUnaligned(fromByteOffset: place, as: UInt64.self)
        let other = unsafe right.loadUnaligned(fromByteOffset: place, as: UInt64.self)
        if one != other { return one.bigEndian < other.bigEndian ? -1 : 1 }
        place += 8
    }
    while place < common {
        let difference = unsafe Int(left[place]) - Int(right[place])
        if difference != 0 { return difference }
        place += 1
    }
    return left.count - right.count
}
