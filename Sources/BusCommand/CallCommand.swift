// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BusAPI
import UnixSignals

/// `objbus call`: calls a method and prints its result.
struct CallCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "call", abstract: "Call a method of an object and print the result.",
        usage: """
            objbus call [<options>] <object> <method> [<value> ...] [<label>=<value> ...]
            """,
        discussion: """
            A value is JSON if it parses as JSON, else a string; "ref:…", the tag of a reference, \
            stands for that object, and so does {"$ref": "…"} with a tag or a published name. \
            "label=value" names an argument; write "_=a=b" for a text with an equals sign that \
            has no label.

            A result that is a reference is printed as its tag, which stands for the object in \
            later commands while somebody keeps it alive. A string is printed without quotes, and \
            null not at all.

            Examples:
              objbus call counter add 3
              objbus call greeter greet Ada in=fr
              objbus call "$(objbus call bank account ada)" deposit 10
              objbus call bank/ada transfer 5 to="$(objbus call bank account bob)"
              objbus call counter 'add(_:)' -3
            """)

    @OptionGroup var shared: SharedOptions

    @Flag(help: "Print a string or bytes exactly as they are, without a line end.")
    var raw = false

    @Flag(help: "Go on holding the references in the result until SIGINT or SIGTERM.")
    var hold = false

    @Argument(
        help: "The object: a published name, or a reference's tag.",
        completion: .custom(Completion.objects))
    var object: String

    @Argument(
        help: "The method: its base name, 'transfer', or its full name, 'transfer(_:to:)'.",
        completion: .custom(Completion.methods))
    var method: String

    @Argument(
        parsing: .allUnrecognized, help: ArgumentHelp("The arguments.", valueName: "value"))
    var arguments: [String] = []

    func validate() throws {
        if self.raw, self.shared.json {
            throw ValidationError("either --raw or --json can be given, not both")
        }
    }

    func run() async throws {
        let typed = CallArguments(self.arguments)
        let signals = self.hold ? await UnixSignalsSequence(trapping: .sigint, .sigterm) : nil
        try await self.shared.withBus { bus in
            let object = try await bus.object(self.object)
            let plan = try CallPlan(
                self.method, labels: typed.labels, in: try await object.knownInterface())
            let (references, slots) = try await self.find(typed.objects, on: bus)
            let values = typed.values(slots: slots)
            let result = try await object.callForValue(
                plan.method, plan.order.map { values[$0] }, references: references)
            let text = ResultText(result, on: bus)
            if self.raw, let bytes = text.raw {
                Terminal.write(bytes)
            } else {
                text.print(json: self.shared.json)
            }
            if let signals { for await _ in signals { break } }
            withExtendedLifetime(result) {}
        }
    }

    /// The objects of the texts, each once, and for each text its object's place.
    private func find(
        _ texts: [String], on bus: Bus
    ) async throws -> ([RemoteObject], [ReferenceSlot]) {
        var objects: [RemoteObject] = []
        var slots: [ReferenceSlot] = []
        for text in texts {
            let object = try await bus.object(text)
            let index = objects.firstIndex(of: object) ?? objects.count
            if index == objects.count { objects.append(object) }
            slots.append(ReferenceSlot(UInt32(index)))
        }
        return (objects, slots)
    }
}

/// Pure: a call's result as text.
struct ResultText: Hashable {
    let value: Value
    /// The tags of the references in it, by slot.
    let tags: [String]

    init(_ result: RemoteObject.DynamicResult, on bus: Bus) {
        self.init(
            value: result.value, tags: result.references.map { bus.tag(of: $0) ?? "" })
    }

    init(value: Value, tags: [String]) {
        (self.value, self.tags) = (value, tags)
    }

    /// Prints the result, for programs or for people.
    func print(json: Bool) {
        if json {
            Terminal.print(self.json)
        } else if let text {
            Terminal.print(Terminal.isInteractive ? Text.harmless(text) : text)
        }
    }

    /// The value itself where it is no reference, else its tag.
    var tagged: Value {
        guard case .reference = self.value, let text else { return self.value }
        return .string(text)
    }

    /// For programs: always one JSON value.
    var json: String {
        self.value.json(pretty: true) { slot in
            Int(slot.index) < self.tags.count ? self.tags[Int(slot.index)] : slot.description
        }
    }

    /// For people: strings and tags bare, the rest as JSON; nil for null.
    var text: String? {
        switch self.value {
        case .null: nil
        case .string(let text): text
        case .reference(let slot) where Int(slot.index) < self.tags.count:
            self.tags[Int(slot.index)]
        default: self.json
        }
    }

    /// The content of a string or of bytes; nil for anything else.
    var raw: [UInt8]? {
        switch self.value {
        case .string(let text): Array(text.utf8)
        case .bytes(let bytes): bytes.array
        default: nil
        }
    }
}
