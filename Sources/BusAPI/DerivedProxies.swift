// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Proxies of the same object whose calls are made otherwise.

import BusWire
public import Distributed

/// How a proxy's calls are made is part of the proxy, not a setting of the bus: each of these
/// gives a new proxy, and they can be combined, `counter.idempotent.with(deadline: .seconds(2))`.
/// An object of this process is called directly; it is given back as it is.
///
/// The proxies are equal to the one they were made of, and cross the bus as the same reference:
/// the receiver calls it his own way.
extension DistributedActor where ActorSystem == Bus {
    /// A proxy whose calls may take at most `deadline`, and less inside a handler that has less
    /// time left. Calls that take longer throw `BusError` of kind `expired`.
    public nonisolated func with(deadline: Duration) -> Self {
        self.with(self.id.options.with(deadline: deadline))
    }

    /// A proxy whose calls are sent, and nobody waits for them: at most once, without an error if
    /// they are lost. Calls of methods with a result throw `BusError` of kind `invalid`.
    public nonisolated var oneway: Self {
        var options = self.id.options
        options.isOneWay = true
        return self.with(options)
    }

    /// A proxy whose calls may run twice without harm: where the object was found by name and its
    /// node ended, they are made again at the node that has the name now.
    public nonisolated var idempotent: Self {
        var options = self.id.options
        options.isIdempotent = true
        return self.with(options)
    }

    /// Another word for `idempotent`.
    public nonisolated var retrying: Self { self.idempotent }

    /// A proxy whose calls wait when they are refused `overloaded`, or fail, whatever
    /// `Bus.Configuration.overload` says.
    public nonisolated func with(overload: Bus.OverloadPolicy) -> Self {
        var options = self.id.options
        options.overload = overload
        return self.with(options)
    }

    /// A proxy that stays with what the name means now: of several replicas with one, whose turn
    /// it is. For a session, or an iteration, whose calls belong together. When the object's owner
    /// ends, calls fail.
    public nonisolated var pinned: Self {
        (try? Self.resolve(id: self.actorSystem.pinned(self.id), using: self.actorSystem)) ?? self
    }

    private nonisolated func with(_ options: CallOptions) -> Self {
        // Fails only for an object of this process that is going away: it needs no options.
        (try? Self.resolve(id: self.id.with(options), using: self.actorSystem)) ?? self
    }
}

extension RemoteObject {
    /// The same object with calls that may take at most `deadline`, and less inside a handler that
    /// has less time left. Calls that take longer throw `BusError` of kind `expired`.
    public func with(deadline: Duration) -> RemoteObject {
        RemoteObject(self.id.with(self.id.options.with(deadline: deadline)), self.bus)
    }

    /// The same object with calls that are sent, and nobody waits for them: at most once, without
    /// an error if they are lost. Their result is `Value.null`; where another type is wanted they
    /// throw `BusError` of kind `invalid`.
    public var oneway: RemoteObject {
        var options = self.id.options
        options.isOneWay = true
        return RemoteObject(self.id.with(options), self.bus)
    }

    /// The same object with calls that may run twice without harm: where it was found by name and
    /// its node ended, they are made again at the node that has the name now.
    public var idempotent: RemoteObject {
        var options = self.id.options
        options.isIdempotent = true
        return RemoteObject(self.id.with(options), self.bus)
    }

    /// The same object with calls that wait when they are refused `overloaded`, or fail, whatever
    /// `Bus.Configuration.overload` says.
    public func with(overload: Bus.OverloadPolicy) -> RemoteObject {
        var options = self.id.options
        options.overload = overload
        return RemoteObject(self.id.with(options), self.bus)
    }

    /// The same object without its name: of several replicas one, whose turn it is. For a
    /// session, or an iteration, whose calls belong together. When the object's owner ends, calls
    /// fail.
    public var pinned: RemoteObject { RemoteObject(self.bus.pinned(self.id), self.bus) }

    /// Another word for `idempotent`.
    public var retrying: RemoteObject { self.idempotent }
}

extension BusError {
    static func noResult(of method: String) -> BusError {
        BusError(
            .invalid, "\(method) has a result, and one-way calls have none: call it without oneway")
    }
}
