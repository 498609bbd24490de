// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Glibc

/// Why a file can't be listed, opened, read or written. Match on `code`, show the rest.
///
/// It arrives as itself at callers that use `FileServer` or `OpenFile`, or that have registered it:
/// `bus.register(error: FileError.self)`.
public struct FileError: Error, Hashable, Codable, Sendable, CustomStringConvertible {
    /// What kind of reason it is; newer servers may send others.
    public let code: Code
    /// The path as it was given.
    public let path: String
    /// What is wrong with it.
    public let reason: String

    /// The path and what is wrong with it.
    public var description: String { "\(self.path): \(self.reason)" }

    /// Makes an error.
    public init(_ code: Code, _ path: String, _ reason: String) {
        (self.code, self.path, self.reason) = (code, path, reason)
    }

    /// The kinds of reasons, by their names on the wire.
    public struct Code: RawRepresentable, Hashable, Codable, Sendable {
        /// Its name.
        public let rawValue: String

        /// Makes one from its name.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// Nothing is there, or no folder where one must be.
        public static let notFound = Code(rawValue: "notFound")
        /// The path or a link in it leads out of the folder served.
        public static let outside = Code(rawValue: "outside")
        /// The server's process may not, or must not follow a link of the system's.
        public static let denied = Code(rawValue: "denied")
        /// The server, its disk, or the mode in which the file was opened allows no writing.
        public static let readOnly = Code(rawValue: "readOnly")
        /// A folder, pipe, socket or device, where a regular file must be.
        public static let notRegular = Code(rawValue: "notRegular")
        /// It is there already.
        public static let exists = Code(rawValue: "exists")
        /// The file has been closed.
        public static let closed = Code(rawValue: "closed")
        /// A limit of the server's is reached: files open, bytes in a file, entries in a folder.
        public static let limit = Code(rawValue: "limit")
        /// The disk or the user's share of it is full.
        public static let full = Code(rawValue: "full")
        /// A name, number or place that can't be.
        public static let invalid = Code(rawValue: "invalid")
        /// The system can't confine paths to a folder.
        public static let unsupported = Code(rawValue: "unsupported")
        /// Anything else that the system says.
        public static let failed = Code(rawValue: "failed")
    }
}

extension FileError {
    /// What the system said by `errno` about `path`.
    package init(system number: Int32, _ path: String) {
        let (code, reason): (Code, String) =
            switch number {
            case ENOENT, ENOTDIR: (.notFound, "no such file or folder")
            case EXDEV: (.outside, "outside of the folder served")
            case ELOOP: (.denied, "too many links, or one that only the system follows")
            case EACCES, EPERM: (.denied, "not permitted")
            case EROFS: (.readOnly, "on a disk that is read only")
            case EISDIR, ENXIO, ENODEV: (.notRegular, "no regular file")
            case EEXIST: (.exists, "there already")
            case EMFILE, ENFILE: (.limit, "too many files are open in the system or process")
            case ENOSPC, EDQUOT: (.full, "the disk is full")
            case EFBIG: (.limit, "larger than a file may be")
            case EINVAL, ENAMETOOLONG: (.invalid, "no name or place that can be")
            case EAGAIN: (.failed, "its folders are being moved, or it has nothing to read yet")
            case ENOSYS:
                (
                    .unsupported,
                    """
                    ENOSYS: this kernel has no openat2(2), which Linux has from 5.6 on; without it \
                    no path can be confined to a folder
                    """
                )
            default:
                (
                    .failed,
                    "error \(number) of the system: \(unsafe String(cString: strerror(number)))"
                )
            }
        self.init(code, path, reason)
    }

    static func notRegular(_ path: String) -> FileError { FileError(system: EISDIR, path) }
}
