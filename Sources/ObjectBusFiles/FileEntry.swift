// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// What a listing tells of one file.
public struct FileEntry: Hashable, Codable, Sendable {
    /// Its name, without the folder. What is no UTF-8 in it is replaced: such a file can be listed,
    /// but not opened.
    public let name: String
    /// What it is.
    public let kind: Kind
    /// Bytes; 0 for anything but a file.
    public let size: Int

    /// Makes an entry.
    public init(name: String, kind: Kind, size: Int) {
        (self.name, self.kind, self.size) = (name, kind, size)
    }

    /// What may be in a folder; on the wire it is its name as text.
    public enum Kind: String, Hashable, Codable, Sendable {
        /// A regular file.
        case file
        /// A folder.
        case folder
        /// A symbolic link, wherever it leads.
        case link
        /// A pipe, a socket or a device.
        case other
    }
}
