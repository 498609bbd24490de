// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// Writes the extension that `@BusObject` adds.
struct ExtensionWriter {
    let type: String
    let conforms: Bool
    /// With the space after it.
    let access: String
    let isGeneric: Bool
    let name: String
    let documentation: String
    /// The protocols that the actor's own declaration names.
    let conformances: [String]
    let scan: ObjectScan

    func text() -> String {
        var lines = ["extension \(type)\(conforms ? ": ObjectBus.BusObjectProtocol" : "") {"]
        lines += interface().indented
        if scan.methods.contains(where: { $0.errorType != nil }) {
            lines += [""] + errorTypes().indented
        }
        if scan.methods.contains(where: { !$0.isAsync && !$0.forms.isEmpty }) {
            lines += [""] + dispatch(isAsync: false).indented
        }
        lines += [""] + dispatch(isAsync: true).indented + ["}"]
        return lines.joined(separator: "\n")
    }

    private func interface() -> [String] {
        let arguments = "name: \(name.literal), documentation: \(documentation.literal)"
        let protocols = conformances.map(\.literal).joined(separator: ", ")
        let rest = conformances.isEmpty ? "" : ", conformances: [\(protocols)]"
        return list(
            "busInterface", of: "ObjectBus.Interface.Method",
            as: "ObjectBus.Interface", "ObjectBus.Interface(\(arguments), methods: list\(rest))",
            entry: { description(of: $0) })
    }

    private func errorTypes() -> [String] {
        // In different branches of an #if the same type may be needed twice.
        let isConditional = scan.items.contains { item in
            if case .conditional = item { true } else { false }
        }
        var seen: [String] = []
        return list(
            "busErrorTypes", of: "any Swift.Error.Type", as: "[any Swift.Error.Type]", "list",
            entry: { method in
                guard let type = method.errorType, isConditional || !seen.contains(type) else {
                    return nil
                }
                seen.append(type)
                return "\(type).self"
            })
    }

    /// A static property made of a list to which each method adds an entry, under its `#if`s.
    private func list(
        _ property: String, of element: String, as type: String, _ value: String,
        entry: (DistributedMethod) -> String?
    ) -> [String] {
        var body = [
            "var list: [\(element)] = []",
            "list.reserveCapacity(\(scan.methods.count))",
        ]
        body += repeating(scan.items) { method in entry(method).map { ["list.append(\($0))"] } ?? []
        }
        body.append("return \(value)")
        let head = "\(access)static \(isGeneric ? "var" : "let") \(property): \(type)"
        return [head + (isGeneric ? " {" : " = {")] + body.indented + [isGeneric ? "}" : "}()"]
    }

    private func description(of method: DistributedMethod) -> String {
        let parameters = method.parameters.map { parameter in
            ".init(label: \(parameter.label.withoutPlainBackticks.literal), "
                + "name: \(parameter.name.literal), type: \(parameter.type.literal), "
                + "hasDefault: \(parameter.hasDefault))"
        }
        let property =
            switch method.role {
            case .get(let name): ".get(\(name.literal))"
            case .set(let name): ".set(\(name.literal))"
            case nil: "nil"
            }
        return ".init(name: \(method.fullName.literal), "
            + "parameters: [\(parameters.joined(separator: ", "))], "
            + "returns: \(method.returns.literal), "
            + "documentation: \(method.documentation.literal), "
            + "throwsErrors: \(method.throwsErrors?.literal ?? "nil"), "
            + "isAsync: \(method.isAsync), property: \(property))"
    }

    /// Two functions: one that may suspend needs room for all that it may do (docs/performance.md).
    private func dispatch(isAsync: Bool) -> [String] {
        // A deprecated context may call deprecated methods without a warning; only the bus calls
        // it.
        let isDeprecated = scan.methods.contains { $0.isDeprecated && $0.isAsync == isAsync }
        let head =
            (isDeprecated ? ["@available(*, deprecated)"] : []) + [
                "\(access)static func \(isAsync ? "busDispatch" : "busDispatchSync")(",
                "    _ call: ObjectBus.IncomingCall, on object: isolated \(type)",
                ") \(isAsync ? "async " : "")throws -> ObjectBus.CallResult? {",
            ]
        let cases = repeating(scan.items) { method in
            guard method.isAsync == isAsync else { return [] }
            return method.forms.flatMap { form in
                ["case \(form.fullName.literal):"] + body(of: method, form).indented
            }
        }
        let lines = ["switch call.method {"] + cases + ["default:", "    return nil", "}"]
        return head + lines.indented + ["}"]
    }

    private func body(of method: DistributedMethod, _ form: DistributedMethod.Form) -> [String] {
        let count = form.parameters.count
        var lines = ["\(count == 0 ? "_" : "var arguments") = try call.arguments(\(count))"]
        var arguments: [String] = []
        for (position, index) in form.parameters.enumerated() {
            let parameter = method.parameters[index]
            let label = parameter.label == "_" ? "" : parameter.label.asArgumentLabel + ": "
            let key = label.isEmpty ? parameter.name : parameter.label.withoutPlainBackticks
            lines.append(
                "let a\(position) = try arguments.next(\(key.literal), as: \(parameter.metatype))")
            arguments.append("\(label)a\(position)")
        }
        let call = "object.\(method.base)(\(arguments.joined(separator: ", ")))"
        let isAwaited = method.isAsync ? "await " : ""
        if method.returns == "Void" {
            lines.append("\(method.throwsErrors == nil ? "" : "try ")\(isAwaited)\(call)")
            lines.append("return call.result()")
        } else {
            lines.append("return try \(isAwaited)call.result(\(call))")
        }
        return lines
    }

    /// The lines of each method, inside the same `#if`s as in the source.
    private func repeating(
        _ items: [ObjectScan.Item], _ lines: (DistributedMethod) -> [String]
    ) -> [String] {
        items.flatMap { item -> [String] in
            switch item {
            case .method(let index):
                let method = scan.methods[index]
                return method.forms.isEmpty ? [] : lines(method)
            case .conditional(let branches):
                let parts = branches.map { repeating($0.items, lines) }
                guard !parts.allSatisfy(\.isEmpty) else { return [] }
                return zip(branches, parts).flatMap { [$0.directive] + $1 } + ["#endif"]
            }
        }
    }
}

extension [String] {
    fileprivate var indented: [String] { map { $0.isEmpty ? "" : "    " + $0 } }
}

extension String {
    /// A label for a call, where few words need backticks, and others must not have any.
    fileprivate var asArgumentLabel: String {
        ["`inout`", "`var`", "`let`", "`_`"].contains(self) ? self : withoutPlainBackticks
    }

    /// The text as a Swift string literal on one line.
    fileprivate var literal: String {
        var text = "\""
        for scalar in unicodeScalars {
            switch scalar {
            case "\"", "\\": text += "\\" + String(scalar)
            case "\n": text += "\\n"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                text += "\\u{" + String(scalar.value, radix: 16) + "}"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }
}
