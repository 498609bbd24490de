// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI

/// Which method a call means, and which of its arguments goes where.
struct CallPlan: Hashable {
    /// The full name, `transfer(_:to:)`.
    let method: String
    /// For each parameter the place of its argument among those typed.
    let order: [Int]

    /// Finds the method of `interface` that `method` and the labels mean.
    ///
    /// - Parameters:
    ///   - method: A base name, `transfer`, or a full one, `transfer(_:to:)`, with which labels may
    ///     be left out.
    ///   - labels: The arguments' labels in the order typed, nil for none.
    ///   - interface: Without methods, as of an object without `@BusObject`, the name is built from
    ///     the labels.
    /// - Throws: `CommandFailure`: code 3 if there is no such method, 2 if its labels or the number
    ///   of its parameters are others, both naming what exists.
    init(_ method: String, labels: [String?], in interface: Interface) throws {
        let base = String(method.prefix { $0 != "(" })
        let isFull = base != method
        guard !interface.methods.isEmpty, !method.hasPrefix("$") else {
            let names = labels.map { "\($0 ?? "_"):" }.joined()
            self.init(
                method: isFull ? method : "\(base)(\(names))", order: Array(labels.indices))
            return
        }
        let sameBase = interface.methods.filter { $0.name.prefix { $0 != "(" } == base }
        guard !sameBase.isEmpty else {
            let names = interface.methods.map(\.name).joined(separator: ", ")
            throw CommandFailure.of(
                .unimplemented, "\(interface.name) has no method '\(method)'; it has \(names)")
        }
        let forms = sameBase.flatMap { Form.all(of: $0) }.filter { !isFull || $0.name == method }
        let fits = forms.compactMap { form in
            form.order(of: labels, mayLeaveOut: isFull).map {
                CallPlan(method: form.name, order: $0)
            }
        }
        // Labels in the order of the declaration win over those in another order.
        guard let plan = fits.first(where: { $0.order == $0.order.sorted() }) ?? fits.first else {
            throw CommandFailure.of(
                .invalid,
                Self.mismatch(isFull ? method : base, labels, interface.name, sameBase))
        }
        self = plan
    }

    private init(method: String, order: [Int]) {
        self.method = method
        self.order = order
    }

    private static func mismatch(
        _ method: String, _ labels: [String?], _ type: String, _ methods: [Interface.Method]
    ) -> String {
        let given = labels.map { $0 == nil ? "VALUE" : "\($0 ?? "_")=VALUE" }
        let what = given.isEmpty ? "no arguments" : given.joined(separator: " ")
        let usages = methods.map { "\($0.signature), called as: \($0.usage)" }
        return
            "\(type) has no \(method) that takes \(what); it has \(usages.joined(separator: "; "))"
    }
}

/// A full name under which a method can be called: parameters with defaults may be left out.
private struct Form {
    let name: String
    let labels: [String]

    /// The forms of a method, the longest first.
    static func all(of method: Interface.Method) -> [Form] {
        let base = method.name.prefix { $0 != "(" }
        var subsets: [[String]] = [[]]
        // As many defaults as the macro allows, and no more: a peer wrote the interface.
        let optional = method.parameters.filter(\.hasDefault).count <= 5
        for parameter in method.parameters {
            let with = subsets.map { $0 + [parameter.label] }
            subsets = parameter.hasDefault && optional ? with + subsets : with
        }
        return subsets.map { labels in
            Form(name: "\(base)(\(labels.map { "\($0):" }.joined()))", labels: labels)
        }
    }

    /// The place of each parameter's argument; nil if they don't fit.
    func order(of given: [String?], mayLeaveOut: Bool) -> [Int]? {
        guard given.count == self.labels.count else { return nil }
        if mayLeaveOut, given.allSatisfy({ $0 == nil }) { return Array(given.indices) }
        var left = Array(given.enumerated())
        var order: [Int] = []
        for label in self.labels {
            guard let place = left.firstIndex(where: { ($0.element ?? "_") == label }) else {
                return nil
            }
            order.append(left.remove(at: place).offset)
        }
        return order
    }
}

extension Interface.Method {
    /// How it is written on the command line: `transfer AMOUNT to=OTHER`.
    var usage: String {
        let base = String(self.name.prefix { $0 != "(" })
        let arguments = self.parameters.map { parameter in
            let value = parameter.name.uppercased()
            let text = parameter.label == "_" ? value : "\(parameter.label)=\(value)"
            return parameter.hasDefault ? "[\(text)]" : text
        }
        return ([base] + arguments).joined(separator: " ")
    }
}
