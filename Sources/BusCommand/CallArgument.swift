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
    /// - Parameter slot: Gives the slot for a tag.
    /// - Throws: `CommandFailure` for a `{"$ref": …}` without a tag, or what `slot` throws.
    func value(slot: (String) throws -> ReferenceSlot) throws -> Value {
        if self.isTag { return .reference(try slot(self.text)) }
        var failure: (any Error)?
        let value = try? Value(json: self.text) { tag in
            do {
                guard tag.hasPrefix("ref:") else {
                    throw CommandFailure.usage("'\(tag)' in an argument is no reference tag")
                }
                return try slot(tag)
            } catch {
                failure = error
                throw error
            }
        }
        if let failure { throw failure }
        return value ?? .string(self.text)
    }
}

/// The arguments of a call, and the references in them.
struct CallArguments: Hashable {
    /// In the order typed.
    let arguments: [CallArgument]
    /// The tags in them, each once, in the order of their first use.
    let tags: [String]

    /// Reads the arguments.
    ///
    /// - Throws: `CommandFailure` with code 2.
    init(_ typed: [String]) throws {
        var tags: [String] = []
        self.arguments = typed.map(CallArgument.init)
        for argument in self.arguments {
            _ = try argument.value { tag in
                if !tags.contains(tag) { tags.append(tag) }
                return ReferenceSlot(0)
            }
        }
        self.tags = tags
    }

    /// The labels, in the order typed.
    var labels: [String?] { self.arguments.map(\.label) }

    /// The values in the order typed; `slots` are those of `tags`.
    func values(slots: [ReferenceSlot]) throws -> [Value] {
        try self.arguments.map { argument in
            try argument.value { tag in
                guard let index = self.tags.firstIndex(of: tag) else {
                    throw CommandFailure.usage("'\(tag)' is no reference tag")
                }
                return slots[index]
            }
        }
    }
}
