// Part of objbus. SPDX-License-Identifier: Apache-2.0

internal import CZeroMQ
internal import Glibc

/// Why libzmq or the operating system refused an operation; match on the named constants.
///
/// It is one integer, so throwing it on the hot path allocates nothing.
package struct ZeroMQError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The `errno` value, or one of libzmq's own values above 156,384,712.
    package let code: Int32

    /// Wraps an `errno` value.
    package init(code: Int32) {
        self.code = code
    }

    /// What libzmq says about `code`, in English.
    package var message: String {
        if self == .foreignRoutingID { return "The peer chose a routing id of its own" }
        guard let text = unsafe zmq_strerror(self.code) else { return "error \(self.code)" }
        return unsafe String(cString: text)
    }

    /// The message and the number.
    package var description: String { "\(self.message) (\(self.code))" }

    /// A signal came in between; the call is made again.
    static let interrupted = ZeroMQError(code: EINTR)
    /// The last error of the calling thread.
    static var last: ZeroMQError { ZeroMQError(code: zmq_errno()) }

    /// The pipe is full, or there is no peer to send to: nothing was sent.
    package static let again = ZeroMQError(code: EAGAIN)
    /// A mandatory router knows no connection with this id: nothing was sent.
    package static let hostUnreachable = ZeroMQError(code: EHOSTUNREACH)
    /// Somebody else listens on this endpoint.
    package static let addressInUse = ZeroMQError(code: EADDRINUSE)
    /// This machine has no such address, or an ipc path leads to no folder.
    package static let addressNotAvailable = ZeroMQError(code: EADDRNOTAVAIL)
    /// The endpoint text or an option value makes no sense.
    package static let invalid = ZeroMQError(code: EINVAL)
    /// The endpoint's transport is unknown to libzmq.
    package static let protocolNotSupported = ZeroMQError(code: EPROTONOSUPPORT)
    /// The interface or host name in the endpoint does not exist.
    package static let noDevice = ZeroMQError(code: ENODEV)
    /// Nothing is bound or connected under this endpoint.
    package static let notFound = ZeroMQError(code: ENOENT)
    /// The ipc path is longer than 107 bytes.
    package static let nameTooLong = ZeroMQError(code: ENAMETOOLONG)
    /// The process or the context has too many sockets open.
    package static let tooManySockets = ZeroMQError(code: EMFILE)
    /// The folder of an ipc endpoint may not be written, or the port is privileged.
    package static let accessDenied = ZeroMQError(code: EACCES)
    /// The socket cannot do this in its present state.
    package static let wrongState = ZeroMQError(code: 156_384_712 + 51)
    /// The context was shut down.
    package static let terminated = ZeroMQError(code: 156_384_712 + 53)
    /// A message came from a peer that set `ZMQ_ROUTING_ID`; it was dropped whole.
    package static let foreignRoutingID = ZeroMQError(code: -1)
}
