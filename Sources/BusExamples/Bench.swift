// Part of objbus. SPDX-License-Identifier: Apache-2.0

public import BusAPI

/// Does as little as an object can, so that what `objbus bench` measures is the bus.
public distributed actor Bench {
    /// Benches live on a bus.
    public typealias ActorSystem = Bus

    private var caller: Bench?

    /// Makes a bench whom nobody asked to call back.
    public init(actorSystem: Bus) {
        self.actorSystem = actorSystem
    }

    /// Adds two numbers, round the end of 64 bits if need be.
    public distributed func add(_ one: Int, _ other: Int) -> Int { one &+ other }

    /// Returns the bytes.
    public distributed func echo(_ bytes: Bytes) -> Bytes { bytes }

    /// Keeps the one whom `addThere` asks, in place of the one before; nil for nobody.
    public distributed func keep(_ caller: Bench?) { self.caller = caller }

    /// Lets the bench kept add the numbers: a call inside a call.
    ///
    /// - Throws: `BusError` of kind `invalid` if none is kept; else what its call throws.
    public distributed func addThere(_ one: Int, _ other: Int) async throws -> Int {
        guard let caller else {
            throw BusError(.invalid, executed: .yes, "no bench is kept: call keep(_:) before")
        }
        return try await caller.add(one, other)
    }

    /// Lets `there` add the numbers: a call inside a call, by a reference that comes along.
    ///
    /// - Throws: what its call throws.
    public distributed func add(_ one: Int, _ other: Int, on there: Bench) async throws -> Int {
        try await there.add(one, other)
    }
}

extension Bench: BusObjectProtocol {
    /// What `objbus introspect bench` shows.
    public static let busInterface = Interface(
        name: "Bench",
        documentation:
            "Does as little as an object can, so that what `objbus bench` measures is the bus.",
        methods: [
            .init(
                name: "add(_:_:)",
                parameters: [.positional("one", "Int"), .positional("other", "Int")],
                returns: "Int",
                documentation: "Adds two numbers, round the end of 64 bits if need be."),
            .init(
                name: "echo(_:)", parameters: [.positional("bytes", "Bytes")], returns: "Bytes",
                documentation: "Returns the bytes."),
            .init(
                name: "keep(_:)", parameters: [.positional("caller", "Bench?")],
                documentation: "Keeps the one whom `addThere` asks, in place of the one before; "
                    + "nil for nobody."),
            .init(
                name: "addThere(_:_:)",
                parameters: [.positional("one", "Int"), .positional("other", "Int")],
                returns: "Int",
                documentation: "Lets the bench kept add the numbers: a call inside a call.",
                throwsErrors: "any Error", isAsync: true),
            .init(
                name: "add(_:_:on:)",
                parameters: [
                    .positional("one", "Int"), .positional("other", "Int"),
                    .labelled("on", "there", "Bench"),
                ], returns: "Int",
                documentation: "Lets `there` add the numbers: a call inside a call, by a reference "
                    + "that comes along.",
                throwsErrors: "any Error", isAsync: true),
        ])

    /// Runs a call of a method that does not suspend by its full name.
    public static func busDispatchSync(
        _ call: IncomingCall, on object: isolated Bench
    ) throws -> CallResult? {
        switch call.method {
        case "add(_:_:)":
            var arguments = try call.arguments(2)
            let one = try arguments.next("one", as: Int.self)
            let other = try arguments.next("other", as: Int.self)
            return try call.result(object.add(one, other))
        case "echo(_:)":
            var arguments = try call.arguments(1)
            let bytes = try arguments.next("bytes", as: Bytes.self)
            return try call.result(object.echo(bytes))
        case "keep(_:)":
            var arguments = try call.arguments(1)
            let caller = try arguments.next("caller", as: Bench?.self)
            object.keep(caller)
            return call.result()
        default:
            return nil
        }
    }

    /// Runs a call of another method by its full name.
    public static func busDispatch(
        _ call: IncomingCall, on object: isolated Bench
    ) async throws -> CallResult? {
        switch call.method {
        case "addThere(_:_:)":
            var arguments = try call.arguments(2)
            let one = try arguments.next("one", as: Int.self)
            let other = try arguments.next("other", as: Int.self)
            return try await call.result(object.addThere(one, other))
        case "add(_:_:on:)":
            var arguments = try call.arguments(3)
            let one = try arguments.next("one", as: Int.self)
            let other = try arguments.next("other", as: Int.self)
            let there = try arguments.next("on", as: Bench.self)
            return try await call.result(object.add(one, other, on: there))
        default:
            return nil
        }
    }
}
