// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import Glibc

/// What is called under stress.
distributed actor Target {
    typealias ActorSystem = Bus

    init(actorSystem: Bus) {
        self.actorSystem = actorSystem
    }

    /// The sum, at once.
    distributed func add(_ first: Int, _ second: Int) -> Int { first + second }

    /// How many bytes came.
    distributed func take(_ bytes: Bytes) -> Int { bytes.count }

    /// Takes bytes, and has nothing to say to them.
    distributed func drop(_ bytes: Bytes) {}

    /// Keeps its processor busy for so many microseconds.
    distributed func work(microseconds: Int) -> Int {
        let end = processorTime() + microseconds * 1_000
        while processorTime() < end {}
        return microseconds
    }
}

/// Nanoseconds that this thread has run.
private func processorTime() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

extension Target: BusObjectProtocol {
    static let busInterface = Interface(
        name: "Target", documentation: "",
        methods: ["add(_:_:)", "take(_:)", "drop(_:)", "work(microseconds:)"]
            .map { .init(name: $0) })

    static func busDispatchSync(
        _ call: IncomingCall, on object: isolated Target
    ) throws -> CallResult? {
        switch call.method {
        case "add(_:_:)":
            var arguments = try call.arguments(2)
            let first = try arguments.next("_", as: Int.self)
            let second = try arguments.next("_", as: Int.self)
            return try call.result(object.add(first, second))
        case "take(_:)":
            var arguments = try call.arguments(1)
            return try call.result(object.take(try arguments.next("_", as: Bytes.self)))
        case "drop(_:)":
            var arguments = try call.arguments(1)
            object.drop(try arguments.next("_", as: Bytes.self))
            return call.result()
        case "work(microseconds:)":
            var arguments = try call.arguments(1)
            let microseconds = try arguments.next("microseconds", as: Int.self)
            return try call.result(object.work(microseconds: microseconds))
        default:
            return nil
        }
    }
}
