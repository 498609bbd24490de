// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/handshake.md §7: who may come back after a restart.

internal import BusWire
internal import Glibc

/// The incarnations that live, in a file beside the key, for the next run of the broker.
///
/// One line for each event: `+` and an incarnation that attached, `-` and one that ended; the last
/// one counts. `#` and a number say that numbers of heads may be in use up to there. Lines are
/// written but not synchronised: they outlive the broker, and a machine that stops takes the nodes
/// on it along (docs/decisions/0009-roster.md). It belongs to the broker's thread once that runs.
final class RosterFile {
    /// A file larger than this is not ours.
    private static let bytesMax = 64 << 20

    private let path: String
    /// Lines after which the file is written anew, with those who live only.
    private let linesMax: Int
    private var file: Int32 = -1
    private var lines = 0
    /// Who lives now.
    private(set) var living: Set<IncarnationID>
    /// The largest number of a head that may be in use; 0 if there was none yet.
    private(set) var fence: UInt64

    /// Reads the roster of the broker on `address`; nobody is on it if `isNew`.
    ///
    /// - Throws: `.state` if the file can't be used.
    init(
        of address: ListenAddress, in directory: String, isNew: Bool, linesMax: Int
    ) throws(BrokerError) {
        self.path = KeyFile.path(of: address, in: directory, kind: "roster")
        self.linesMax = linesMax
        (self.living, self.fence) = isNew ? ([], 0) : Self.read(self.path)
        guard self.rewrite(synchronised: true) else {
            throw BrokerError(
                .state, "can't write \(self.path): \(String(cString: strerror(errno)))")
        }
    }

    deinit {
        if self.file >= 0 { close(self.file) }
    }

    /// Writes that `incarnation` lives. False if that is not possible.
    func add(_ incarnation: IncarnationID) -> Bool {
        self.living.insert(incarnation)
        return self.append(line("+", incarnation))
    }

    /// Writes that `incarnation` has ended. False if that is not possible.
    func remove(_ incarnation: IncarnationID) -> Bool {
        self.living.remove(incarnation)
        return self.append(line("-", incarnation))
    }

    /// Writes that numbers of heads may be in use up to `fence`. False if that is not possible.
    func reserve(_ fence: UInt64) -> Bool {
        self.fence = max(self.fence, fence)
        return self.append(line("#", fence))
    }

    private func append(_ text: String) -> Bool {
        // Without a file nobody comes back, which is safe; with a part of one somebody might.
        guard self.file >= 0 else { return true }
        self.lines += 1
        if self.lines > self.linesMax { return self.rewrite(synchronised: false) || self.giveUp() }
        return writeAll(text, to: self.file) || self.giveUp()
    }

    private func giveUp() -> Bool {
        unlink(self.path)
        if self.file >= 0 { close(self.file) }
        self.file = -1
        return false
    }

    /// Puts a file in place that says who lives now, and goes on with that one.
    private func rewrite(synchronised: Bool) -> Bool {
        let draft = "\(self.path).draft"
        unlink(draft)
        let file = open(
            draft, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { return false }
        let text =
            line("#", self.fence) + self.living.sorted().map { line("+", $0) }.joined()
        guard writeAll(text, to: file), !synchronised || fsync(file) == 0,
            rename(draft, self.path) == 0
        else {
            close(file)
            unlink(draft)
            return false
        }
        if self.file >= 0 { close(self.file) }
        (self.file, self.lines) = (file, self.living.count + 1)
        return true
    }

    /// Whom the file in `path` has alive, and what it has reserved; nobody and 0 if there is none.
    private static func read(_ path: String) -> (Set<IncarnationID>, UInt64) {
        let file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard file >= 0 else { return ([], 0) }
        defer { close(file) }
        var facts = stat()
        guard fstat(file, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG,
            facts.st_size <= self.bytesMax
        else { return ([], 0) }
        var bytes = [UInt8](repeating: 0, count: Int(facts.st_size))
        let count = Glibc.read(file, &bytes, bytes.count)
        return Self.state(in: bytes.prefix(max(0, count)))
    }

    /// What these lines say. A line that is none, as after a full disk, says nothing.
    private static func state(
        in bytes: ArraySlice<UInt8>
    ) -> (living: Set<IncarnationID>, fence: UInt64) {
        var living: Set<IncarnationID> = []
        var fence: UInt64 = 0
        for line in bytes.split(separator: UInt8(ascii: "\n")) where line.count == 17 {
            let digits = String(decoding: line.dropFirst(), as: UTF8.self)
            guard let number = UInt64(digits, radix: 16) else { continue }
            switch line.first {
            case UInt8(ascii: "+"): living.insert(IncarnationID(rawValue: number))
            case UInt8(ascii: "-"): living.remove(IncarnationID(rawValue: number))
            case UInt8(ascii: "#"): fence = max(fence, number)
            default: break
            }
        }
        return (living, fence)
    }
}

private func line(_ sign: String, _ incarnation: IncarnationID) -> String {
    line(sign, incarnation.rawValue)
}

private func line(_ sign: String, _ number: UInt64) -> String {
    "\(sign)\(hexadecimal(number))\n"
}

/// Whether all of `text` could be written.
private func writeAll(_ text: String, to file: Int32) -> Bool {
    var text = text
    return text.withUTF8 { bytes in
        var written = 0
        while written < bytes.count, let start = bytes.baseAddress {
            let count = write(file, start + written, bytes.count - written)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            written += count
        }
        return true
    }
}
