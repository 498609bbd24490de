// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import BusExamples

/// One kind of call that awaits; generic code is compiled for each, so that none pays for another.
protocol BenchCalls: Sendable {
    /// Makes one call and checks its result.
    func call(_ one: Int, _ other: Int) async throws
}

/// One kind of call that blocks.
protocol BlockingBenchCalls: Sendable {
    /// Makes one call and checks its result.
    func call(_ one: Int, _ other: Int) throws
}

/// Throws if `result` is not what the object had to return.
private func check<Result: Equatable>(_ result: Result, is expected: Result) throws {
    guard result == expected else {
        throw CommandFailure.of(.failed, "the object returned something else than it had to")
    }
}

struct TypedAdd: BenchCalls {
    let bench: Bench

    func call(_ one: Int, _ other: Int) async throws {
        try check(await self.bench.add(one, other), is: one &+ other)
    }
}

struct TypedEcho: BenchCalls {
    let bench: Bench
    let bytes: Bytes

    func call(_ one: Int, _ other: Int) async throws {
        try check(await self.bench.echo(self.bytes).count, is: self.bytes.count)
    }
}

struct TypedCallback: BenchCalls {
    let bench: Bench

    func call(_ one: Int, _ other: Int) async throws {
        try check(await self.bench.addThere(one, other), is: one &+ other)
    }
}

struct TypedHandover: BenchCalls {
    let bench: Bench
    let own: Bench

    func call(_ one: Int, _ other: Int) async throws {
        try check(await self.bench.add(one, other, on: self.own), is: one &+ other)
    }
}

struct DynamicAdd: BenchCalls {
    let bench: RemoteObject

    func call(_ one: Int, _ other: Int) async throws {
        let sum: Int = try await self.bench.add(one, other)
        try check(sum, is: one &+ other)
    }
}

struct DynamicEcho: BenchCalls {
    let bench: RemoteObject
    let bytes: Bytes

    func call(_ one: Int, _ other: Int) async throws {
        let bytes: Bytes = try await self.bench.echo(self.bytes)
        try check(bytes.count, is: self.bytes.count)
    }
}

struct DynamicCallback: BenchCalls {
    let bench: RemoteObject

    func call(_ one: Int, _ other: Int) async throws {
        let sum: Int = try await self.bench.addThere(one, other)
        try check(sum, is: one &+ other)
    }
}

struct DynamicHandover: BenchCalls {
    let bench: RemoteObject
    let own: Bench

    func call(_ one: Int, _ other: Int) async throws {
        let sum: Int = try await self.bench.add(one, other, on: self.own)
        try check(sum, is: one &+ other)
    }
}

struct BlockingAdd: BlockingBenchCalls {
    let bench: BlockingObject

    func call(_ one: Int, _ other: Int) throws {
        let sum: Int = try self.bench.add(one, other)
        try check(sum, is: one &+ other)
    }
}

struct BlockingEcho: BlockingBenchCalls {
    let bench: BlockingObject
    let bytes: Bytes

    func call(_ one: Int, _ other: Int) throws {
        let bytes: Bytes = try self.bench.echo(self.bytes)
        try check(bytes.count, is: self.bytes.count)
    }
}

struct BlockingCallback: BlockingBenchCalls {
    let bench: BlockingObject

    func call(_ one: Int, _ other: Int) throws {
        let sum: Int = try self.bench.addThere(one, other)
        try check(sum, is: one &+ other)
    }
}

struct BlockingHandover: BlockingBenchCalls {
    let bench: BlockingObject
    let own: Bench

    func call(_ one: Int, _ other: Int) throws {
        let sum: Int = try self.bench.add(one, other, on: self.own)
        try check(sum, is: one &+ other)
    }
}
