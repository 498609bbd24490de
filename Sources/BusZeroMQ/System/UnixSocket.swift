// Part of objbus. SPDX-License-Identifier: Apache-2.0

internal import CZeroMQ
internal import Glibc

/// What libzmq does not ask before it binds an ipc endpoint.
package enum UnixSocket {
    /// Whether some process listens on an `ipc://` endpoint that is a path.
    ///
    /// libzmq unlinks the path and binds it anew, so that the former listener would be cut off in
    /// silence. A path left behind by a crash has no listener and is free.
    package static func isListening(endpoint: String) -> Bool {
        let scheme = "ipc://"
        guard endpoint.hasPrefix(scheme) else { return false }
        let path = Array(endpoint.dropFirst(scheme.count).utf8)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard let first = path.first, first != UInt8(ascii: "@"), first != UInt8(ascii: "*"),
            path.count < capacity
        else { return false }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { memory in
            unsafe memory.copyBytes(from: path)
        }
        // Not waiting: a listener whose queue is full answers EAGAIN, and it is one.
        let kind =
            Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
            | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else { return false }
        defer { _ = close(descriptor) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe connect(descriptor, generic, size)
            }
        }
        return result == 0 || errno == EAGAIN
    }
}
