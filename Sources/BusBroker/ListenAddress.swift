// Part of objbus. SPDX-License-Identifier: Apache-2.0

internal import BusZeroMQ

/// One address to listen on, taken apart before libzmq sees it.
package struct ListenAddress: Hashable, Sendable {
    /// What is handed to libzmq.
    package let endpoint: String
    /// Whether only this machine, or only this process, can reach it.
    package let isLocal: Bool
    /// Whether the address is the same at the next start, so that nodes find it again.
    package let isLasting: Bool

    /// Reads `text`; throws `.addressInvalid` for what is no address of a transport served.
    package init(_ text: String) throws(BrokerError) {
        let parts = text.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[1].isEmpty else {
            throw BrokerError(listeningOn: text, .invalid)
        }
        switch parts[0] {
        case "tcp":
            guard let colon = parts[1].lastIndex(of: ":") else {
                throw BrokerError(
                    .addressInvalid, "can't listen on \(text): it has no port, such as :7420")
            }
            let host = parts[1][..<colon]
            let port = parts[1][parts[1].index(after: colon)...]
            // libzmq takes the names of network interfaces here, but not of hosts.
            let known = host == "localhost" ? "127.0.0.1" : host
            self.endpoint = "tcp://\(known):\(port)"
            self.isLocal = Self.isLoopback(host)
            self.isLasting = port != "*" && port != "0"
        case "ipc":
            self.endpoint = text
            self.isLocal = true
            self.isLasting = parts[1] != "*"
        case "inproc":
            self.endpoint = text
            self.isLocal = true
            self.isLasting = false
        default:
            throw BrokerError(listeningOn: text, .protocolNotSupported)
        }
    }

    /// Letters, digits, dots and dashes that name a file for this address and for no other.
    package var fileName: String {
        var name = ""
        for byte in self.endpoint.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"):
                name.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                name += "_" + String(byte, radix: 16)
            }
        }
        return name
    }

    /// Literal loopback addresses only: what a name means may change after this check.
    private static func isLoopback(_ host: Substring) -> Bool {
        if ["localhost", "lo", "[::1]"].contains(host) { return true }
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false)
            .map { UInt8($0) }
        return numbers.count == 4 && numbers[0] == 127 && !numbers.contains(nil)
    }
}
