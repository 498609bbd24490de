// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements rules R4: a crash is noticed at once. Pure: no I/O, no clock.

/// Finds out which connections ended, from libzmq's events and the descriptors of HELLO frames.
///
/// libzmq tells that descriptor 17 disconnected, never which routing id that was; a received frame
/// tells its routing id and descriptor. The kernel reuses 17 at once, and a router may hand out the
/// last messages of a dead connection after the first ones of its successor. What is certain:
///
/// - Events come in order, and a connection's `accepted` comes before its messages if the context
///   has one I/O thread. So whoever receives a HELLO, *then* drains the events, *then* calls
///   `bind`, has told the tracker of that connection before.
/// - Routing ids on one socket count upward, modulo 2^32, in the order of connecting.
///
/// One tracker per listening socket; it is used by that socket's thread. Its size is bounded by
/// the process's limit of open descriptors.
package struct DescriptorTracker: Sendable {
    /// What `bind` found.
    package enum Binding: Equatable, Sendable {
        /// The connection lives; its end will be told.
        case bound
        /// It lives, and `ended` on the same descriptor is hereby known to be gone.
        case replaced(ended: UInt32)
        /// The connection itself is gone already; what it sent may still arrive.
        case ended
    }

    private struct Entry {
        var isOpen = false
        /// Who was bound last, and whether its end was told since.
        var connection: UInt32?
        var isBound = false
    }

    /// By descriptor.
    private var entries: [Entry] = []

    /// A tracker that knows no connection.
    package init() {}

    /// Whether a connection is bound that has not ended.
    package var isAnyBound: Bool { self.entries.contains { $0.isBound } }

    /// Takes an event in.
    ///
    /// - Returns: The connection that ended hereby, if it was bound.
    package mutating func handle(_ event: MonitorEvent) -> UInt32? {
        switch event {
        case .accepted(let descriptor): return self.accepted(descriptor)
        case .disconnected(let descriptor): return self.disconnected(descriptor)
        case .connected, .ready, .handshakeFailed, .closed: return nil
        }
    }

    /// Says that a HELLO of `connection` came in by `descriptor`; all events were taken in since.
    package mutating func bind(_ connection: UInt32, descriptor: Int32) -> Binding {
        guard let index = self.index(of: descriptor), self.entries[index].isOpen else {
            return .ended
        }
        guard let former = self.entries[index].connection else {
            self.bind(connection, at: index)
            return .bound
        }
        if former == connection { return self.entries[index].isBound ? .bound : .ended }
        guard Self.isLater(connection, than: former) else { return .ended }
        let formerWasBound = self.entries[index].isBound
        self.bind(connection, at: index)
        return formerWasBound ? .replaced(ended: former) : .bound
    }

    private mutating func accepted(_ descriptor: Int32) -> UInt32? {
        guard descriptor >= 0 else { return nil }
        while self.entries.count <= Int(descriptor) { self.entries.append(Entry()) }
        // Its disconnection was told before; if not, it is told now.
        let ended = self.disconnected(descriptor)
        self.entries[Int(descriptor)].isOpen = true
        return ended
    }

    private mutating func disconnected(_ descriptor: Int32) -> UInt32? {
        guard let index = self.index(of: descriptor) else { return nil }
        self.entries[index].isOpen = false
        guard self.entries[index].isBound else { return nil }
        self.entries[index].isBound = false
        return self.entries[index].connection
    }

    private mutating func bind(_ connection: UInt32, at index: Int) {
        self.entries[index].connection = connection
        self.entries[index].isBound = true
    }

    private func index(of descriptor: Int32) -> Int? {
        self.entries.indices.contains(Int(descriptor)) ? Int(descriptor) : nil
    }

    /// Serial number arithmetic (RFC 1982): right while fewer than 2^31 connections lie between.
    private static func isLater(_ one: UInt32, than other: UInt32) -> Bool {
        Int32(bitPattern: one &- other) > 0
    }
}
