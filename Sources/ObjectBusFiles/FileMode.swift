// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Glibc

/// What a file is opened for; on the wire it is its name as text.
public enum FileMode: String, Hashable, Codable, Sendable, CaseIterable {
    /// To read what is there.
    case read
    /// To read and change what is there.
    case update
    /// To write it anew: it is made if it is not there, emptied if it is. It can be read too.
    case create
    /// The same, and it must not be there yet.
    case createNew
    /// To add to its end, whoever else does; it is made if it is not there. It can be read too.
    case append

    var flags: Int32 {
        switch self {
        case .read: O_RDONLY
        case .update: O_RDWR
        case .create: O_RDWR | O_CREAT
        case .createNew: O_RDWR | O_CREAT | O_EXCL
        case .append: O_RDWR | O_CREAT | O_APPEND
        }
    }
}

/// What an offset is counted from; on the wire it is its name as text.
public enum FileOrigin: String, Hashable, Codable, Sendable, CaseIterable {
    /// The file's first byte.
    case start
    /// Where the next byte would be read or written.
    case current
    /// Behind the file's last byte.
    case end

    var whence: Int32 {
        switch self {
        case .start: SEEK_SET
        case .current: SEEK_CUR
        case .end: SEEK_END
        }
    }
}
