// Part of objbus. SPDX-License-Identifier: Apache-2.0

public import BusAPI

/// Says hello, in several ways: methods that differ in their labels only, and one that calls back.
public distributed actor Greeter {
    /// Greeters live on a bus.
    public typealias ActorSystem = Bus

    private static let words = [
        "de": "Hallo", "en": "Hello", "es": "Hola", "fr": "Bonjour", "it": "Ciao",
    ]
    private let ownName: String

    /// Makes a greeter who is called `name`.
    public init(name: String = "objbus", actorSystem: Bus) {
        self.actorSystem = actorSystem
        self.ownName = name
    }

    /// What the greeter is called.
    public distributed func name() -> String { self.ownName }

    /// Greets `name` in English.
    public distributed func greet(_ name: String) -> String { "Hello, \(name)!" }

    /// Greets `name` in the language with this two-letter code.
    ///
    /// - Throws: `BusError` of kind `invalid`, naming the languages, if it is none of them.
    public distributed func greet(_ name: String, in language: String) throws -> String {
        guard let word = Self.words[language] else {
            let known = Self.words.keys.sorted().joined(separator: ", ")
            throw BusError(
                .invalid, executed: .yes, "'\(language)' is no language known here: \(known)")
        }
        return "\(word), \(name)!"
    }

    /// Greets `name` as often as `times` says, at most 100 times.
    public distributed func greet(_ name: String, times: Int) -> [String] {
        Array(repeating: "Hello, \(name)!", count: max(0, min(100, times)))
    }

    /// Asks another greeter, wherever it lives, for its name, and greets it.
    public distributed func meet(_ other: Greeter) async throws -> String {
        "Hello, \(try await other.name())!"
    }
}

extension Greeter: BusObjectProtocol {
    /// What `objbus introspect greeter` shows.
    public static let busInterface = Interface(
        name: "Greeter", documentation: "Says hello, in several ways.",
        methods: [
            .init(name: "name()", returns: "String", documentation: "What the greeter is called."),
            .init(
                name: "greet(_:)", parameters: [.positional("name", "String")],
                returns: "String", documentation: "Greets `name` in English."),
            .init(
                name: "greet(_:in:)",
                parameters: [
                    .positional("name", "String"), .labelled("in", "language", "String"),
                ],
                returns: "String",
                documentation: """
                    Greets `name` in the language with this two-letter code.

                    - Throws: `BusError` of kind `invalid`, naming the languages, if it is none \
                    of them.
                    """,
                throwsErrors: "any Error"),
            .init(
                name: "greet(_:times:)",
                parameters: [.positional("name", "String"), .labelled("times", "times", "Int")],
                returns: "[String]",
                documentation: "Greets `name` as often as `times` says, at most 100 times."),
            .init(
                name: "meet(_:)", parameters: [.positional("other", "Greeter")],
                returns: "String",
                documentation: """
                    Asks another greeter, wherever it lives, for its name, and greets it.
                    """,
                throwsErrors: "any Error", isAsync: true),
        ])

    /// Runs a call of a method that does not suspend by its full name.
    public static func busDispatchSync(
        _ call: IncomingCall, on object: isolated Greeter
    ) throws -> CallResult? {
        switch call.method {
        case "name()":
            _ = try call.arguments(0)
            return try call.result(object.name())
        case "greet(_:)":
            var arguments = try call.arguments(1)
            let name = try arguments.next("name", as: String.self)
            return try call.result(object.greet(name))
        case "greet(_:in:)":
            var arguments = try call.arguments(2)
            let name = try arguments.next("name", as: String.self)
            let language = try arguments.next("in", as: String.self)
            return try call.result(object.greet(name, in: language))
        case "greet(_:times:)":
            var arguments = try call.arguments(2)
            let name = try arguments.next("name", as: String.self)
            let times = try arguments.next("times", as: Int.self)
            return try call.result(object.greet(name, times: times))
        default:
            return nil
        }
    }

    /// Runs a call of another method by its full name.
    public static func busDispatch(
        _ call: IncomingCall, on object: isolated Greeter
    ) async throws -> CallResult? {
        switch call.method {
        case "meet(_:)":
            var arguments = try call.arguments(1)
            let other = try arguments.next("other", as: Greeter.self)
            return try await call.result(object.meet(other))
        default:
            return nil
        }
    }
}
