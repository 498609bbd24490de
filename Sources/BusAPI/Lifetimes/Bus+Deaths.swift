// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusNode
public import BusWire
public import Distributed

/// Hearing that what is held is worth nothing any more. A registration keeps nothing alive.
extension Bus {
    /// Runs `body` once, when `object` is worth nothing to this process any more; at once if that
    /// is so already.
    ///
    /// ```swift
    /// bus.onDeath(of: counter) { reason in print("the counter is gone: \(reason)") }
    /// ```
    ///
    /// For a proxy that follows a name, this is about the object that the name means now; for an
    /// object of this process, about its end.
    /// - Parameter body: runs in a task on the bus's threads, where objects run.
    /// - Returns: what takes the registration back; dropping it does not.
    @discardableResult
    public func onDeath<Object: DistributedActor>(
        of object: Object, _ body: @escaping @Sendable (DeathReason) async -> Void
    ) -> LifetimeWatch where Object.ActorSystem == Bus {
        self.watch(object.id, body)
    }

    /// The same for an object without types.
    @discardableResult
    public func onDeath(
        of object: RemoteObject, _ body: @escaping @Sendable (DeathReason) async -> Void
    ) -> LifetimeWatch {
        self.watch(object.id, body)
    }

    /// The same for a function or collection.
    @discardableResult
    public func onDeath(
        of reference: some ObjectReference, _ body: @escaping @Sendable (DeathReason) async -> Void
    ) -> LifetimeWatch {
        self.watch(reference.object.id, body)
    }

    /// Waits until `object` is worth nothing to this process any more, which is never for want of
    /// proxies: the caller has one.
    ///
    /// - Throws: `CancellationError` if the task is cancelled.
    public func death<Object: DistributedActor>(
        of object: Object
    ) async throws -> DeathReason where Object.ActorSystem == Bus {
        defer { withExtendedLifetime(object) {} }
        return try await self.death(object.id)
    }

    /// The same for an object without types.
    public func death(of object: RemoteObject) async throws -> DeathReason {
        defer { withExtendedLifetime(object) {} }
        return try await self.death(object.id)
    }

    private func death(_ held: HeldReference) async throws -> DeathReason {
        let (reasons, continuation) = AsyncStream.makeStream(of: DeathReason.self)
        let watch = self.watch(held) { reason in
            continuation.yield(reason)
            continuation.finish()
        }
        for await reason in reasons { return reason }
        watch.cancel()
        throw CancellationError()
    }

    private func watch(
        _ held: HeldReference, _ body: @escaping Lifetimes.DeathBody
    ) -> LifetimeWatch {
        let reference = self.current(held).reference
        if self.isOwn(reference) {
            let key = Lifetimes.key(reference.object)
            let watch = self.lifetimes.addDeath(of: key, body)
            if self.objects.object(reference.object) == nil {
                self.lifetimes.died(key, .released)
            }
            return watch
        }
        let watch = self.lifetimes.addDeath(of: reference, body)
        if let reason = self.node.watch(reference) { self.lifetimes.died(reference, reason) }
        return watch
    }
}
