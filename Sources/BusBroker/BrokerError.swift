// Part of objbus. SPDX-License-Identifier: Apache-2.0

internal import BusZeroMQ

/// Why a broker could not start, or stopped by itself.
package struct BrokerError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The cause in one word, for programs.
    package enum Reason: Hashable, Sendable {
        /// Somebody listens there already.
        case addressInUse
        /// The address is malformed, unknown here, or of a transport that is not served.
        case addressInvalid
        /// The user may not listen there.
        case accessDenied
        /// The address reaches beyond this machine.
        case insecure
        /// The key file can't be used.
        case state
        /// The broker was started before.
        case alreadyStarted
        /// The operating system refused a thread, a socket or memory.
        case system
    }

    /// The cause in one word.
    package let reason: Reason
    /// What, where, why, and what can be done; one line.
    package let message: String

    init(_ reason: Reason, _ message: String) {
        self.reason = reason
        self.message = message
    }

    /// The message.
    package var description: String { self.message }

    /// Says why listening on `endpoint` failed.
    init(listeningOn endpoint: String, _ error: ZeroMQError) {
        let (reason, text): (Reason, String) =
            switch error {
            case .addressInUse:
                (.addressInUse, "it is in use: another broker or program listens there")
            case .accessDenied:
                (.accessDenied, "this user may not listen there")
            case .addressNotAvailable, .noDevice, .notFound:
                (.addressInvalid, "this machine has no such address or folder")
            case .nameTooLong:
                (.addressInvalid, "the path is longer than 107 bytes")
            case .invalid, .protocolNotSupported:
                (
                    .addressInvalid,
                    "it is malformed; addresses look like tcp://127.0.0.1:7420, "
                        + "ipc:///run/objbus.sock or inproc://name"
                )
            default:
                (.system, error.message)
            }
        self.init(reason, "can't listen on \(endpoint): \(text)")
    }
}
