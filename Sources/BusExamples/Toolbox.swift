// Part of objbus. SPDX-License-Identifier: Apache-2.0

public import BusAPI

/// What an object can have besides methods: functions, collections, properties, other objects.
public distributed actor Toolbox {
    /// Toolboxes live on a bus.
    public typealias ActorSystem = Bus

    private var currentLevel = 1
    private let list: SharedList<Int>
    private let table: SharedDictionary<String, Int>

    /// Makes a toolbox at level 1.
    public init(actorSystem: Bus) {
        self.actorSystem = actorSystem
        self.list = actorSystem.list([1, 2, 3])
        self.table = actorSystem.dictionary(["ada": 36, "bob": 40])
    }

    /// How full it is, from 0 to 10.
    public distributed func level() -> Int { self.currentLevel }

    /// Fills it.
    ///
    /// - Throws: `BusError` of kind `invalid` beyond 0 to 10.
    public distributed func setLevel(_ level: Int) throws {
        guard 0...10 ~= level else {
            throw BusError(.invalid, executed: .yes, "a level is from 0 to 10")
        }
        self.currentLevel = level
    }

    /// A function that adds two numbers.
    public distributed func adder() -> RemoteFunction<Int, Int, Int> {
        self.actorSystem.function("Adds two numbers.") { (x: Int, y: Int) throws -> Int in
            let (sum, overflow) = x.addingReportingOverflow(y)
            guard !overflow else {
                throw BusError(.invalid, executed: .yes, "\(x) + \(y) is out of range")
            }
            return sum
        }
    }

    /// A list that all who ask share.
    public distributed func numbers() -> SharedList<Int> { self.list }

    /// A dictionary that all who ask share.
    public distributed func ages() -> SharedDictionary<String, Int> { self.table }

    /// A new counter, which lives while anybody holds it.
    public distributed func create() -> Counter { Counter(actorSystem: self.actorSystem) }
}

extension Toolbox: BusObjectProtocol {
    /// What `objbus introspect toolbox` shows.
    public static let busInterface = Interface(
        name: "Toolbox",
        documentation: """
            What an object can have besides methods: functions, collections, properties, other \
            objects.
            """,
        methods: [
            .init(
                name: "level()", returns: "Int", documentation: "How full it is, from 0 to 10.",
                property: .get("level")),
            .init(
                name: "setLevel(_:)", parameters: [.positional("level", "Int")],
                documentation: "Fills it.", throwsErrors: "any Error", property: .set("level")),
            .init(
                name: "adder()", returns: "RemoteFunction<Int, Int, Int>",
                documentation: "A function that adds two numbers."),
            .init(
                name: "numbers()", returns: "SharedList<Int>",
                documentation: "A list that all who ask share."),
            .init(
                name: "ages()", returns: "SharedDictionary<String, Int>",
                documentation: "A dictionary that all who ask share."),
            .init(
                name: "create()", returns: "Counter",
                documentation: "A new counter, which lives while anybody holds it."),
        ])

    /// Runs a call by its full name.
    public static func busDispatchSync(
        _ call: IncomingCall, on object: isolated Toolbox
    ) throws -> CallResult? {
        guard call.method == "setLevel(_:)" else { return try reading(call, object) }
        var arguments = try call.arguments(1)
        try object.setLevel(arguments.next("level", as: Int.self))
        return call.result()
    }

    private static func reading(
        _ call: IncomingCall, _ object: isolated Toolbox
    ) throws -> CallResult? {
        switch call.method {
        case "level()", "adder()", "numbers()", "ages()", "create()": _ = try call.arguments(0)
        default: return nil
        }
        switch call.method {
        case "level()": return try call.result(object.level())
        case "adder()": return try call.result(object.adder())
        case "numbers()": return try call.result(object.numbers())
        case "ages()": return try call.result(object.ages())
        default: return try call.result(object.create())
        }
    }
}
