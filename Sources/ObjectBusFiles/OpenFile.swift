// Part of objbus. SPDX-License-Identifier: Apache-2.0

public import BusAPI
import Glibc

/// An open file. Whoever holds it shares its place with the others.
///
/// It is closed when the last holder drops it, ends, or is cut off for good.
public distributed actor OpenFile {
    /// Files live on a bus.
    public typealias ActorSystem = Bus

    /// Bytes that one call reads at most: 1 MiB.
    public static let readMax = 1 << 20

    private let path: String
    private let mode: FileMode
    private let sizeMax: Int
    private var descriptor: Descriptor?

    init(
        _ descriptor: Descriptor, path: String, mode: FileMode, sizeMax: Int, actorSystem: Bus
    ) {
        self.actorSystem = actorSystem
        self.path = path
        self.mode = mode
        self.sizeMax = sizeMax
        self.descriptor = descriptor
    }

    /// Reads `count` bytes, at most 1 MiB; fewer only at the file's end, none behind it.
    ///
    /// - Parameters:
    ///   - count: How many.
    ///   - offset: Where, from the file's start. Else the next ones: behind what was read or
    ///     written last, or where `seek` went.
    /// - Throws: `FileError`.
    public distributed func read(
        _ count: Int = OpenFile.readMax, at offset: Int? = nil
    ) throws -> Bytes {
        guard count >= 0 else { throw FileError(.invalid, self.path, "no count is negative") }
        try self.check(offset)
        return try self.file().read(min(count, Self.readMax), at: offset)
    }

    /// Writes all of `bytes`. Where that fails, a part of them may have been written.
    ///
    /// - Parameters:
    ///   - bytes: As many as fit a message.
    ///   - offset: Where, from the file's start; not in a file opened to append. Else as `read`.
    /// - Throws: `FileError`.
    public distributed func write(_ bytes: Bytes, at offset: Int? = nil) throws {
        try self.checkWritable()
        try self.check(offset)
        guard offset == nil || self.mode != .append else {
            throw FileError(.invalid, self.path, "opened to append, which is done at the end only")
        }
        let start: Int
        if let offset {
            start = offset
        } else {
            start = try self.seek(0, from: self.mode == .append ? .end : .current)
        }
        try self.checkSize(start.addingReportingOverflow(bytes.count))
        try self.file().write(bytes, at: offset)
    }

    /// Sets where the next byte is read or written, and says where that is from the file's start.
    ///
    /// - Parameters:
    ///   - offset: Bytes; behind the file's end there is nothing to read, and a gap if one writes.
    ///   - origin: What it is counted from.
    /// - Throws: `FileError`.
    @discardableResult
    public distributed func seek(
        _ offset: Int, from origin: FileOrigin = .start
    ) throws -> Int {
        try self.file().seek(offset, origin.whence)
    }

    /// Bytes in the file, as of now.
    ///
    /// - Throws: `FileError`.
    public distributed func size() throws -> Int {
        Int(try self.file().status().st_size)
    }

    /// Cuts the file off at `size` bytes, or fills it with zeros up to there.
    ///
    /// - Throws: `FileError`.
    public distributed func truncate(to size: Int) throws {
        try self.checkWritable()
        try self.check(size)
        try self.checkSize((size, false))
        try self.file().truncate(to: size)
    }

    /// Closes the file for all who hold it; once more does no harm.
    public distributed func close() { self.descriptor = nil }

    private func check(_ offset: Int?) throws(FileError) {
        guard (offset ?? 0) >= 0 else {
            throw FileError(.invalid, self.path, "no place in a file is negative")
        }
    }

    private func checkWritable() throws(FileError) {
        guard self.mode != .read else {
            throw FileError(.readOnly, self.path, "opened to be read only")
        }
    }

    private func checkSize(_ size: (partialValue: Int, overflow: Bool)) throws(FileError) {
        guard !size.overflow, size.partialValue <= self.sizeMax else {
            throw FileError(.limit, self.path, "no file grows beyond \(self.sizeMax) bytes here")
        }
    }

    private func file() throws(FileError) -> Descriptor {
        guard let descriptor = self.descriptor else {
            throw FileError(.closed, self.path, "it is closed")
        }
        return descriptor
    }
}
