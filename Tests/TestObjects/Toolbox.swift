// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Test objects are public only to be seen across modules.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

public import ObjectBus

/// Gives and takes functions and shared collections.
@BusObject
public distributed actor Toolbox {
    public typealias ActorSystem = Bus

    private var kept: RemoteFunction<Int, Int>?
    private let list: SharedList<Int>
    private let ageTable: SharedDictionary<String, Int>
    private let tagSet: SharedSet<String>
    private var currentLevel = 1

    public init(actorSystem: Bus) {
        self.actorSystem = actorSystem
        self.list = actorSystem.list([1, 2, 3])
        self.ageTable = actorSystem.dictionary(["ada": 36, "bob": 40])
        self.tagSet = actorSystem.set(["red", "blue"])
    }

    /// Adds two numbers.
    public distributed func adder() -> RemoteFunction<Int, Int, Int> {
        self.actorSystem.function("Adds two numbers.") { (x: Int, y: Int) in x + y }
    }

    /// Throws when called.
    public distributed func thrower() -> RemoteFunction<Int, Int> {
        self.actorSystem.function { (wanted: Int) throws -> Int in
            throw TooFew(wanted: wanted, present: 0)
        }
    }

    /// Calls a function of its own side.
    public distributed func addHere(_ x: Int, _ y: Int) async throws -> Int {
        try await self.adder()(x, y)
    }

    /// Calls `function`.
    public distributed func apply(
        _ function: RemoteFunction<Int, Int, Int>, to x: Int, _ y: Int
    ) async throws -> Int {
        try await function(x, y)
    }

    /// Keeps `function`.
    public distributed func keep(_ function: RemoteFunction<Int, Int>) { self.kept = function }

    /// Calls the function that is kept, and adds 3.
    public distributed func callKept(_ x: Int) async throws -> Int {
        guard let kept else { throw TooFew(wanted: 1, present: 0) }
        return try await kept(x) + 3
    }

    /// Gives back what is kept.
    public distributed func keptFunction() -> RemoteFunction<Int, Int>? { self.kept }

    /// A list that is shared.
    public distributed func numbers() -> SharedList<Int> { self.list }

    /// A dictionary that is shared.
    public distributed func ages() -> SharedDictionary<String, Int> { self.ageTable }

    /// A set that is shared.
    public distributed func tags() -> SharedSet<String> { self.tagSet }

    /// Whether `list` is this side's own.
    public distributed func isOwn(_ list: SharedList<Int>) -> Bool { list == self.list }

    /// The sum of the numbers of any list.
    public distributed func sum(of list: SharedList<Int>) async throws -> Int {
        var sum = 0
        for try await number in list.elements(chunk: 2) { sum += number }
        return sum
    }

    /// A property, computed where the object lives.
    public distributed func level() -> Int { self.currentLevel * 10 }

    /// Writes the property.
    public distributed func setLevel(_ level: Int) { self.currentLevel = level / 10 }
}

/// What belongs to a type and not to one object of it: makes counters, and knows how many.
@BusObject
public distributed actor CounterFactory {
    public typealias ActorSystem = Bus

    private var count = 0

    public init(actorSystem: Bus) {
        self.actorSystem = actorSystem
    }

    /// A new counter, which lives here while anybody holds it.
    public distributed func create() -> Counter {
        self.count += 1
        return Counter(actorSystem: self.actorSystem)
    }

    /// How many were made.
    public distributed func made() -> Int { self.count }

    /// Whether `factory` is this one.
    public distributed func isSelf(_ factory: CounterFactory) -> Bool { factory === self }
}

/// An object whose type has a parameter.
@BusObject
public distributed actor Box<Element: Codable & Sendable> {
    public typealias ActorSystem = Bus

    private var content: Element

    public init(_ content: Element, actorSystem: Bus) {
        self.content = content
        self.actorSystem = actorSystem
    }

    /// What is in it.
    public distributed func get() -> Element { self.content }

    /// Replaces what is in it, and returns what was.
    public distributed func exchange(_ content: Element) -> Element {
        defer { self.content = content }
        return self.content
    }
}
