// Part of objbus. SPDX-License-Identifier: Apache-2.0

public import BusAPI
import Glibc

/// One folder of this process's machine, whose files others read and write.
///
/// ```swift
/// let files = try FileServer(root: "/srv/files", actorSystem: bus)
/// try await bus.publish(files, as: "files")
/// ```
///
/// Paths are counted from the folder served. Nothing leads out of it, neither `..` nor an absolute
/// path nor a link, whoever moves folders meanwhile: the kernel itself looks a path up below the
/// folder (`openat2`, Linux 5.6 or later), which the server keeps open. What is mounted in the
/// folder belongs to it, and so does a file that has a second name (a hard link) elsewhere.
///
/// A slow disk keeps a thread of the node busy, as any handler that blocks does.
public distributed actor FileServer {
    /// File servers live on a bus.
    public typealias ActorSystem = Bus

    /// What callers may do with the files.
    public enum Access: Hashable, Sendable {
        /// Only read them.
        case readOnly
        /// Read, write and make them; not remove or rename.
        case readWrite
    }

    /// What callers may make grow.
    public struct Limits: Hashable, Sendable {
        /// Files open at a time, all callers together; each takes a descriptor of the process.
        public var openFilesMax = 256
        /// Bytes that a file may be made to have: 1 GiB. How many files there are, a quota of the
        /// system's bounds.
        public var fileSizeMax = 1 << 30

        /// The limits as they are unless said otherwise.
        public init() {}
    }

    /// Entries that a listing has at most, so that it fits a message.
    public static let entriesMax = 10_000

    private let root: Descriptor
    private let access: Access
    private let limits: Limits
    private let openFiles: OpenFileCount

    /// Serves the folder `root` and what is below it.
    ///
    /// The folder itself may be named by a link. It is served also after it has been renamed.
    ///
    /// - Throws: `FileError`: `notFound`, `denied`, or `unsupported` where the kernel can't confine
    ///   paths to a folder.
    public init(
        root: String, access: Access = .readOnly, limits: Limits = Limits(), actorSystem: Bus
    ) throws {
        let folder = try Descriptor.root(root)
        self.actorSystem = actorSystem
        self.root = folder
        self.access = access
        self.limits = limits
        self.openFiles = OpenFileCount(max: limits.openFilesMax)
    }

    /// What is in a folder, sorted by name.
    ///
    /// - Parameter path: Counted from the folder served, which is "".
    /// - Throws: `FileError`.
    public distributed func list(_ path: String = "") throws -> [FileEntry] {
        let flags = O_RDONLY | O_DIRECTORY | O_NONBLOCK
        let folder = try self.root.open(path.isEmpty ? "." : path, flags: flags)
        let entries = try folder.entries(max: Self.entriesMax)
        guard let entries else {
            throw FileError(.limit, path, "more than \(Self.entriesMax) entries")
        }
        return entries.sorted { $0.name < $1.name }
    }

    /// Opens a regular file. It is closed when the last holder drops it.
    ///
    /// - Parameters:
    ///   - path: Counted from the folder served.
    ///   - mode: What for.
    /// - Throws: `FileError`.
    public distributed func open(
        _ path: String, mode: FileMode = .read
    ) throws -> OpenFile {
        guard mode == .read || self.access == .readWrite else {
            throw FileError(.readOnly, path, "served to be read only")
        }
        guard let place = self.openFiles.take() else {
            let most = self.limits.openFilesMax
            throw FileError(.limit, path, "\(most) files are open, which is the most at a time")
        }
        if mode != .createNew, try self.root.hasRegularFile(path) == false {
            throw FileError.notRegular(path)
        }
        // Between the two looks it may have become another thing: neither wait for it, nor become
        // the terminal's process, nor keep it.
        let flags = mode.flags | O_NONBLOCK | O_NOCTTY
        let file = try self.root.open(path, flags: flags, place: place)
        guard try file.status().st_mode & S_IFMT == S_IFREG else {
            throw FileError.notRegular(path)
        }
        if mode == .create { try file.truncate(to: 0) }
        return OpenFile(
            file, path: path, mode: mode, sizeMax: self.limits.fileSizeMax,
            actorSystem: self.actorSystem)
    }
}
