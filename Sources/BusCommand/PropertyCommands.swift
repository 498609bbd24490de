// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BusAPI

/// `objbus get`: reads a property.
struct GetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Read a property of an object, or list its properties.",
        discussion: """
            Examples:
              objbus get thermostat                     (all of them)
              objbus get thermostat target
              objbus get thermostat target --json
            """)

    @OptionGroup var shared: SharedOptions

    @Argument(
        help: "The object: a published name, or a reference's tag.",
        completion: .custom(Completion.objects))
    var object: String

    @Argument(help: "The property; all of them if it is left out.")
    var property: String?

    func run() async throws {
        try await self.shared.withBus { bus in
            let object = try await bus.object(self.object)
            let interface = try await object.knownInterface()
            guard let property else { return try await self.list(object, interface, bus) }
            let getter = try interface.accessor(of: property, writes: false)
            let result = try await object.callForValue(getter.name, [])
            ResultText(result, on: bus).print(json: self.shared.json)
        }
    }

    private func list(_ object: RemoteObject, _ interface: Interface, _ bus: Bus) async throws {
        var rows: [(name: String, text: ResultText)] = []
        for method in interface.methods {
            guard case .get(let name) = method.property else { continue }
            let result = try await object.callForValue(method.name, [])
            rows.append((name, ResultText(result, on: bus)))
        }
        guard !self.shared.json else {
            let map = ValueMap(rows.map { (Value.string($0.name), $0.text.tagged) })
            return self.shared.print(json: .map(map))
        }
        Terminal.print(Text.table(rows.map { [$0.name, $0.text.text ?? "null"] }))
        if rows.isEmpty { Terminal.report("\(interface.name) has no properties") }
    }
}

/// `objbus set`: writes a property.
struct SetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Write a property of an object.",
        discussion: """
            The value is JSON if it parses as JSON, else a string, as in 'objbus call'.

            Examples:
              objbus set thermostat target 21.5
              objbus set thermostat label '"42"'      (a string, not a number)
            """)

    @OptionGroup var shared: SharedOptions

    @Argument(
        help: "The object: a published name, or a reference's tag.",
        completion: .custom(Completion.objects))
    var object: String

    @Argument(help: "The property.")
    var property: String

    @Argument(parsing: .allUnrecognized, help: "The value.")
    var value: [String]

    func validate() throws {
        guard self.value.count == 1 else { throw ValidationError("a property has one value") }
    }

    func run() async throws {
        // As an argument with a label, so that no equals sign in it means one.
        let typed = CallArguments(["_=" + (self.value.first ?? "")])
        try await self.shared.withBus { bus in
            let object = try await bus.object(self.object)
            let interface = try await object.knownInterface()
            let setter = try interface.accessor(of: self.property, writes: true)
            var references: [RemoteObject] = []
            for text in typed.objects { references.append(try await bus.object(text)) }
            let slots = references.indices.map { ReferenceSlot(UInt32($0)) }
            _ = try await object.callForValue(
                setter.name, typed.values(slots: slots), references: references)
        }
    }
}

extension Interface {
    /// The method that reads or writes a property.
    ///
    /// - Throws: `CommandFailure` with code 3, naming the properties that there are.
    func accessor(of property: String, writes: Bool) throws -> Method {
        let wanted = writes ? PropertyRole.set(property) : .get(property)
        if let method = self.methods.first(where: { $0.property == wanted }) { return method }
        let names = self.methods.compactMap { method -> String? in
            switch method.property {
            case .get(let name) where !writes: name
            case .set(let name) where writes: name
            default: nil
            }
        }
        let kind = writes ? "property that can be set" : "property"
        throw CommandFailure.of(
            .unimplemented,
            names.isEmpty
                ? "\(self.name) has no \(kind)"
                : "\(self.name) has no \(kind) called '\(property)'; it has "
                    + names.joined(separator: ", "))
    }
}
