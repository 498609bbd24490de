// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// What `bench` calls.
enum BenchWorkload: String, CaseIterable, ExpressibleByArgument {
    /// `add(_:_:)`: two numbers there, one back.
    case add
    /// `addThere(_:_:)`: the object calls one of ours to answer.
    case callback
    /// `echo(_:)`: bytes there and back.
    case echo
    /// `add(_:_:on:)`: like a callback, to an object whose reference is an argument.
    case handover
}

/// How `bench` calls.
enum BenchInterface: String, CaseIterable, ExpressibleByArgument {
    /// A `BlockingObject`; each call outstanding has a thread.
    case blocking
    /// A `RemoteObject`.
    case dynamic
    /// A distributed actor.
    case typed
}

/// Where the tasks run that make `bench`'s calls.
enum BenchExecutor: String, CaseIterable, ExpressibleByArgument {
    /// The bus's own executor.
    case bus
    /// Swift's pool.
    case pool
}

/// Pure: one measurement, as it was asked for.
struct BenchPlan: Hashable {
    static let callsMax = 10_000_000
    static let outstandingMax = 4_096
    static let bytesMax = 32 << 20

    var workload = BenchWorkload.add
    var interface = BenchInterface.typed
    /// Of calls that await.
    var executor = BenchExecutor.pool
    /// Calls under way at a time.
    var outstanding = 1
    /// Calls measured, all together.
    var calls = 10_000
    /// Calls before that, which are not.
    var warmUp = 1_000
    /// Of `echo`, each way.
    var bytes = 64

    /// What is wrong with it; nil if nothing is.
    var problem: String? {
        func check(_ number: Int, _ range: ClosedRange<Int>, _ option: String) -> String? {
            range.contains(number)
                ? nil : "--\(option) is from \(range.lowerBound) to \(range.upperBound)"
        }
        return check(self.outstanding, 1...Self.outstandingMax, "outstanding")
            ?? check(self.calls, 1...Self.callsMax, "calls")
            ?? check(self.warmUp, 0...Self.callsMax, "warm-up")
            ?? check(self.bytes, 0...Self.bytesMax, "bytes")
            ?? (self.interface == .blocking && self.executor == .bus
                ? "--executor is for calls that await" : nil)
    }

    /// What is measured where nothing is asked for.
    static let usual: [BenchPlan] = [
        .init(),
        .init(outstanding: 64, calls: 100_000),
        .init(outstanding: 1_000, calls: 100_000),
        .init(executor: .bus, outstanding: 64, calls: 100_000),
        .init(executor: .bus, outstanding: 1_000, calls: 100_000),
        .init(interface: .dynamic),
        .init(interface: .dynamic, outstanding: 64, calls: 100_000),
        .init(interface: .blocking),
        .init(workload: .echo),
        .init(workload: .echo, calls: 2_000, bytes: 65_536),
        .init(workload: .echo, outstanding: 16, calls: 5_000, bytes: 65_536),
        .init(workload: .callback),
        .init(workload: .handover),
    ]
}

extension BenchPlan {
    /// Reads a line such as `echo outstanding=16 calls=5000 bytes=65536`.
    ///
    /// - Throws: `CommandFailure` of usage that says which word is wrong.
    init(line: String) throws {
        self.init()
        for word in line.split(whereSeparator: \.isWhitespace) {
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            let isRead: Bool =
                switch (parts.first, parts.count) {
                case (_, 1): self.read(BenchWorkload(rawValue: String(word)), \.workload)
                case ("interface", 2): self.read(BenchInterface(rawValue: parts[1]), \.interface)
                case ("executor", 2): self.read(BenchExecutor(rawValue: parts[1]), \.executor)
                case ("outstanding", 2): self.read(Int(parts[1]), \.outstanding)
                case ("calls", 2): self.read(Int(parts[1]), \.calls)
                case ("warm-up", 2): self.read(Int(parts[1]), \.warmUp)
                case ("bytes", 2): self.read(Int(parts[1]), \.bytes)
                default: false
                }
            guard isRead else {
                throw CommandFailure.usage("'\(word)' is no part of a measurement")
            }
        }
        if let problem { throw CommandFailure.usage(problem) }
    }

    private mutating func read<Part>(
        _ part: Part?, _ place: WritableKeyPath<BenchPlan, Part>
    ) -> Bool {
        guard let part else { return false }
        self[keyPath: place] = part
        return true
    }
}
