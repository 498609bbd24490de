// Part of objbus. SPDX-License-Identifier: Apache-2.0

package import BusBrokerCore
package import BusZeroMQ
internal import Glibc
package import Logging

/// What a broker is told before it starts.
package struct BrokerConfiguration: Sendable {
    /// Where the key lies by which nodes and references of an earlier run are recognised.
    package enum State: Hashable, Sendable {
        /// In `OBJBUS_STATE`, else `/var/lib/objbus` for root, else `XDG_STATE_HOME/objbus`, else
        /// `~/.local/state/objbus`.
        case standard
        /// In this folder, which is made if it is missing.
        case directory(String)
        /// Nowhere: nobody can come back after a restart. For brokers inside other programs.
        case ephemeral
    }

    /// Where the broker listens when nothing else is said.
    package static let defaultEndpoint = "tcp://127.0.0.1:7420"

    /// Addresses to listen on: `tcp://127.0.0.1:7420`, `ipc:///run/objbus.sock`, `inproc://name`.
    /// Port 0 or `*` takes a free one. The first names the key file.
    package var endpoints: [String]
    /// Bounds and spans of time.
    package var limits = BrokerLimits()
    /// Other bounds for nodes of certain names; the first rule that fits a name counts.
    package var quotas: [QuotaRule] = []
    /// Bounds for objects of certain published names; the first rule that fits a name counts.
    package var objectQuotas: [ObjectQuotaRule] = []
    /// Where the key is kept. Addresses chosen at random and `inproc` keep none.
    package var state: State = .standard
    /// Whether to listen beyond this machine although nobody is authenticated and nothing is
    /// encrypted yet.
    package var insecure = false
    /// Gets one line for every event of a node's life, none for a message.
    package var logger = Logger(label: "objbus.broker")
    /// The space in which `inproc` names are unique; nil makes one that ends with the broker. It
    /// must have one I/O thread.
    package var context: Context?
    /// Whether every message is printed to the standard error, at both its passages.
    package var dumps: Bool
    /// Messages that may wait per connection and direction; one more is answered `overloaded`.
    package var highWater: Int32 = 100_000
    /// Milliseconds that a stop waits for messages already sent to leave.
    package var linger: Int32 = 200

    /// A broker on `endpoints`; it dumps if `OBJBUS_DUMP` is `1`.
    package init(endpoints: [String] = [Self.defaultEndpoint]) {
        self.endpoints = endpoints
        self.dumps = environment("OBJBUS_DUMP") == "1"
    }
}

/// A variable of the process's environment, nil if it is missing or empty.
func environment(_ name: String) -> String? {
    guard let text = getenv(name) else { return nil }
    let value = String(cString: text)
    return value.isEmpty ? nil : value
}
