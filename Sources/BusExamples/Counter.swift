// Part of objbus. SPDX-License-Identifier: Apache-2.0

public import BusAPI

/// A number that many may add to.
///
/// Its conformance to `BusObjectProtocol` is what `@BusObject` would write; it stands here by hand,
/// as in all examples, so that the `objbus` command builds without the macro.
public distributed actor Counter {
    /// Counters live on a bus.
    public typealias ActorSystem = Bus

    private var value = 0

    /// Makes a counter that stands at 0.
    public init(actorSystem: Bus) {
        self.actorSystem = actorSystem
    }

    /// Adds `amount`, which may be negative, and returns the new total.
    ///
    /// - Throws: `BusError` of kind `invalid` if the total would not fit 64 bits; it stays then.
    public distributed func add(_ amount: Int) throws -> Int {
        let (sum, overflow) = self.value.addingReportingOverflow(amount)
        guard !overflow else {
            throw BusError(.invalid, executed: .yes, "\(self.value) + \(amount) is out of range")
        }
        self.value = sum
        return sum
    }

    /// The total, as it is now.
    public distributed func total() -> Int { self.value }

    /// Sets the total to 0.
    public distributed func reset() { self.value = 0 }
}

extension Counter: BusObjectProtocol {
    /// What `objbus introspect counter` shows.
    public static let busInterface = Interface(
        name: "Counter", documentation: "A number that many may add to.",
        methods: [
            .init(
                name: "add(_:)", parameters: [.positional("amount", "Int")], returns: "Int",
                documentation: "Adds `amount`, which may be negative, and returns the new total.",
                throwsErrors: "any Error"),
            .init(
                name: "total()", returns: "Int", documentation: "The total, as it is now."),
            .init(name: "reset()", documentation: "Sets the total to 0."),
        ])

    /// Runs a call by its full name.
    public static func busDispatchSync(
        _ call: IncomingCall, on object: isolated Counter
    ) throws -> CallResult? {
        switch call.method {
        case "add(_:)":
            var arguments = try call.arguments(1)
            let amount = try arguments.next("amount", as: Int.self)
            return try call.result(object.add(amount))
        case "total()":
            _ = try call.arguments(0)
            return try call.result(object.total())
        case "reset()":
            _ = try call.arguments(0)
            object.reset()
            return call.result()
        default:
            return nil
        }
    }
}
