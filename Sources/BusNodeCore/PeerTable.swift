// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/calls.md §3. Pure: no I/O, no clock, no randomness.

import BusKernel
import BusWire
import DequeModule

/// A call that was issued here and is not settled.
struct Question: Sendable {
    enum State: Hashable, Sendable {
        /// Waits for the link or for the callee's window.
        case waiting
        case sent
        /// Its waiter has been told that it was cancelled or expired; the answer is awaited so
        /// that references and identity settle (rules R19).
        case abandoned
    }

    let callee: IncarnationID
    let message: Message
    let byteCount: Int
    /// How many references of its table it pins, the first ones; the others are not held yet.
    let pinnedCount: Int
    let deadline: Tick
    var waiter: CallWaiter?
    var state: State = .waiting
    /// Whether it ever left this node, on whatever link.
    var wasSent = false
    /// Whether it was sent more than once.
    var isResent = false
}

/// A call that was delivered here and is not acknowledged.
enum Answer: Sendable {
    case running
    /// Kept until the caller acknowledges it, with what it refers to (rules R10, R14).
    case kept(Message)

    /// What it pins.
    var references: [Reference] {
        guard case .kept(let message) = self, message.header.referenceCount > 0 else { return [] }
        return message.references.map(\.reference)
    }
}

/// What a call that came from a peer is to it.
enum Arrival: Sendable {
    /// The caller has its answer: never run again.
    case settled
    case repeated(Answer)
    /// One too many of a caller that does not keep its window.
    case beyondWindow
    /// It was never here, and calls with larger numbers were.
    case late
    /// By a right that was revoked, perhaps, or at a node that drains.
    case refused
    /// It is new, and runs from now on.
    case begun
}

/// What this node remembers of another one, as its caller and as its callee.
struct Peer: Sendable {
    /// Numbers sent or about to be sent that lie above the watermark; settled ones stay until the
    /// front reaches them or `compact` drops them.
    private var order: Deque<UInt64> = []
    private(set) var lastNumber: UInt64 = 0
    private(set) var outstanding = 0
    private(set) var outstandingBytes = 0
    /// Issued, but not yet admitted by the callee's window.
    var waiting: Deque<UInt64> = []
    /// The callee's link that PEER_RELINKED told of, on our present link.
    var epoch: Epoch = .none
    /// The watermark that the callee was told last.
    var toldWatermark: UInt64 = 0
    var hasUntoldAnswers = false
    var isAcknowledgeTimed = false

    var answers = SlidingWindow<Answer>()
    /// Calls of the peer that it has settled: never run again.
    var settled = SequenceSet()
    /// A call with a smaller number that was never here must not start any more: later ones did.
    var firstInOrder: UInt64 = 0

    /// Numbers whose kept replies the callee may still have.
    var span: Int { self.order.count }

    /// Nothing would be lost by forgetting this peer.
    var isIdle: Bool {
        self.order.isEmpty && self.waiting.isEmpty && self.answers.isEmpty && self.epoch == .none
            && !self.hasUntoldAnswers
    }

    mutating func admit(_ number: UInt64, byteCount: Int) {
        self.order.append(number)
        self.lastNumber = max(self.lastNumber, number)
        self.outstanding += 1
        self.outstandingBytes += byteCount
    }

    /// Call `number` of the peer has come, which runs now if nothing is against it.
    ///
    /// - Parameter isRefused: whether no new call is taken.
    mutating func receive(_ number: UInt64, isRefused: Bool) -> Arrival {
        if self.settled.contains(number) { return .settled }
        if let answer = self.answers[number] { return .repeated(answer) }
        // A caller that keeps its window has fewer than twice the calls here.
        guard self.answers.count < 2 * WireLimits.callsPerPair else { return .beyondWindow }
        guard number >= self.firstInOrder else { return .late }
        guard !isRefused else { return .refused }
        self.firstInOrder = number
        self.answers.insert(.running, at: number)
        return .begun
    }

    /// - Parameter isLive: whether a number is still unsettled.
    mutating func settle(byteCount: Int, isLive: (UInt64) -> Bool) {
        self.outstanding -= 1
        self.outstandingBytes -= byteCount
        while let front = self.order.first, !isLive(front) { self.order.removeFirst() }
        self.hasUntoldAnswers = true
    }

    /// Every number of the pair up to here is settled.
    ///
    /// - Parameter issued: the last number given to a call, to whomever.
    func watermark(issued: UInt64) -> UInt64 {
        guard let front = self.order.first ?? self.waiting.first else { return issued }
        return front - 1
    }

    /// The callee is told that every number up to `watermark` is settled.
    mutating func told(_ watermark: UInt64) {
        self.toldWatermark = watermark
        self.hasUntoldAnswers = false
    }

    /// Whether settled numbers above the watermark fill the window.
    var isSparse: Bool { self.order.count > 2 * self.outstanding + 256 }

    /// Forgets settled numbers above the watermark and returns them as ranges to tell: all
    /// numbers between two unsettled ones, as many as one message carries.
    mutating func compact(isLive: (UInt64) -> Bool) -> [ClosedRange<UInt64>] {
        let live = self.order.filter(isLive)
        var ranges: [ClosedRange<UInt64>] = []
        var kept: Deque<UInt64> = []
        for (index, number) in live.enumerated() {
            kept.append(number)
            let next = index + 1 < live.count ? live[index + 1] : self.lastNumber + 1
            if number + 1 < next { ranges.append((number + 1)...(next - 1)) }
        }
        if ranges.count > WireLimits.rangesPerMessage {
            ranges.sort { $0.count > $1.count }
            ranges.removeLast(ranges.count - WireLimits.rangesPerMessage)
            ranges.sort { $0.lowerBound < $1.lowerBound }
            kept = self.order.filter { number in
                isLive(number) || !ranges.contains { $0.contains(number) }
            }
        }
        self.order = kept
        return ranges
    }
}

/// The peers of a node, each of which is changed where it lies.
///
/// Writing through a dictionary's subscript takes a coroutine frame on the heap for every level
/// of the path; `update` takes none (docs/performance.md).
struct PeerTable: Sendable {
    private var table = SmallTable<IncarnationID, Peer>()

    var count: Int { self.table.count }

    /// In no order.
    var keys: [IncarnationID] { self.table.keys }

    /// Calls delivered and not acknowledged, of all peers.
    var answerCount: Int { self.table.values.reduce(0) { $0 + $1.answers.count } }

    /// Whether a call delivered here has not been answered.
    var runsAnswers: Bool {
        self.table.values.contains { peer in
            peer.answers.keys.contains { number in
                if case .running = peer.answers[number] { true } else { false }
            }
        }
    }

    func contains(_ id: IncarnationID) -> Bool { self.table.index(of: id) != nil }

    /// A copy; to look at a member only, `read` is cheaper.
    subscript(id: IncarnationID) -> Peer? { self.table[id] }

    /// What `body` makes of a peer; nil if it is not known.
    func read<Outcome>(_ id: IncarnationID, _ body: (Peer) -> Outcome) -> Outcome? {
        guard let index = self.table.index(of: id) else { return nil }
        return body(self.table.values[index])
    }

    /// Changes a peer in place and returns what `change` returns; nil if it is not known.
    @discardableResult
    mutating func update<Outcome>(
        _ id: IncarnationID, _ change: (inout Peer) -> Outcome
    ) -> Outcome? {
        guard let index = self.table.index(of: id) else { return nil }
        return change(&self.table.values[index])
    }

    /// Begins to know a peer, if it does not yet.
    mutating func add(_ id: IncarnationID) {
        if !self.contains(id) { self.table.append(Peer(), for: id) }
    }

    mutating func remove(_ id: IncarnationID) {
        if let index = self.table.index(of: id) { self.table.remove(at: index) }
    }

    /// Forgets whom nothing would be lost of.
    mutating func removeIdle() {
        for id in self.keys where self[id]?.isIdle ?? false { self.remove(id) }
    }
}
