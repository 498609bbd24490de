// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import CLinuxFiles
import Glibc

/// One descriptor of the system's, closed when the last mention of it is gone.
///
/// May be used from any thread. Errors say of which path they are.
final class Descriptor: Sendable {
    private let number: Int32
    private let path: String
    /// Taken for this descriptor; it ends after the descriptor is closed.
    private let place: OpenFileCount.Place?

    private init(_ number: Int32, _ path: String, _ place: OpenFileCount.Place?) {
        (self.number, self.path, self.place) = (number, path, place)
    }

    deinit { _ = Glibc.close(self.number) }

    /// The folder `path` of this process, as a place to start from; fails where the kernel can't
    /// look a path up below it.
    static func root(_ path: String) throws(FileError) -> Descriptor {
        let number = try checked(unsafe objbus_open_root(path), path)
        let root = Descriptor(number, path, nil)
        guard unsafe objbus_mode_beneath(number, ".") >= 0 else {
            // A filter of system calls that does not know this one says EPERM.
            throw FileError(system: errno == EPERM ? ENOSYS : errno, path)
        }
        return root
    }

    /// Opens what `path` names below this folder, or fails where anything leads out of it.
    func open(
        _ path: String, flags: Int32, place: OpenFileCount.Place? = nil
    ) throws(FileError) -> Descriptor {
        try checkName(path)
        let number = try checked(
            unsafe objbus_open_beneath(self.number, path, flags, 0o666), path)
        return Descriptor(number, path, place)
    }

    /// Whether what `path` names below this folder is a regular file; nil if nothing is there.
    /// It is not opened, so that nothing happens to a device or to who waits for a pipe's reader.
    func hasRegularFile(_ path: String) throws(FileError) -> Bool? {
        try checkName(path)
        let mode = unsafe objbus_mode_beneath(self.number, path)
        if mode < 0, errno == ENOENT { return nil }
        guard mode >= 0 else { throw FileError(system: errno, path) }
        return mode_t(mode) & S_IFMT == S_IFREG
    }

    /// What the system knows of the open file.
    func status() throws(FileError) -> stat {
        var status = stat()
        _ = try checked(unsafe fstat(self.number, &status), self.path)
        return status
    }

    /// Reads until `count` bytes are there or the file ends: at `offset`, or behind the last ones.
    func read(_ count: Int, at offset: Int?) throws(FileError) -> Bytes {
        var failure: FileError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
            let got = unsafe objbus_read(
                self.number, buffer.baseAddress, count, Int64(offset ?? -1))
            if got < 0 { failure = FileError(system: errno, self.path) }
            done = max(0, Int(got))
        }
        if let failure { throw failure }
        return Bytes(bytes)
    }

    /// Writes all bytes in the same way; where it fails, a part of them may have been written.
    func write(_ bytes: Bytes, at offset: Int?) throws(FileError) {
        let failure = unsafe bytes.withUnsafeBytes { buffer in
            unsafe objbus_write(
                self.number, buffer.baseAddress, buffer.count, Int64(offset ?? -1)) == 0
                ? nil : FileError(system: errno, self.path)
        }
        if let failure { throw failure }
    }

    /// Sets where the next bytes are read and written; where that is, from the start.
    func seek(_ offset: Int, _ whence: Int32) throws(FileError) -> Int {
        let place = lseek(self.number, offset, whence)
        guard place >= 0 else { throw FileError(system: errno, self.path) }
        return place
    }

    /// Cuts the file off at `size`, or fills it up to there with zeros.
    func truncate(to size: Int) throws(FileError) {
        _ = try checked(ftruncate(self.number, size), self.path)
    }

    /// What is in this folder, at most `countMax` entries; nil if there are more.
    func entries(max countMax: Int) throws(FileError) -> [FileEntry]? {
        // The stream closes its descriptor, so it gets one of its own.
        let own = try checked(fcntl(self.number, F_DUPFD_CLOEXEC, 0), self.path)
        guard let stream = unsafe fdopendir(own) else {
            let failure = FileError(system: errno, self.path)
            _ = Glibc.close(own)
            throw failure
        }
        defer { _ = unsafe closedir(stream) }
        var entries: [FileEntry] = []
        errno = 0
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { start in
                unsafe start.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            guard name != ".", name != ".." else { continue }
            guard entries.count < countMax else { return nil }
            entries.append(self.entry(name))
            errno = 0
        }
        guard errno == 0 else { throw FileError(system: errno, self.path) }
        return entries
    }

    private func entry(_ name: String) -> FileEntry {
        var status = stat()
        // What has just been removed is listed as it was: by its name.
        let isKnown = unsafe fstatat(self.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0
        let kind: FileEntry.Kind =
            switch isKnown ? status.st_mode & S_IFMT : 0 {
            case S_IFREG: .file
            case S_IFDIR: .folder
            case S_IFLNK: .link
            default: .other
            }
        return FileEntry(name: name, kind: kind, size: kind == .file ? Int(status.st_size) : 0)
    }
}

/// What a function of the system returned, unless that is negative.
private func checked(_ result: Int32, _ path: String) throws(FileError) -> Int32 {
    guard result >= 0 else { throw FileError(system: errno, path) }
    return result
}

/// Refuses a name of which the system would read the beginning only.
private func checkName(_ path: String) throws(FileError) {
    guard !path.utf8.contains(0) else {
        throw FileError(.invalid, path, "no name has a zero byte")
    }
}
