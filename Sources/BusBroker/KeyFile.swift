// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements rules R5: the broker's key is a file, mode 0600.

package import BusWire
internal import Crypto
internal import Glibc

/// The broker's secret: 32 random bytes that outlive its runs.
package enum KeyFile {
    /// Bytes in a key.
    package static let byteCount = 32

    /// Reads the key of the broker on `address`, or makes one.
    ///
    /// - Returns: The key, and whether an earlier run had made it.
    /// - Throws: `.state`: the folder or file can't be used, or others may read it.
    package static func key(
        of address: ListenAddress, in directory: String
    ) throws(BrokerError) -> (key: [UInt8], existed: Bool) {
        try self.makeDirectory(directory)
        let path = self.path(of: address, in: directory, kind: "key")
        if let key = try self.read(path) { return (key, true) }
        let key = self.random()
        if try self.create(path, key) { return (key, false) }
        guard let other = try self.read(path) else {
            throw BrokerError(.state, "the key file \(path) comes and goes")
        }
        return (other, true)
    }

    /// Where the broker on `address` keeps what lasts.
    static func path(of address: ListenAddress, in directory: String, kind: String) -> String {
        "\(directory)/broker-\(self.shortened(address.fileName)).\(kind)"
    }

    /// 32 bytes from the system's generator.
    package static func random() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<self.byteCount).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    /// The folder that `state` means; nil for none.
    package static func directory(
        of state: BrokerConfiguration.State
    ) throws(BrokerError) -> String? {
        switch state {
        case .ephemeral: return nil
        case .directory(let path): return path
        case .standard: break
        }
        if let path = environment("OBJBUS_STATE") { return path }
        if geteuid() == 0 { return "/var/lib/objbus" }
        if let path = environment("XDG_STATE_HOME") { return "\(path)/objbus" }
        if let path = environment("HOME") { return "\(path)/.local/state/objbus" }
        throw BrokerError(.state, "no folder for the broker's key: set OBJBUS_STATE or HOME")
    }

    /// File names end at 255 bytes; a longer one is told by its hash.
    private static func shortened(_ name: String) -> String {
        guard name.utf8.count > 180 else { return name }
        let hash = SHA256.hash(data: Array(name.utf8))
        return hash.map { String(UInt16($0) + 256, radix: 16).dropFirst() }.joined()
    }

    private static func makeDirectory(_ path: String) throws(BrokerError) {
        var part = path.hasPrefix("/") ? "/" : ""
        for name in path.split(separator: "/") {
            part += part.isEmpty || part.hasSuffix("/") ? name : "/\(name)"
            if mkdir(part, 0o700) != 0, errno != EEXIST, errno != EROFS, errno != EISDIR {
                throw BrokerError(
                    .state, "can't make the folder \(part) for the broker's key: \(self.cause)")
            }
        }
    }

    /// The key in `path`; nil if there is no such file.
    private static func read(_ path: String) throws(BrokerError) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw BrokerError(.state, "can't read the key file \(path): \(self.cause)")
        }
        defer { close(file) }
        var facts = stat()
        guard fstat(file, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            throw BrokerError(.state, "the key file \(path) is not a file")
        }
        guard facts.st_mode & 0o077 == 0, facts.st_uid == geteuid() else {
            throw BrokerError(
                .state,
                "the key file \(path) can be read by others or belongs to another user; remove it, "
                    + "or chmod 600 if nobody has read it")
        }
        var bytes = [UInt8](repeating: 0, count: self.byteCount + 1)
        let count = Glibc.read(file, &bytes, bytes.count)
        guard count == self.byteCount else {
            throw BrokerError(
                .state, "the key file \(path) does not have \(self.byteCount) bytes; remove it")
        }
        return Array(bytes.prefix(self.byteCount))
    }

    /// Makes `path` with all of its content or not at all; false if somebody else made it.
    private static func create(_ path: String, _ key: [UInt8]) throws(BrokerError) -> Bool {
        let draft = "\(path).\(hexadecimal(UInt64.random(in: .min ... .max)))"
        let file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            throw BrokerError(.state, "can't make the key file \(draft): \(self.cause)")
        }
        defer { unlink(draft) }
        let isWritten = write(file, key, key.count) == key.count && fsync(file) == 0
        close(file)
        guard isWritten else {
            throw BrokerError(.state, "can't write the key file \(draft): \(self.cause)")
        }
        if link(draft, path) == 0 { return true }
        guard errno == EEXIST else {
            throw BrokerError(.state, "can't make the key file \(path): \(self.cause)")
        }
        return false
    }

    private static var cause: String { String(cString: strerror(errno)) }
}

/// Seals by HMAC-SHA256, cut to 16 bytes (docs/protocol/references.md §4).
package struct MessageAuthenticator: SealAuthority {
    private let key: SymmetricKey

    /// - Parameter key: What `KeyFile` gives.
    package init(key: [UInt8]) {
        self.key = SymmetricKey(data: key)
    }

    /// The first 16 bytes of the code of `message`.
    package func seal(_ message: [UInt8]) -> Seal {
        let code = HMAC<SHA256>.authenticationCode(for: message, using: self.key)
        return Seal(bytes: Array(code)) ?? .none
    }
}
