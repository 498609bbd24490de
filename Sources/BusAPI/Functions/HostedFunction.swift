// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// A function of this process with its types, as its host sees it.
protocol HostedFunction: AnyObject, Sendable {
    var interface: Interface { get }
    /// Whether the function never suspends, so that its host can run it without a hop.
    var isSynchronous: Bool { get }
    func runNow(_ call: IncomingCall) throws -> CallResult
    func run(_ call: IncomingCall) async throws -> CallResult
}

/// A closure with the types of its arguments and its result.
///
/// Two closures, of which only one is set in earnest: an optional closure over a parameter pack
/// does not compile (Swift 6.3.1).
final class LocalFunction<each Input: Codable & Sendable, Output: Codable & Sendable>:
    HostedFunction
{
    let isSynchronous: Bool
    let interface: Interface
    private let immediate: @Sendable (repeat each Input) throws -> Output
    private let suspending: @Sendable (repeat each Input) async throws -> Output
    private let count: Int

    init(
        _ documentation: String, immediate: @escaping @Sendable (repeat each Input) throws -> Output
    ) {
        self.isSynchronous = true
        self.immediate = immediate
        self.suspending = { (input: repeat each Input) in try immediate(repeat each input) }
        (self.interface, self.count) = Self.describe(documentation, isAsync: false)
    }

    init(
        _ documentation: String,
        suspending: @escaping @Sendable (repeat each Input) async throws -> Output
    ) {
        self.isSynchronous = false
        self.immediate = { (_: repeat each Input) in
            throw BusError(.unimplemented, "the function suspends")
        }
        self.suspending = suspending
        (self.interface, self.count) = Self.describe(documentation, isAsync: true)
    }

    func runNow(_ call: IncomingCall) throws -> CallResult {
        var reader = try call.arguments(self.count)
        let input = (repeat try reader.next("_", as: (each Input).self))
        return try call.result(self.immediate(repeat each input))
    }

    func run(_ call: IncomingCall) async throws -> CallResult {
        var reader = try call.arguments(self.count)
        let input = (repeat try reader.next("_", as: (each Input).self))
        return try call.result(await self.suspending(repeat each input))
    }

    /// Runs the function where it is, without the bus.
    func callAsFunction(_ input: repeat each Input) async throws -> Output {
        try await self.suspending(repeat each input)
    }

    private static func describe(
        _ documentation: String, isAsync: Bool
    ) -> (interface: Interface, count: Int) {
        var parameters: [Interface.Parameter] = []
        for type in repeat (each Input).self {
            let name = "a\(parameters.count)"
            parameters.append(Interface.Parameter(label: "_", name: name, type: "\(type)"))
        }
        let method = Interface.Method(
            name: functionName(parameters.count), parameters: parameters,
            returns: Output.self == NoResult.self ? "Void" : "\(Output.self)",
            documentation: documentation, throwsErrors: "any Error", isAsync: isAsync)
        let interface = Interface(
            name: "Function", documentation: documentation, methods: [method])
        return (interface, parameters.count)
    }
}

/// The full name under which a function of `count` arguments is called: that of Swift's own
/// callable values.
func functionName(_ count: Int) -> String {
    "callAsFunction(\(String(repeating: "_:", count: count)))"
}

/// A function of this process as an object.
distributed actor FunctionHost: SelfDescribing {
    typealias ActorSystem = Bus

    private let function: any HostedFunction

    init(_ function: any HostedFunction, actorSystem: Bus) {
        self.actorSystem = actorSystem
        self.function = function
    }

    nonisolated func ownInterface() async -> Interface? {
        await self.whenLocal { (local: isolated FunctionHost) in local.function.interface }
    }

    /// The function, if it lives in this process.
    nonisolated func localFunction() async -> (any HostedFunction)? {
        await self.whenLocal { (local: isolated FunctionHost) in local.function }
    }

    static func busDispatch(
        _ call: IncomingCall, on object: isolated FunctionHost
    ) async throws -> CallResult? {
        let function = object.function
        guard function.interface.methods.contains(where: { $0.name == call.method }) else {
            return nil
        }
        guard function.isSynchronous else { return try await function.run(call) }
        return try function.runNow(call)
    }
}
