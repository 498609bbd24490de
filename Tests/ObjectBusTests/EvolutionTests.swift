// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ObjectBus
import Testing

/// Versions of one object: what `changes(to:)` predicts is what callers of an older version see.
@Suite struct EvolutionTests {
    private static let versions: [any (BusObjectProtocol).Type] = [
        Meter1.self, Meter2.self, Meter3.self, Meter4.self, Meter5.self, Meter6.self, Meter7.self,
    ]

    private func object(_ version: Int, on bus: Bus) -> any BusObjectProtocol {
        switch version {
        case 0: Meter1(actorSystem: bus)
        case 1: Meter2(actorSystem: bus)
        case 2: Meter3(actorSystem: bus)
        case 3: Meter4(actorSystem: bus)
        case 4: Meter5(actorSystem: bus)
        case 5: Meter6(actorSystem: bus)
        default: Meter7(actorSystem: bus)
        }
    }

    /// A value that a caller of a version would send for a parameter written so.
    private func sample(_ type: String) -> Value {
        switch type {
        case "Int": .integer(3)
        case "String": .string("x")
        case "[Int]": .array([.integer(1)])
        default: .null
        }
    }

    /// Whether a caller that expects a result written so can take `value`.
    private func fits(_ value: Value, _ type: String) -> Bool {
        switch type {
        case "Int": value.intValue != nil
        case "Int?": value.intValue != nil || value.isNull
        case "String": value.stringValue != nil
        case "Void": true
        default: false
        }
    }

    @Test func `what is predicted of a pair of versions is what happens`() async throws {
        let bus = try await Bus.embedded(name: "owner")
        let client = try await bus.attach(name: "client")
        var outcomes: Set<Bool> = []
        for (newer, type) in Self.versions.enumerated() {
            let object = self.object(newer, on: bus)
            try await bus.publish(object, as: "meter/\(newer)")
            let remote = try await client.object(named: "meter/\(newer)")
            for older in Self.versions where older != type {
                let changes = older.busInterface.changes(to: type.busInterface)
                let broken = Set(changes.filter { $0.effect == .breaking }.map(\.method))
                for method in older.busInterface.methods {
                    let arguments = method.parameters.map { self.sample($0.type) }
                    let result = try? await remote.call(
                        method.name, arguments, returning: Value.self)
                    let works = result.map { self.fits($0, method.returns) } ?? false
                    #expect(
                        works == !broken.contains(method.name),
                        "\(method.signature) of \(older) at \(type): \(changes)")
                    outcomes.insert(works)
                }
            }
        }
        // Neither prediction is vacuous.
        #expect(outcomes == [true, false])
        client.close()
        bus.close()
    }

    @Test func `changes are told in order, with their effect`() {
        let changes = Meter1.busInterface.changes(to: Meter2.busInterface)
        #expect(
            changes == [
                InterfaceChange(effect: .harmless, method: "add(_:unit:)", text: "is new"),
                InterfaceChange(effect: .harmless, method: "reset()", text: "is new"),
            ])
        #expect(Meter1.busInterface.changes(to: Meter1.busInterface) == [])
        let back = Meter2.busInterface.changes(to: Meter1.busInterface)
        #expect(
            back.filter { $0.effect == .breaking }.map(\.method) == ["add(_:unit:)", "reset()"])
        let typed = Meter1.busInterface.changes(to: Meter4.busInterface)
        #expect(typed.map(\.text) == ["amount is String, was Int", "returns String, was Int"])
    }

    @Test func `an unknown case and a missing member have their fallback`() throws {
        let old = try ValueEncoder().encode(Old(colour: .red))
        let new = try ValueDecoder().decode(New.self, from: old)
        #expect(new == New(colour: .red, note: nil))
        let sent = try ValueEncoder().encode(New(colour: .green, note: "n"))
        #expect(try ValueDecoder().decode(Old.self, from: sent) == Old(colour: .unknown))
    }
}

/// A type as an older caller has it: what it does not know becomes `unknown`.
private struct Old: Codable, Hashable {
    enum Colour: String, Codable {
        case red
        case unknown

        init(from decoder: any Decoder) throws {
            let word = try decoder.singleValueContainer().decode(String.self)
            self = Colour(rawValue: word) ?? .unknown
        }
    }

    var colour: Colour
}

private struct New: Codable, Hashable {
    enum Colour: String, Codable {
        case red
        case green
    }

    var colour: Colour
    var note: String?
}

@BusObject
distributed actor Meter1 {
    distributed func add(_ amount: Int) -> Int { amount }
    distributed func label() -> String { "" }
}

/// A defaulted parameter and a method more.
@BusObject
distributed actor Meter2 {
    distributed func add(_ amount: Int, unit: String = "") -> Int { amount }
    distributed func label() -> String { "" }
    distributed func reset() {}
}

/// The default is gone.
@BusObject
distributed actor Meter3 {
    distributed func add(_ amount: Int, unit: String) -> Int { amount }
    distributed func label() -> String { "" }
}

/// Other types.
@BusObject
distributed actor Meter4 {
    distributed func add(_ amount: String) -> String { amount }
    distributed func label() -> String { "" }
}

/// An argument that may be null.
@BusObject
distributed actor Meter5 {
    distributed func add(_ amount: Int?) -> Int { amount ?? 0 }
    distributed func label() -> String { "" }
}

/// A result that may be null.
@BusObject
distributed actor Meter6 {
    distributed func add(_ amount: Int) -> Int? { amount > 100 ? amount : nil }
    distributed func label() -> String { "" }
}

/// A method less, and one without a result.
@BusObject
distributed actor Meter7 {
    distributed func add(_ amount: Int) { _ = amount }
}
