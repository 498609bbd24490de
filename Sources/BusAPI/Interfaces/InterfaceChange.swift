// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/versioning.md §4.

/// One difference between two versions of an interface.
public struct InterfaceChange: Hashable, Codable, Sendable {
    /// Whom a difference hurts.
    public enum Effect: String, Codable, Sendable {
        /// A caller of the older version fails at an object of the newer one.
        case breaking
        /// No caller of the older version notices.
        case harmless
    }

    /// Whom it hurts.
    public var effect: Effect
    /// The full name of the method, or of one of its shorter forms; empty for the type itself.
    public var method: String
    /// What is different, for people.
    public var text: String

    /// Makes a change.
    public init(effect: Effect, method: String, text: String) {
        (self.effect, self.method, self.text) = (effect, method, text)
    }
}

extension Interface {
    /// What is different in `newer`, in the order of this version's methods, then of the newer's.
    ///
    /// Types are compared as they are written. What is inside a type (a new case, a new member)
    /// can't be seen here; docs/guides/evolving-interfaces.md says how to change types.
    public func changes(to newer: Interface) -> [InterfaceChange] {
        var changes: [InterfaceChange] = []
        func note(_ effect: InterfaceChange.Effect, _ method: String, _ text: String) {
            changes.append(InterfaceChange(effect: effect, method: method, text: text))
        }
        let offered = Dictionary(
            newer.methods.flatMap(\.forms).map { ($0.name, $0) },
            uniquingKeysWith: { first, _ in first })
        let known = Set(self.methods.flatMap(\.forms).map(\.name))
        for method in self.methods {
            for form in method.forms {
                guard let other = offered[form.name] else {
                    note(.breaking, form.name, "is gone")
                    continue
                }
                for difference in form.differences(to: other) {
                    note(difference.effect, form.name, difference.text)
                }
            }
        }
        for form in newer.methods.flatMap(\.forms) where !known.contains(form.name) {
            note(.harmless, form.name, "is new")
        }
        for name in self.conformances where !newer.conformances.contains(name) {
            note(.breaking, "", "can't be held as \(name) any more")
        }
        for name in newer.conformances where !self.conformances.contains(name) {
            note(.harmless, "", "can be held as \(name)")
        }
        return changes
    }
}

extension Interface.Method {
    /// A full name under which the method is called, with the parameters given.
    struct Form {
        let name: String
        let parameters: [Interface.Parameter]
        let returns: String

        func differences(to newer: Form) -> [(effect: InterfaceChange.Effect, text: String)] {
            var found: [(effect: InterfaceChange.Effect, text: String)] = []
            for (old, new) in zip(self.parameters, newer.parameters) where old.type != new.type {
                // What fits the type fits its optional as well.
                found.append(
                    (
                        new.type == "\(old.type)?" ? .harmless : .breaking,
                        "\(old.name) is \(new.type), was \(old.type)"
                    ))
            }
            if self.returns != newer.returns {
                // A method without a result answers null, which is an optional's nil.
                let isHarmless =
                    self.returns == "\(newer.returns)?" || self.returns == "Void"
                    || (newer.returns == "Void" && self.returns.hasSuffix("?"))
                found.append(
                    (
                        isHarmless ? .harmless : .breaking,
                        "returns \(newer.returns), was \(self.returns)"
                    ))
            }
            return found
        }
    }

    /// Every name that the method answers to: parameters with defaults may be left out, any of
    /// them (docs/protocol/calls.md §2). More than `defaultsMax` of them are not gone through.
    var forms: [Form] {
        let optional = self.parameters.indices.filter { self.parameters[$0].hasDefault }
        let base = self.name.prefix { $0 != "(" }
        let count = min(optional.count, Self.defaultsMax)
        return (0..<(1 << count)).map { pattern in
            let left = Set(
                optional.prefix(count).enumerated()
                    .filter { pattern & (1 << $0.offset) != 0 }.map(\.element))
            let given = self.parameters.indices.filter { !left.contains($0) }
                .map { self.parameters[$0] }
            let labels = given.map { "\($0.label):" }.joined()
            return Form(name: "\(base)(\(labels))", parameters: given, returns: self.returns)
        }
    }

    /// As many as `@BusObject` allows; an interface of a peer may claim more.
    private static let defaultsMax = 5
}
