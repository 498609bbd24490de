// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation

/// Shuts down this process's connections to other ones, as a broken network would; pairs of sockets
/// without a name are its own.
package func shutDownConnections() {
    let folder = "/proc/self/fd"
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
        guard let descriptor = Int32(name),
            let target = try? FileManager.default.destinationOfSymbolicLink(
                atPath: "\(folder)/\(name)"), target.hasPrefix("socket:")
        else { continue }
        var address = sockaddr_un()
        var size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let hasPeer = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getpeername(descriptor, $0, &size) == 0
            }
        }
        guard hasPeer, Int(size) > MemoryLayout<sa_family_t>.size else { continue }
        shutdown(descriptor, Int32(SHUT_RDWR))
    }
}
