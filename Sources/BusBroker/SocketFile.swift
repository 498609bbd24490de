// Part of objbus. SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The file of an ipc address that is a path; libzmq makes it, but does not remove it.
struct SocketFile: Sendable {
    private let path: String
    private let device: dev_t
    private let number: ino_t

    /// The file that listening on `endpoint` has just made; nil if there is none.
    init?(endpoint: String) {
        let scheme = "ipc://"
        guard endpoint.hasPrefix(scheme), !endpoint.hasPrefix("\(scheme)@") else { return nil }
        self.path = String(endpoint.dropFirst(scheme.count))
        var facts = stat()
        guard lstat(self.path, &facts) == 0, facts.st_mode & S_IFMT == S_IFSOCK else { return nil }
        (self.device, self.number) = (facts.st_dev, facts.st_ino)
    }

    /// Removes the file, unless another one has taken its place.
    func remove() {
        var facts = stat()
        guard lstat(self.path, &facts) == 0, facts.st_dev == self.device,
            facts.st_ino == self.number
        else { return }
        unlink(self.path)
    }
}
