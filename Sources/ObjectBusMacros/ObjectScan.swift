// Part of objbus. SPDX-License-Identifier: Apache-2.0

import SwiftDiagnostics
import SwiftSyntax

/// What `@BusObject` found in an actor: its methods in source order, and what is wrong with them.
struct ObjectScan {
    /// A place in the source: in which branch of which `#if`s. The expansion repeats the `#if`s.
    struct Branch: Equatable {
        let block: Int
        let clause: Int
    }
    /// `methods[index]`, or an `#if` with the items of each branch.
    indirect enum Item {
        case method(Int)
        case conditional([(directive: String, items: [Item])])
    }

    private(set) var items: [Item] = []
    private(set) var methods: [DistributedMethod] = []
    private(set) var diagnostics: [Diagnostic] = []
    private var paths: [[Branch]] = []
    private var blocks = 0

    mutating func read(_ members: MemberBlockItemListSyntax) {
        items = read(members, path: [])
    }

    /// Finds names that are used twice, and properties; call once, after `read`.
    mutating func settle() {
        refuseSameNames()
        pairProperties()
    }

    private mutating func read(_ members: MemberBlockItemListSyntax, path: [Branch]) -> [Item] {
        var items: [Item] = []
        for member in members {
            if let function = member.decl.as(FunctionDeclSyntax.self) {
                guard function.modifiers.has(.distributed) else { continue }
                let method = DistributedMethod.read(function, diagnostics: &diagnostics)
                guard let method else { continue }
                items.append(.method(methods.count))
                methods.append(method)
                paths.append(path)
            } else if let variable = member.decl.as(VariableDeclSyntax.self) {
                if variable.modifiers.has(.distributed) { refuse(variable) }
            } else if let conditional = member.decl.as(IfConfigDeclSyntax.self) {
                let item = read(conditional, path: path)
                if let item { items.append(item) }
            }
        }
        return items
    }

    private mutating func read(_ conditional: IfConfigDeclSyntax, path: [Branch]) -> Item? {
        let block = blocks
        blocks += 1
        let count = methods.count
        var branches: [(directive: String, items: [Item])] = []
        for clause in conditional.clauses {
            let condition = clause.condition.map { " " + $0.plainText } ?? ""
            let branch = Branch(block: block, clause: branches.count)
            let members = clause.elements?.as(MemberBlockItemListSyntax.self) ?? []
            branches.append(
                (clause.poundKeyword.text + condition, read(members, path: path + [branch])))
        }
        return methods.count > count ? .conditional(branches) : nil
    }

    private mutating func refuse(_ variable: VariableDeclSyntax) {
        for binding in variable.bindings {
            let message = BusObjectMessage.distributedProperty(
                name: binding.pattern.plainText.withoutPlainBackticks,
                type: binding.typeAnnotation?.type.plainText ?? "T")
            diagnostics.append(Diagnostic(node: binding.pattern, message: message))
        }
    }

    /// Two methods conflict if a build can contain both: not in two branches of one `#if`.
    private func canCoexist(_ one: Int, _ other: Int) -> Bool {
        for (a, b) in zip(paths[one], paths[other]) where a != b { return a.block != b.block }
        return true
    }

    private mutating func refuseSameNames() {
        var users: [String: [Int]] = [:]  // only looked up, never iterated
        for index in methods.indices {
            for form in methods[index].forms where !methods[index].forms.isEmpty {
                let earlier = users[form.fullName, default: []].first { canCoexist($0, index) }
                if let earlier {
                    refuse(form, of: index, because: earlier)
                } else {
                    users[form.fullName, default: []].append(index)
                }
            }
        }
    }

    private mutating func refuse(
        _ form: DistributedMethod.Form, of index: Int, because earlier: Int
    ) {
        let (method, other) = (methods[index], methods[earlier])
        let isShortened = ![method.fullName, other.fullName].allSatisfy { $0 == form.fullName }
        diagnostics.append(
            Diagnostic(
                node: method.nameToken,
                message: BusObjectMessage.sameName(form.fullName, shortened: isShortened),
                notes: [
                    Note(
                        node: Syntax(other.nameToken),
                        message: SameNameNote(name: other.fullName))
                ]))
        methods[index].drop(form.fullName)
    }

    /// `total() -> T` and `setTotal(_: T)` are the two halves of a property named `total`.
    private mutating func pairProperties() {
        for index in methods.indices {
            let getter = methods[index]
            guard getter.parameters.isEmpty, getter.returns != "Void" else { continue }
            let setters = methods.indices.filter { other in
                let setter = methods[other]
                return setter.bareBase == getter.bareBase.setterName
                    && setter.parameters.map(\.label) == ["_"]
                    && setter.parameters.map(\.type) == [getter.returns]
                    && setter.returns == "Void" && canCoexist(index, other)
            }
            guard !setters.isEmpty else { continue }
            methods[index].role = .get(getter.bareBase)
            setters.forEach { methods[$0].role = .set(getter.bareBase) }
        }
    }
}
