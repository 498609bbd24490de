// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI

/// One argument of `objbus call`, as it was typed.
struct CallArgument: Hashable {
    /// The label, `_` where it was given as such, nil where none was.
    let label: String?
    private let text: String

    /// Takes `label=value` apart; what parses as JSON has no label.
    init(_ typed: String) {
        if (try? Value(json: typed, reference: { _ in ReferenceSlot(0) })) == nil,
            let sign = typed.firstIndex(of: "="), Self.isLabel(typed[..<sign])
        {
            self.label = String(typed[..<sign])
            self.text = String(typed[typed.index(after: sign)...])
        } else {
            self.label = nil
            self.text = typed
        }
    }

    private static func isLabel(_ text: Substring) -> Bool {
        guard let first = text.first, first == "_" || first.isLetter else { return false }
        return text.allSatisfy { $0 == "_" || $0.isLetter || $0.isNumber }
    }

    /// Whether the text is a reference's tag.
    private var isTag: Bool { self.text.hasPrefix("ref:") }

    /// The argument: JSON where it parses as such, a reference for a tag, else a string.
    ///
    /// - Parameter slot: Gives the slot for an object, which is a tag, or in `{"$ref": …}` also a
    ///   published name.
    func value(slot: (String) -> ReferenceSlot) -> Value {
        if self.isTag { return .reference(slot(self.text)) }
        return (try? Value(json: self.text, reference: slot)) ?? .string(self.text)
    }
}

/// The arguments of a call, and the references in them.
struct CallArguments: Hashable {
    /// In the order typed.
    let arguments: [CallArgument]
    /// The objects in them, by tag or name, each text once, in the order of their first use.
    let objects: [String]

    /// Reads the arguments.
    init(_ typed: [String]) {
        var objects: [String] = []
        self.arguments = typed.map(CallArgument.init)
        for argument in self.arguments {
            _ = argument.value { object in
                if !objects.contains(object) { objects.append(object) }
                return ReferenceSlot(0)
            }
        }
        self.objects = objects
    }

    /// The labels, in the order typed.
    var labels: [String?] { self.arguments.map(\.label) }

    /// The values in the order typed.
    ///
    /// - Parameter slots: Those of `objects`, as many.
    func values(slots: [ReferenceSlot]) -> [Value] {
        self.arguments.map { argument in
            argument.value { object in
                slots[self.objects.firstIndex(of: object) ?? 0]
            }
        }
    }
}
